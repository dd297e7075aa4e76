/** What a running `pileus sync` says about itself, for `pileus status` in another terminal. */
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import type { LiveState, LiveStatus } from '@pileus/client/live/live-drive'
import type { Home } from './home.ts'

const REPORT_FILE = 'live.json'
/** States change many times a second; a reader does not look so often. */
const WRITE_EVERY_MS = 200
/** After a report that the disk refused. */
const WRITE_AGAIN_MS = 2_000
/** What disks give room by. */
const BLOCK_BYTES = 4_096
const RATE_WINDOW_MS = 5_000

export interface LiveReport extends LiveStatus {
  readonly format: 1
  readonly pid: number
  /** Milliseconds since 1970: when the state began that `now` names. */
  readonly since: number
  /** Of the work that is under way; null when it is not known. */
  readonly bytesPerSecond: number | null
  readonly secondsLeft: number | null
}

export interface LiveReporter {
  tell(status: LiveStatus): void
  /** Takes the report away: nothing is running any more. */
  end(): void
}

/** Reports into this home. `clock` only ever grows, `wallClock` is milliseconds since 1970. */
export function createLiveReporter(home: Home, clock: () => number, wallClock: () => number): LiveReporter {
  const pace = new Pace()
  let latest: LiveStatus | null = null
  let since = wallClock()
  let writing: NodeJS.Timeout | null = null
  const write = () => {
    writing = null
    if (latest === null) return
    const report: LiveReport = { format: 1, pid: process.pid, since, ...latest, ...pace.of(latest.now) }
    try {
      writeReport(home, JSON.stringify(report))
    } catch (error) {
      // The sync goes on without a report where the disk takes none.
      if (!(error instanceof Error && 'code' in error)) throw error
      writing ??= setTimeout(write, WRITE_AGAIN_MS)
    }
  }
  return {
    tell(status) {
      if (status.now.state !== latest?.now.state) since = wallClock()
      latest = status
      pace.note(status.now, clock())
      writing ??= setTimeout(write, WRITE_EVERY_MS)
    },
    end() {
      if (writing) clearTimeout(writing)
      rmSync(home.at(REPORT_FILE), { force: true })
    },
  }
}

/** Not durable on purpose: it tells of this moment. */
function writeReport(home: Home, text: string): void {
  // Always whole blocks, so that a later report fits into those that this one has.
  const padded = text.padEnd(Math.ceil(text.length / BLOCK_BYTES) * BLOCK_BYTES)
  const next = home.at(`${REPORT_FILE}.new`)
  try {
    writeFileSync(next, padded, { mode: 0o600 })
    renameSync(next, home.at(REPORT_FILE))
  } catch {
    // A full disk takes no new file, but other words in the blocks that one has.
    rmSync(next, { force: true })
    writeFileSync(home.at(REPORT_FILE), padded, { flag: 'r+' })
  }
}

/**
 * What the last `pileus sync` on this home said; null when nothing was. One that was killed leaves it behind: whether one
 * runs is for the control socket to tell.
 */
export function readLiveReport(home: Home): LiveReport | null {
  const text = home.read(REPORT_FILE)
  if (text === null) return null
  try {
    const report = JSON.parse(text) as LiveReport
    return report.format === 1 ? report : null
  } catch {
    return null
  }
}

/** How fast bytes move, over the last seconds of one phase. */
class Pace {
  #phase = ''
  #samples: { at: number; bytes: number }[] = []

  note(now: LiveState, at: number): void {
    const phase = now.state === 'working' ? now.phase : ''
    if (phase !== this.#phase) this.#samples = []
    this.#phase = phase
    if (now.state !== 'working') return
    const last = this.#samples.at(-1)
    if (last && now.bytes < last.bytes) this.#samples = []
    this.#samples.push({ at, bytes: now.bytes })
    while (at - this.#samples[0]!.at > RATE_WINDOW_MS) this.#samples.shift()
  }

  of(now: LiveState): Pick<LiveReport, 'bytesPerSecond' | 'secondsLeft'> {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (now.state !== 'working' || !first || !last || last.at - first.at < 500)
      return { bytesPerSecond: null, secondsLeft: null }
    const bytesPerSecond = Math.round(((last.bytes - first.bytes) / (last.at - first.at)) * 1_000)
    const left = (now.bytesTotal ?? 0) - now.bytes
    const secondsLeft = bytesPerSecond > 0 && left > 0 ? Math.ceil(left / bytesPerSecond) : null
    return { bytesPerSecond, secondsLeft }
  }
}
