/**
 * How long a server is waited for. A connection may die without a word, and a server may accept calls and never answer:
 * both look like a long wait, so every wait ends.
 */
import { Unreachable } from './remote.ts'
import type { Timers } from './timers.ts'

export interface PatienceTimes {
  /** For an answer to begin, once the request has been sent. */
  readonly answerMs: number
  /** Between two pieces of an answer's body. */
  readonly stallMs: number
  /** A wait that lasts so long is worth a word. */
  readonly slowMs: number
}

/** What is to be known of the server by the way. */
export interface ServerHeard {
  /** It became slow to answer; or nothing waits for long any more. */
  slow(isSlow: boolean): void
  /** It answered a call, well or not. */
  answered(): void
}

const UNHEARD: ServerHeard = { slow() {}, answered() {} }
const TIMES: PatienceTimes = { answerMs: 30_000, stallMs: 30_000, slowMs: 10_000 }

/** For places that are only a shorter way to what the server has. */
export const SHORT_TIMES: PatienceTimes = { answerMs: 5_000, stallMs: 5_000, slowMs: 5_000 }

/** A request's body may take as long as it would on a line this slow: 0.5 Mbit/s. */
const SLOWEST_BYTES_PER_MS = 64

/** The server did not answer, or stopped in the middle of its answer. It may have done what it was asked. */
export class TimedOut extends Unreachable {}

/** Waits for one server. */
export class Patience {
  readonly #timers: Timers
  readonly #times: PatienceTimes
  readonly #heard: ServerHeard
  #slow = 0

  constructor(timers: Timers, heard: ServerHeard = UNHEARD, times: PatienceTimes = TIMES) {
    this.#timers = timers
    this.#heard = heard
    this.#times = times
  }

  /** Waits for an answer to begin. `giveUp` has to make `wait` reject; then this rejects with TimedOut. */
  async forAnswer<T>(
    server: string,
    sentBytes: number,
    giveUp: () => void,
    wait: () => Promise<T>,
  ): Promise<T> {
    const sending = sentBytes / SLOWEST_BYTES_PER_MS
    const { answerMs, slowMs } = this.#times
    const seconds = Math.round((answerMs + sending) / 1_000)
    const words = `${server} did not answer within ${seconds} seconds: check the server and the network`
    const answer = await this.#during(answerMs + sending, slowMs + sending, words, giveUp, wait)
    this.#heard.answered()
    return answer
  }

  /** Waits for a piece of an answer; otherwise as `forAnswer`. */
  forPiece<T>(server: string, giveUp: () => void, wait: () => Promise<T>): Promise<T> {
    const { stallMs, slowMs } = this.#times
    const words = `${server} stopped in the middle of its answer for ${Math.round(stallMs / 1_000)} seconds: check the server and the network`
    return this.#during(stallMs, slowMs, words, giveUp, wait)
  }

  async #during<T>(
    milliseconds: number,
    slowAfter: number,
    words: string,
    giveUp: () => void,
    wait: () => Promise<T>,
  ): Promise<T> {
    let isLate = false
    let isSlow = false
    const noteSlow = this.#timers.after(slowAfter, () => {
      isSlow = true
      if (++this.#slow === 1) this.#heard.slow(true)
    })
    const end = this.#timers.after(milliseconds, () => {
      isLate = true
      giveUp()
    })
    try {
      return await wait()
    } catch (error) {
      throw isLate ? new TimedOut(words, error) : error
    } finally {
      noteSlow()
      end()
      if (isSlow && --this.#slow === 0) this.#heard.slow(false)
    }
  }
}
