/** One line on stderr that keeps changing while a command works; nothing at all where stderr is no terminal. */
import { formatBytes, formatCount, formatNumber } from './format.ts'

export interface ProgressState {
  /** What is being done, as a participle: "looking", "sending", "fetching". */
  readonly phase: string
  readonly files: number
  /** 0 when unknown. */
  readonly filesTotal: number
  readonly bytes: number
  /** 0 when unknown. */
  readonly bytesTotal: number
}

export interface Progress {
  update(state: ProgressState): void
  /** Takes the line away. */
  end(): void
}

export interface ProgressScreen {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const REDRAW_MILLISECONDS = 100
const RATE_WINDOW_MILLISECONDS = 3_000

/** `now` in milliseconds. */
export function createProgress(screen: ProgressScreen, quiet: boolean, now: () => number): Progress {
  if (!screen.isTTY || quiet) return { update() {}, end() {} }
  let drawnAt = -Infinity
  let drawn = false
  let phase = ''
  let samples: { at: number; bytes: number }[] = []
  return {
    update(state) {
      const at = now()
      if (state.phase !== phase) {
        samples = []
        phase = state.phase
      } else if (at - drawnAt < REDRAW_MILLISECONDS) return
      samples.push({ at, bytes: state.bytes })
      while (samples.length > 2 && at - samples[0]!.at > RATE_WINDOW_MILLISECONDS) samples.shift()
      const oldest = samples[0]!
      const rate = at - oldest.at >= 500 ? ((state.bytes - oldest.bytes) / (at - oldest.at)) * 1000 : null
      screen.write(`\r\u001b[K${progressLine(state, rate).slice(0, (screen.columns || 80) - 1)}`)
      drawnAt = at
      drawn = true
    },
    end() {
      if (drawn) screen.write('\r\u001b[K')
      drawn = false
    },
  }
}

/** `rate` in bytes per second, null when it is not known yet. */
export function progressLine(state: ProgressState, rate: number | null): string {
  const parts: string[] = []
  if (state.filesTotal > 0)
    parts.push(`${formatNumber(state.files)} of ${formatCount(state.filesTotal, 'file')}`)
  else if (state.files > 0) parts.push(formatCount(state.files, 'file'))
  if (state.bytesTotal > 0) parts.push(`${formatBytes(state.bytes)} of ${formatBytes(state.bytesTotal)}`)
  else if (state.bytes > 0) parts.push(formatBytes(state.bytes))
  if (rate !== null && rate > 0) parts.push(`${formatBytes(rate)}/s`)
  return `${state.phase}${parts.length > 0 ? `  ${parts.join(' · ')}` : ' …'}`
}
