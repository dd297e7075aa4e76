/** How a process ended, in words, and whether that may happen. */
import { NotQuiet, type SyncReport } from '@pileus/client/drive/drive'
import { ServerUntrue } from '@pileus/client/drive/untrue'
import { FileError } from '@pileus/client/files/files'
import { FolderLost } from '@pileus/client/folder/marker'
import { Unreachable } from '@pileus/client/remote/remote'
import { Problem } from '@pileus/core/protocol/problem'
import type { Machine } from './machine.ts'
import type { Outcome, Process } from './process.ts'
import type { System } from './system.ts'

export function judge(
  system: System,
  machine: Machine,
  process: Process,
  outcome: Outcome,
): { readonly line: string; readonly unexpected: unknown } {
  switch (outcome.kind) {
    case 'report':
      return { line: reportLine(outcome.report), unexpected: null }
    case 'done':
      return { line: 'ended', unexpected: null }
    case 'killed':
      return { line: process.survival === 'all' ? 'was killed' : 'lost power', unexpected: null }
    case 'failed': {
      const { error } = outcome
      const line = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
      return { line, unexpected: mayHappen(system, machine, error) ? null : error }
    }
  }
}

export function reportLine({ pushed, pulled, applied, heldDeletions, problems }: SyncReport): string {
  const held = heldDeletions > 0 ? `, held ${heldDeletions}` : ''
  const wrong = problems.length > 0 ? `, ${problems.length} problems` : ''
  return `pushed ${pushed}, pulled ${pulled}, applied ${applied}${held}${wrong}`
}

function mayHappen(system: System, machine: Machine, error: unknown): boolean {
  const { files, removed } = machine
  if (error instanceof Unreachable) return !system.resting
  if (error instanceof NotQuiet) return !system.resting
  if (error instanceof FolderLost) return files.unmounted
  if (error instanceof FileError)
    return (error.code === 'full' && system.wasFull(machine)) || error.code === 'denied'
  if (error instanceof Problem) {
    if (removed) return true
    // A session does not outlive the backup that the server is set back to, nor does the one opened in its place.
    if (error.code === 'not-signed-in') return system.server.restored > 0 && !system.resting
    return error.code === 'log-moved' && system.machines.some((other) => other.removed)
  }
  if (error instanceof ServerUntrue) return system.server.restored > 0 && !system.resting
  return false
}
