/**
 * Large buffers that are used again. A new one for each piece costs page faults, and makes the collector walk the
 * whole heap for memory that is not in it.
 */

/** Kept for the next user; more than that are left to the collector. */
const IDLE_MAX = 8

/** Buffers of one size, lent to one user at a time. What a buffer held before is still in it. */
export class BufferPool {
  readonly #bytes: number
  readonly #allocate: (bytes: number) => Uint8Array
  readonly #idle: Uint8Array[] = []

  /** `allocate` makes a buffer, of memory that is shared perhaps. */
  constructor(bytes: number, allocate: (bytes: number) => Uint8Array = (size) => new Uint8Array(size)) {
    this.#bytes = bytes
    this.#allocate = allocate
  }

  take(): Uint8Array {
    return this.#idle.pop() ?? this.#allocate(this.#bytes)
  }

  /** Ends the loan. Nobody may hold the buffer or a view of it any more, a system call neither. */
  give(buffer: Uint8Array): void {
    if (this.#idle.length < IDLE_MAX) this.#idle.push(buffer)
  }
}
