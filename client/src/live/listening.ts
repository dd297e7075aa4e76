/** Staying on the line: opened again after every end, with pauses that double, and when it has fallen silent. */
import type { Random } from '@pileus/core/crypto/random'
import type { ZoneId } from '@pileus/core/ids/ids'
import { LIVE_HEARTBEAT_SECONDS } from '@pileus/core/limits'
import type { Announcement } from '@pileus/core/protocol/live'
import { Unreachable } from '../remote/remote.ts'
import type { LiveLine } from './line.ts'
import type { Timers } from './timers.ts'

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 30_000
/** Two heartbeats missed: nobody is at the other end (a half-open connection, or this machine slept). */
const SILENCE_MS = 2.5 * LIVE_HEARTBEAT_SECONDS * 1_000
const LOOK_EVERY_MS = 10_000

export interface ListeningParts {
  readonly line: LiveLine
  readonly zone: ZoneId
  readonly timers: Timers
  /** Milliseconds since 1970, so that sleep counts. */
  readonly clock: () => number
  readonly random: Random
}

export interface Listener {
  announced(announcement: Announcement): void
  /** The line ended, or could not be opened; it is being opened again. */
  cut(why: Error): void
}

/** Listens until `stop` is called. */
export function keepListening(parts: ListeningParts, listener: Listener): { stop(): void } {
  const { line, zone, timers, clock, random } = parts
  let failures = 0
  let heardAt = clock()
  let current: { close(): void } | null = null
  let stopped = false
  let cancelPause = () => {}
  let cancelLook = () => {}

  function connect(): void {
    heardAt = clock()
    current = line.open(zone, {
      told(announcement) {
        heardAt = clock()
        failures = 0
        listener.announced(announcement)
      },
      closed: ended,
    })
  }

  function ended(why: Error): void {
    current = null
    if (stopped) return
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** failures++)
    // Half of it is left to chance, so that a restarted server is not met by everybody at once.
    cancelPause = timers.after(pause * (0.5 + (0.5 * random(1)[0]!) / 255), connect)
    listener.cut(why)
  }

  function look(): void {
    if (current && clock() - heardAt > SILENCE_MS) {
      current.close()
      ended(new Unreachable('the live channel fell silent'))
    }
    cancelLook = timers.after(LOOK_EVERY_MS, look)
  }

  connect()
  look()
  return {
    stop() {
      stopped = true
      cancelPause()
      cancelLook()
      current?.close()
    },
  }
}
