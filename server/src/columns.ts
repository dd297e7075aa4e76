/** Ids and digests as they rest in an engine's columns. */

/** An id or digest as it rests in a column. */
export function blob(hex: string): Buffer {
  return Buffer.from(hex, 'hex')
}

/** The lowercase hex of a column's bytes. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}
