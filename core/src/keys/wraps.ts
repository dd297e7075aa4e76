/**
 * Wrapping one secret key under another: AES-256-GCM under a key derived for these facts alone, with the same
 * facts as associated data, so that a wrap opens only as what it was made for.
 *
 * wrap = format ‖ nonce (12) ‖ AES-GCM(key) (48) (KEY-6)
 */
import { encodeCbor } from '../bytes/cbor.ts'
import { AuthenticationFailed, type Crypto } from '../crypto/crypto.ts'
import type { Random } from '../crypto/random.ts'
import { xwingPublicKey } from '../crypto/xwing.ts'
import { type AccountId, type DeviceId, idBytes, type ZoneId } from '../ids/ids.ts'
import { KeyRefused } from './refused.ts'
import { KEY_BYTES, SecretKey, sameBytes } from './secrets.ts'
import { deriveBytes, FORMAT, SUITE } from './suite.ts'

export type WrapPurpose =
  | 'account key by password'
  | 'account key by phrase'
  | 'previous zone key'
  | 'account key on a device'
  | 'device signing seed'

/** What a wrapped key is and whose. */
export interface WrapFacts {
  readonly purpose: WrapPurpose
  readonly owner: AccountId | DeviceId
  readonly zone?: ZoneId
  readonly epoch?: number
}

const NONCE_BYTES = 12
const TAG_BYTES = 16
export const WRAP_BYTES = 1 + NONCE_BYTES + KEY_BYTES + TAG_BYTES

/** Wraps `key`. Two wraps of one key under another differ: the nonce is random. */
export function wrapKey(
  crypto: Crypto,
  random: Random,
  wrappingKey: SecretKey,
  facts: WrapFacts,
  key: SecretKey,
): Uint8Array {
  const nonce = random(NONCE_BYTES)
  const under = deriveBytes(crypto, wrappingKey.bytes(), 'key wrap', factsValue(facts))
  const sealed = crypto.aesGcmSeal(under, nonce, associatedData(facts), key.bytes())
  const wrap = new Uint8Array(WRAP_BYTES)
  wrap[0] = FORMAT.keyWrap
  wrap.set(nonce, 1)
  wrap.set(sealed, 1 + NONCE_BYTES)
  return wrap
}

/** Opens what `wrapKey` made under this key for exactly these facts. Throws KeyRefused. */
export function unwrapKey(
  crypto: Crypto,
  wrappingKey: SecretKey,
  facts: WrapFacts,
  wrap: Uint8Array,
): SecretKey {
  if (wrap.length !== WRAP_BYTES || wrap[0] !== FORMAT.keyWrap) {
    throw new KeyRefused(
      'malformed',
      `the wrapped ${facts.purpose} has ${wrap.length} bytes and begins with ${wrap[0]}, expected ${WRAP_BYTES} and format ${FORMAT.keyWrap}`,
    )
  }
  const nonce = wrap.subarray(1, 1 + NONCE_BYTES)
  const under = deriveBytes(crypto, wrappingKey.bytes(), 'key wrap', factsValue(facts))
  try {
    const key = crypto.aesGcmOpen(under, nonce, associatedData(facts), wrap.subarray(1 + NONCE_BYTES))
    return new SecretKey(key)
  } catch (error) {
    if (!(error instanceof AuthenticationFailed)) throw error
    throw new KeyRefused(
      'not-authentic',
      `the wrapped ${facts.purpose} of ${facts.owner} was changed or swapped, or what opens it is wrong`,
    )
  }
}

/** Throws KeyRefused unless the seed is the private half of this Ed25519 key (KEY-7). */
export function checkSigningPair(crypto: Crypto, seed: SecretKey, publicKey: Uint8Array): void {
  if (!sameBytes(crypto.ed25519PublicKey(seed.bytes()), publicKey)) {
    throw new KeyRefused('wrong-pair', 'a signing seed is not the one of its public key')
  }
}

/** Rejects with KeyRefused unless the seed is the private half of this X-Wing key (KEY-7). */
export async function checkSealingPair(
  crypto: Crypto,
  seed: SecretKey,
  publicKey: Uint8Array,
): Promise<void> {
  if (!sameBytes(await xwingPublicKey(crypto, seed.bytes()), publicKey)) {
    throw new KeyRefused('wrong-pair', 'a sealing seed is not the one of its public key')
  }
}

function associatedData(facts: WrapFacts): Uint8Array {
  return encodeCbor([SUITE, FORMAT.keyWrap, ...factsValue(facts)])
}

function factsValue(facts: WrapFacts) {
  const { purpose, owner, zone, epoch } = facts
  return [purpose, idBytes(owner), zone === undefined ? null : idBytes(zone), epoch ?? null]
}
