/**
 * X-Wing (draft-connolly-cfrg-xwing-kem, X25519 + ML-KEM-768), the receiving half. A device does this at the start of
 * every sync: by the primitives of its platform it takes a millisecond, by the library that seals 50 more.
 */
import { concatBytes } from '../bytes/concat.ts'
import type { Crypto } from './crypto.ts'

export const XWING_SEED_BYTES = 32
export const XWING_PUBLIC_KEY_BYTES = 1_216
/** ML-KEM-768's ciphertext, then an X25519 public key. */
export const XWING_ENCAPSULATION_BYTES = 1_120

const ML_KEM_SEED_BYTES = 64
const ML_KEM_CIPHERTEXT_BYTES = 1_088
const X25519_BYTES = 32
/** RFC 7748 §6.1. */
const X25519_BASE = new Uint8Array(X25519_BYTES).with(0, 9)
/** \.//^\ */
const LABEL = Uint8Array.of(0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c)

/** The public key of a 32-byte seed, which is the private key. Rejects with RangeError for another length. */
export async function xwingPublicKey(crypto: Crypto, seed: Uint8Array): Promise<Uint8Array> {
  const { mlKem, x25519 } = expand(crypto, seed)
  return concatBytes(await crypto.mlKem768PublicKey(mlKem), crypto.x25519(x25519, X25519_BASE))
}

/** The secret that was encapsulated for this seed; another one, or an error, for what was not. */
export async function xwingDecapsulate(
  crypto: Crypto,
  seed: Uint8Array,
  encapsulated: Uint8Array,
): Promise<Uint8Array> {
  if (encapsulated.length !== XWING_ENCAPSULATION_BYTES)
    throw new RangeError(
      `an encapsulated key has ${XWING_ENCAPSULATION_BYTES} bytes, not ${encapsulated.length}`,
    )
  const { mlKem, x25519 } = expand(crypto, seed)
  const theirs = encapsulated.subarray(ML_KEM_CIPHERTEXT_BYTES)
  const ours = crypto.x25519(x25519, X25519_BASE)
  const ciphertext = encapsulated.subarray(0, ML_KEM_CIPHERTEXT_BYTES)
  const first = await crypto.mlKem768Decapsulate(mlKem, ciphertext)
  const second = crypto.x25519(x25519, theirs)
  return crypto.sha3(concatBytes(first, second, theirs, ours, LABEL))
}

/** Throws RangeError. */
export function assertXWingSeed(seed: Uint8Array): void {
  if (seed.length === XWING_SEED_BYTES) return
  throw new RangeError(`a sealing seed has ${XWING_SEED_BYTES} bytes, this one has ${seed.length}`)
}

function expand(crypto: Crypto, seed: Uint8Array) {
  assertXWingSeed(seed)
  const expanded = crypto.shake256(seed, ML_KEM_SEED_BYTES + X25519_BYTES)
  return { mlKem: expanded.subarray(0, ML_KEM_SEED_BYTES), x25519: expanded.subarray(ML_KEM_SEED_BYTES) }
}
