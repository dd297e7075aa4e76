/** Room for the chunks of one group: one large buffer, given out from front to back, that a later group uses again. */
import type { BufferPool } from '@pileus/core/bytes/buffer-pool'

export class Arena {
  readonly #pool: BufferPool
  readonly #buffer: Uint8Array
  #used = 0

  constructor(pool: BufferPool) {
    this.#pool = pool
    this.#buffer = pool.take()
  }

  /** A place for so many bytes, with old bytes in it. When the buffer is used up, as by chunks sent twice, a new one. */
  allocate(bytes: number): Uint8Array {
    if (bytes > this.#buffer.length - this.#used) return new Uint8Array(bytes)
    const start = this.#used
    this.#used += bytes
    return this.#buffer.subarray(start, this.#used)
  }

  /** Takes the place back that was given out last. */
  takeBack(place: Uint8Array): void {
    if (place.buffer === this.#buffer.buffer) this.#used -= place.length
  }

  /** Ends the use of everything that was given out. */
  release(): void {
    this.#pool.give(this.#buffer)
  }
}
