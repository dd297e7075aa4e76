/** One queue for each zone: what changes a zone waits here, so that its commits do not race within a process. */
import type { ZoneId } from '@pileus/core/ids/ids'

/** Runs works of one zone one after another, works of different zones beside each other. */
export class ZoneQueues {
  readonly #last = new Map<ZoneId, Promise<unknown>>()

  run<T>(zone: ZoneId, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(zone) ?? Promise.resolve()
    const mine = before.then(work, work)
    const settled = mine.then(ignore, ignore)
    this.#last.set(zone, settled)
    void settled.then(() => {
      if (this.#last.get(zone) === settled) this.#last.delete(zone)
    })
    return mine
  }
}

function ignore(): void {}
