/**
 * Time of a simulation. Nothing happens by itself: whatever waits stands in one queue, in the order of time and of
 * asking, and each thing that falls due is let run to where it waits again before the next.
 */
export interface Waiting {
  readonly at: number
  readonly act: () => void
}

/** 2026-01-01 UTC. */
const START = Date.UTC(2026, 0, 1)

export class Timeline {
  /** Milliseconds since 1970; only grows. */
  now = START
  /** By time, latest first; what was asked for earlier stands behind. */
  readonly #queue: Waiting[] = []

  /** Calls `act` after so many milliseconds, unless the returned function is called before. */
  after(milliseconds: number, act: () => void): () => void {
    const waiting = { at: this.now + Math.max(0, milliseconds), act }
    let low = 0
    let high = this.#queue.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#queue[middle]!.at > waiting.at) low = middle + 1
      else high = middle
    }
    this.#queue.splice(low, 0, waiting)
    return () => {
      const place = this.#queue.indexOf(waiting)
      if (place >= 0) this.#queue.splice(place, 1)
    }
  }

  sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => void this.after(milliseconds, resolve))
  }

  /** Lets so much time pass. */
  async pass(milliseconds: number): Promise<void> {
    const until = this.now + milliseconds
    await settled()
    while ((this.#queue.at(-1)?.at ?? Number.POSITIVE_INFINITY) <= until) await this.#next()
    this.now = until
  }

  /** Lets time pass until it is so. False when it is not after so many milliseconds, or nothing waits any more. */
  async until(so: () => boolean, milliseconds: number): Promise<boolean> {
    const until = this.now + milliseconds
    await settled()
    while (!so()) {
      if ((this.#queue.at(-1)?.at ?? Number.POSITIVE_INFINITY) > until) return false
      await this.#next()
    }
    return true
  }

  async #next(): Promise<void> {
    const { at, act } = this.#queue.pop()!
    this.now = at
    act()
    await settled()
  }
}

/** After all that can go on without waiting has gone on: nothing simulated waits for anything but promises. */
function settled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}

export function never<T>(): Promise<T> {
  return new Promise(() => {})
}
