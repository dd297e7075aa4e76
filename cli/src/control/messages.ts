/** What is said on the control socket: one JSON value a line, an ask first, then what is told about it. */
import type { Socket } from 'node:net'
import type { SyncReport } from '@pileus/client/drive/drive'
import type { LiveState } from '@pileus/client/live/live-drive'
import type { Exit } from '../failures/exit-codes.ts'

export type Deletions = 'hold' | 'accept' | 'undo'

export type Ask =
  /** Look at everything now; told `now` while that goes on, then `report` or `failure`. */
  | { readonly format: 1; readonly ask: 'sync'; readonly deletions: Deletions }
  /** Stop in order; told `stopping`, and the connection ends with the process. */
  | { readonly format: 1; readonly ask: 'stop' }

export type Told =
  | { readonly now: LiveState }
  | { readonly report: SyncReport }
  | { readonly failure: { readonly exit: Exit; readonly code: string; readonly message: string } }
  /** By the process of this number. */
  | { readonly stopping: number }

/** An ask is short. */
export const ASK_MAX_BYTES = 1_024

/** Null where the line is no ask that this version knows. */
export function parseAsk(line: string): Ask | null {
  if (line.length > ASK_MAX_BYTES) return null
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null) return null
  const { format, ask, deletions } = value as Record<string, unknown>
  if (format !== 1) return null
  if (ask === 'stop') return { format, ask }
  if (ask !== 'sync' || !isDeletions(deletions)) return null
  return { format, ask, deletions }
}

function isDeletions(value: unknown): value is Deletions {
  return value === 'hold' || value === 'accept' || value === 'undo'
}

export function say(socket: Socket, message: Ask | Told): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`)
}
