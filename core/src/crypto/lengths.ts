/** Lengths that our own code must keep: a wrong one is a mistake of the caller, never of the data. */

/** Throws RangeError unless this is a 256-bit key. */
export function assertKey(key: Uint8Array, what = 'key'): void {
  if (key.length !== 32) throw new RangeError(`a ${what} has 32 bytes, this one has ${key.length}`)
}

/** Throws RangeError unless these are a 256-bit key and a 96-bit nonce. */
export function assertAesInputs(key: Uint8Array, nonce: Uint8Array): void {
  assertKey(key)
  if (nonce.length !== 12) throw new RangeError(`a nonce has 12 bytes, this one has ${nonce.length}`)
}

/** Throws RangeError unless AES key wrap takes a key of this length: 16 bytes or more, a multiple of 8. */
export function assertKeyData(key: Uint8Array): void {
  if (key.length < 16 || key.length % 8 !== 0) {
    throw new RangeError(`a key to wrap has 16, 24, 32 … bytes, this one has ${key.length}`)
  }
}

/** Throws RangeError unless this is an Ed25519 seed. */
export function assertSeed(seed: Uint8Array): void {
  if (seed.length !== 32) throw new RangeError(`a signing seed has 32 bytes, this one has ${seed.length}`)
}

/** Throws RangeError for more than HKDF-SHA-256 gives (RFC 5869 §2.3: 255 blocks). */
export function assertHkdfLength(bytes: number): void {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > 255 * 32) {
    throw new RangeError(`HKDF-SHA-256 gives 1 to ${255 * 32} bytes, asked were ${bytes}`)
  }
}

/** The bytes of text before the 16 of the tag. Throws RangeError when there is no room for a tag. */
export function textLength(text: Uint8Array): number {
  if (text.length < 16)
    throw new RangeError(`a sealed text has 16 bytes or more, here is room for ${text.length}`)
  return text.length - 16
}

/** Throws RangeError unless `into` has room for the parts and a tag, and no more. */
export function assertSealedLength(parts: readonly Uint8Array[], into: Uint8Array): void {
  const length = parts.reduce((sum, part) => sum + part.length, 16)
  if (into.length !== length) {
    throw new RangeError(`the sealed text has ${length} bytes, here is room for ${into.length}`)
  }
}
