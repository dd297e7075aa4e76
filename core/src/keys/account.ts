/** The account key: what a password or a recovery phrase opens, and what opens the account zone. */
import type { Crypto } from '../crypto/crypto.ts'
import type { Random } from '../crypto/random.ts'
import { type AccountId, idBytes } from '../ids/ids.ts'
import { KeyRefused } from './refused.ts'
import { KEY_BYTES, SecretKey } from './secrets.ts'
import { deriveBytes } from './suite.ts'
import { unwrapKey, wrapKey } from './wraps.ts'

/** Bytes of a phrase of 24 words. */
export const PHRASE_ENTROPY_BYTES = 32

/** What opens an account: the export key of an OPAQUE run (RFC 9807 §4.1), or the entropy of the phrase. */
export type Opener =
  | { readonly by: 'password'; readonly exportKey: Uint8Array }
  | { readonly by: 'phrase'; readonly entropy: Uint8Array }

/** Wraps the account key for whoever can produce the opener (KEY-8). Throws KeyRefused for a weak opener. */
export function wrapAccountKey(
  crypto: Crypto,
  random: Random,
  account: AccountId,
  opener: Opener,
  accountKey: SecretKey,
): Uint8Array {
  return wrapKey(crypto, random, openingKey(crypto, opener), wrapFacts(account, opener), accountKey)
}

/** The account key out of its wrap. Throws KeyRefused. */
export function openAccountKey(
  crypto: Crypto,
  account: AccountId,
  opener: Opener,
  wrap: Uint8Array,
): SecretKey {
  return unwrapKey(crypto, openingKey(crypto, opener), wrapFacts(account, opener), wrap)
}

/**
 * The Ed25519 seed that alone may reset the password; its public key is registered at sign-up. It comes from
 * the phrase only: whoever recovers knows no account id yet.
 */
export function recoverySigningSeed(crypto: Crypto, entropy: Uint8Array): SecretKey {
  requireEntropy(entropy)
  return new SecretKey(deriveBytes(crypto, entropy, 'recovery signing', []))
}

/**
 * The account zone's key of an epoch (KEY-5). It binds the zone's origin, a random value in the first log
 * entry, because the zone's id is a hash over a commitment to this very key.
 */
export function accountZoneKey(
  crypto: Crypto,
  accountKey: SecretKey,
  account: AccountId,
  origin: Uint8Array,
  epoch: number,
): SecretKey {
  const facts = [idBytes(account), origin, epoch]
  return new SecretKey(deriveBytes(crypto, accountKey.bytes(), 'account zone key', facts))
}

function openingKey(crypto: Crypto, opener: Opener): SecretKey {
  if (opener.by === 'phrase') {
    requireEntropy(opener.entropy)
    return new SecretKey(deriveBytes(crypto, opener.entropy, 'phrase wrap', []))
  }
  const { exportKey } = opener
  if (exportKey.length < KEY_BYTES || exportKey.every((byte) => byte === 0)) {
    throw new KeyRefused('weak-key', `an export key has ${exportKey.length} bytes or is all zero`)
  }
  return new SecretKey(deriveBytes(crypto, exportKey, 'password wrap', []))
}

function requireEntropy(entropy: Uint8Array): void {
  if (entropy.length !== PHRASE_ENTROPY_BYTES || entropy.every((byte) => byte === 0)) {
    throw new KeyRefused('weak-key', `a phrase holds ${entropy.length} bytes or is all zero`)
  }
}

function wrapFacts(account: AccountId, opener: Opener) {
  return { purpose: `account key by ${opener.by}`, owner: account } as const
}
