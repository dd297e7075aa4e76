/** Giving memory back at once. */

/**
 * Frees bytes that nobody holds any more; they are empty afterwards. Memory outside the heap that is left to the
 * collector makes it walk the whole heap again and again, and is not in the processor's cache when it is used next.
 * Does nothing when other bytes may lie in the same buffer.
 */
export function free(bytes: Uint8Array): void {
  const { buffer } = bytes
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.length) buffer.transfer(0)
}
