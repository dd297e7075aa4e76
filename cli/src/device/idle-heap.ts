/** Memory of a command that stays, once it has nothing to do. */
import type { Timers } from '@pileus/client/remote/timers'

/** Work often goes on after a moment. */
const QUIET_MS = 1_000
/** What has grown by less is not worth the time. */
const WORTH_BYTES = 4 * 1024 * 1024

export interface Heap {
  /** Bytes in use, garbage included. */
  used(): number
  collect(): void
}

/** This process's heap; null where Node was started without `--expose-gc`. */
export function nodeHeap(): Heap | null {
  const { gc } = globalThis
  if (!gc) return null
  return {
    used: () => process.memoryUsage().heapUsed,
    collect: () => gc({ type: 'major', flavor: 'last-resort' }),
  }
}

/**
 * Collects the heap some time after work has ended. Left alone, the engine keeps what a first look at a large folder
 * left behind for as long as nothing is allocated any more, which at rest is for ever.
 */
export class IdleHeap implements Disposable {
  readonly #heap: Heap
  readonly #timers: Timers
  #usedAtRest = 0
  #cancel: (() => void) | null = null

  constructor(heap: Heap, timers: Timers) {
    this.#heap = heap
    this.#timers = timers
  }

  /** Tell it whenever work begins, ends or goes on. */
  tell(working: boolean): void {
    if (working) this[Symbol.dispose]()
    else this.#cancel ??= this.#timers.after(QUIET_MS, () => this.#collect())
  }

  [Symbol.dispose](): void {
    this.#cancel?.()
    this.#cancel = null
  }

  #collect(): void {
    this.#cancel = null
    if (this.#heap.used() < this.#usedAtRest + WORTH_BYTES) return
    this.#heap.collect()
    this.#usedAtRest = this.#heap.used()
  }
}
