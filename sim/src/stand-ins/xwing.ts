/** In place of core's X-Wing, for `hpke.ts` here: a public key of the right length that tells its seed's hash. */
import type { Crypto } from '@pileus/core/crypto/crypto'

export const XWING_SEED_BYTES = 32
export const XWING_PUBLIC_KEY_BYTES = 1_216
export const XWING_ENCAPSULATION_BYTES = 1_120

export async function xwingPublicKey(crypto: Crypto, seed: Uint8Array): Promise<Uint8Array> {
  const key = new Uint8Array(XWING_PUBLIC_KEY_BYTES)
  key.set(crypto.sha256(seed))
  return key
}
