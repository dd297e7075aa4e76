/** What a device or a recovering person signs to prove a key to the server. */
import { encodeCbor } from '../bytes/cbor.ts'
import type { Crypto } from '../crypto/crypto.ts'
import type { SecretKey } from './secrets.ts'
import { FORMAT, SUITE } from './suite.ts'

export const CHALLENGE_NONCE_BYTES = 32

export type ChallengePurpose = 'device login' | 'recovery'

/**
 * [suite, format, purpose, subject, nonce], canonical CBOR (KEY-10). The subject is a device id for a login, an
 * account name for a recovery. Throws RangeError for a nonce that is not 32 bytes.
 */
export function challengeBytes(purpose: ChallengePurpose, subject: string, nonce: Uint8Array): Uint8Array {
  if (nonce.length !== CHALLENGE_NONCE_BYTES) {
    throw new RangeError(`cannot sign a nonce of ${nonce.length} bytes: expected ${CHALLENGE_NONCE_BYTES}`)
  }
  return encodeCbor([SUITE, FORMAT.challenge, purpose, subject, nonce])
}

/** The 64-byte Ed25519 signature that answers a challenge. */
export function answerChallenge(
  crypto: Crypto,
  seed: SecretKey,
  purpose: ChallengePurpose,
  subject: string,
  nonce: Uint8Array,
): Uint8Array {
  return crypto.ed25519Sign(seed.bytes(), challengeBytes(purpose, subject, nonce))
}

/** Whether the holder of this key answered exactly this challenge. */
export function challengeAnswered(
  crypto: Crypto,
  publicKey: Uint8Array,
  purpose: ChallengePurpose,
  subject: string,
  nonce: Uint8Array,
  signature: Uint8Array,
): boolean {
  return crypto.ed25519Verify(publicKey, challengeBytes(purpose, subject, nonce), signature)
}
