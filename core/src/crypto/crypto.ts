/**
 * The primitives everything above is composed from, synchronous because they sit in hot loops.
 * `node.ts` fills this with node:crypto, `browser.ts` with noble; both run the same vectors.
 */
export interface Crypto {
  /** SHA-256 (FIPS 180-4) of the parts, one after another. */
  sha256(...parts: readonly Uint8Array[]): Uint8Array
  /** An incremental SHA-256. */
  createSha256(): Sha256
  /** HMAC-SHA-256 (RFC 2104). */
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array
  /** HKDF-SHA-256 (RFC 5869), extract and expand. */
  hkdfSha256(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, bytes: number): Uint8Array
  /** AES-256-GCM (SP 800-38D), 96-bit nonce; returns ciphertext followed by the 16-byte tag. */
  aesGcmSeal(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array): Uint8Array
  /**
   * What aesGcmSeal does with the parts, one after another, put into a place that is there already: `into` has 16 bytes
   * more than all parts, and shares none of their memory. Throws RangeError when it has not.
   */
  aesGcmSealInto(
    key: Uint8Array,
    nonce: Uint8Array,
    associated: Uint8Array,
    parts: readonly Uint8Array[],
    into: Uint8Array,
  ): void
  /** Opens what aesGcmSeal made. Throws AuthenticationFailed. */
  aesGcmOpen(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, sealed: Uint8Array): Uint8Array
  /**
   * The same in place: what was sealed stands in `text` afterwards, before the 16 bytes of the tag. Throws
   * AuthenticationFailed; then nothing in `text` may be used. Throws RangeError when there is no room for a tag.
   */
  aesGcmOpenInPlace(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, text: Uint8Array): void
  /** AES-256 key wrap (RFC 3394). */
  aesKeyWrap(wrappingKey: Uint8Array, key: Uint8Array): Uint8Array
  /** Opens what aesKeyWrap made. Throws AuthenticationFailed. */
  aesKeyUnwrap(wrappingKey: Uint8Array, wrapped: Uint8Array): Uint8Array
  /** The Ed25519 (RFC 8032) public key of a 32-byte seed. */
  ed25519PublicKey(seed: Uint8Array): Uint8Array
  ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array
  /**
   * One strict rule on every platform: canonical S, canonical and not small-order A and R, cofactorless
   * equation. False for anything else; never throws.
   */
  ed25519Verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /** SHAKE128 (FIPS 202) with an output of this many bytes. */
  shake128(data: Uint8Array, bytes: number): Uint8Array
  /** SHAKE256 (FIPS 202) with an output of this many bytes. */
  shake256(data: Uint8Array, bytes: number): Uint8Array
  /** SHA3-256 (FIPS 202). */
  sha3(data: Uint8Array): Uint8Array
  /** X25519 (RFC 7748) of a 32-byte secret and a 32-byte public key. Throws where the result would be zeros. */
  x25519(secret: Uint8Array, publicKey: Uint8Array): Uint8Array
  /** The public key of the ML-KEM-768 (FIPS 203) pair of a 64-byte seed (d ‖ z). */
  mlKem768PublicKey(seed: Uint8Array): Promise<Uint8Array>
  /** The secret encapsulated for that pair; another one for other bytes of this length. Rejects for another length. */
  mlKem768Decapsulate(seed: Uint8Array, ciphertext: Uint8Array): Promise<Uint8Array>
}

export interface Sha256 {
  update(data: Uint8Array): void
  digest(): Uint8Array
}

/** Sealed bytes that were not made with this key and these facts: changed, swapped or damaged. */
export class AuthenticationFailed extends Error {
  constructor(what: string) {
    super(`${what} does not authenticate: it was damaged, changed, or sealed under another key`)
    this.name = 'AuthenticationFailed'
  }
}
