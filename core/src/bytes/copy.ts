/** Copying memory that threads share. */

/** What of Node's Buffer works on every Uint8Array. */
interface Copying {
  copy(this: Uint8Array, into: Uint8Array, at: number): number
}

const nodeBuffer = (globalThis as { Buffer?: { prototype: Copying } }).Buffer

/**
 * Copies `from` into `into`, beginning at `at`, where it must fit. TypedArray's `set` goes byte by byte through shared
 * memory unless both lie at the same offset from a word: 2.5 GB/s instead of 13, measured on Node 26. Node's own copy does not.
 */
export const copyBytes: (from: Uint8Array, into: Uint8Array, at: number) => void = nodeBuffer
  ? (from, into, at) => void nodeBuffer.prototype.copy.call(from, into, at)
  : (from, into, at) => into.set(from, at)
