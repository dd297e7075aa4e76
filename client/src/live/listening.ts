/** Staying on the line: opened again after every end, with pauses that double, and when it has fallen silent. */
import type { Random } from '@pileus/core/crypto/random'
import type { ZoneId } from '@pileus/core/ids/ids'
import { LIVE_HEARTBEAT_SECONDS } from '@pileus/core/limits'
import type { Announcement } from '@pileus/core/protocol/live'
import { Unreachable } from '../remote/remote.ts'
import type { Timers } from '../remote/timers.ts'
import type { LiveLine } from './line.ts'

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 30_000
/** Two heartbeats missed: nobody is at the other end, though something may answer pings in between. */
const SILENCE_MS = 2 * LIVE_HEARTBEAT_SECONDS * 1_000
const LOOK_EVERY_MS = 5_000
/** A look that comes this late by the clock: the machine may have slept, and nobody held the line. */
const AWAY_MS = 30_000
/** A line that stood this long is one that stands. */
const STEADY_MS = 60_000
/** So many in a row that did not are no accident. */
const UNSTEADY_LINES = 3
const UNSTEADY =
  'it is cut again and again, soon after it was opened; let the proxy before the server keep WebSockets open'

export interface ListeningParts {
  readonly line: LiveLine
  readonly zone: ZoneId
  readonly timers: Timers
  /** Milliseconds that only ever grow. May stand still while the machine sleeps. */
  readonly clock: () => number
  /** Milliseconds since 1970, or what this machine takes them for. A jump costs one new line at most. */
  readonly wallClock: () => number
  readonly random: Random
}

export interface Listener {
  announced(announcement: Announcement): void
  /** The line ended, or could not be opened; it is being opened again. */
  cut(why: Error): void
  /** The line is cut again and again soon after it was opened: what one tells is not all. One sentence says so. */
  unsteady(why: string): void
  /** It stands for long again. */
  steady(): void
}

/** Listens until `stop` is called. */
export function keepListening(parts: ListeningParts, listener: Listener): { stop(): void } {
  const listening = new Listening(parts, listener)
  listening.begin()
  return listening
}

class Listening {
  readonly #parts: ListeningParts
  readonly #listener: Listener
  #current: { close(): void } | null = null
  /** Since the last line that stood. */
  #failures = 0
  /** Lines in a row that stood, and not for long. */
  #short = 0
  #openedAt = 0
  #heardAt: number | null = null
  #lookedAt = 0
  #stopped = false
  #cancelPause = () => {}
  #cancelLook = () => {}

  constructor(parts: ListeningParts, listener: Listener) {
    this.#parts = parts
    this.#listener = listener
  }

  begin(): void {
    this.#lookedAt = this.#parts.wallClock()
    this.#connect()
    this.#cancelLook = this.#parts.timers.after(LOOK_EVERY_MS, () => this.#look())
  }

  stop(): void {
    this.#stopped = true
    this.#cancelPause()
    this.#cancelLook()
    this.#current?.close()
  }

  #connect(): void {
    const { line, zone, clock } = this.#parts
    this.#openedAt = clock()
    this.#heardAt = null
    this.#current = line.open(zone, {
      told: (announcement) => {
        this.#heardAt = clock()
        this.#listener.announced(announcement)
      },
      closed: (why) => this.#ended(why),
    })
  }

  #ended(why: Error): void {
    const { timers, random } = this.#parts
    this.#current = null
    if (this.#stopped) return
    this.#judgeLine()
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++)
    // Half of it is left to chance, so that a restarted server is not met by everybody at once.
    this.#cancelPause = timers.after(pause * (0.5 + (0.5 * random(1)[0]!) / 255), () => this.#connect())
    this.#listener.cut(why)
  }

  /** Of the line that ended: one that never stood says nothing about those that do. */
  #judgeLine(): void {
    if (this.#heardAt === null) return
    const lasted = this.#parts.clock() - this.#openedAt
    this.#short = lasted < STEADY_MS ? this.#short + 1 : 0
    if (this.#short < UNSTEADY_LINES) this.#failures = 0
    else this.#listener.unsteady(UNSTEADY)
  }

  #look(): void {
    const { timers, clock, wallClock } = this.#parts
    const away = wallClock() - this.#lookedAt > LOOK_EVERY_MS + AWAY_MS
    this.#lookedAt = wallClock()
    const quiet = clock() - (this.#heardAt ?? this.#openedAt)
    if (this.#current && (away || quiet > SILENCE_MS)) {
      this.#current.close()
      this.#ended(new Unreachable('the live channel fell silent'))
    }
    if (away) this.#hasten()
    if (this.#short > 0 && this.#heardAt !== null && this.#current && clock() - this.#openedAt > STEADY_MS) {
      this.#short = 0
      this.#listener.steady()
    }
    this.#cancelLook = timers.after(LOOK_EVERY_MS, () => this.#look())
  }

  /** Pauses that were begun before a sleep are over. */
  #hasten(): void {
    if (this.#current) return
    this.#cancelPause()
    this.#failures = 0
    this.#connect()
  }
}
