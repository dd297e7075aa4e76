/**
 * In place of core's HPKE with X-Wing: the same lengths and refusals, and no secret from whoever sees a public key. A
 * zone is opened hundreds of times in a run, and what makes X-Wing safe is no part of what is simulated.
 */
import { AuthenticationFailed, type Crypto } from '@pileus/core/crypto/crypto'
import { nodeCrypto } from '@pileus/core/crypto/node'
import type { Random } from '@pileus/core/crypto/random'
import { XWING_ENCAPSULATION_BYTES, xwingPublicKey } from './xwing.ts'

const ENCAPSULATION_RANDOM_BYTES = 64
const NONCE = new Uint8Array(12)

export async function hpkeSeal(
  publicKey: Uint8Array,
  info: Uint8Array,
  associated: Uint8Array,
  plaintext: Uint8Array,
  random: Random,
): Promise<Uint8Array> {
  const encapsulation = new Uint8Array(XWING_ENCAPSULATION_BYTES)
  encapsulation.set(random(ENCAPSULATION_RANDOM_BYTES))
  const key = keyOf(publicKey, encapsulation, info)
  const sealed = nodeCrypto.aesGcmSeal(key, NONCE, associated, plaintext)
  const all = new Uint8Array(encapsulation.length + sealed.length)
  all.set(encapsulation)
  all.set(sealed, encapsulation.length)
  return all
}

export async function hpkeOpen(
  crypto: Crypto,
  seed: Uint8Array,
  info: Uint8Array,
  associated: Uint8Array,
  sealed: Uint8Array,
): Promise<Uint8Array> {
  if (sealed.length < XWING_ENCAPSULATION_BYTES)
    throw new AuthenticationFailed('a key sealed to this identity')
  const encapsulation = sealed.subarray(0, XWING_ENCAPSULATION_BYTES)
  const key = keyOf(await xwingPublicKey(crypto, seed), encapsulation, info)
  return nodeCrypto.aesGcmOpen(key, NONCE, associated, sealed.subarray(XWING_ENCAPSULATION_BYTES))
}

function keyOf(publicKey: Uint8Array, encapsulation: Uint8Array, info: Uint8Array): Uint8Array {
  return nodeCrypto.sha256(
    publicKey.subarray(0, 32),
    encapsulation.subarray(0, ENCAPSULATION_RANDOM_BYTES),
    info,
  )
}
