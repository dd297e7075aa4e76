/** A person's identity: an Ed25519 pair that signs devices and log entries, an X-Wing pair that receives zone keys. */
import { type CborValue, encodeCbor } from '../bytes/cbor.ts'
import type { Crypto } from '../crypto/crypto.ts'
import type { Random } from '../crypto/random.ts'
import { XWING_PUBLIC_KEY_BYTES, xwingPublicKey } from '../crypto/xwing.ts'
import { bytesField, expectLength, readFormat } from './fields.ts'
import { KeyRefused } from './refused.ts'
import { KEY_BYTES, randomKey, SecretKey } from './secrets.ts'
import { SIGNING_KEY_BYTES } from './signed.ts'
import { FORMAT, SUITE } from './suite.ts'
import { checkSealingPair, checkSigningPair } from './wraps.ts'

/** What others know of an identity. */
export interface PublicIdentity {
  /** Ed25519, 32 bytes. */
  readonly signingKey: Uint8Array
  /** X-Wing, 1,216 bytes. */
  readonly sealingKey: Uint8Array
}

export interface Identity extends PublicIdentity {
  readonly signingSeed: SecretKey
  readonly sealingSeed: SecretKey
}

/** A new identity. */
export async function createIdentity(crypto: Crypto, random: Random): Promise<Identity> {
  const signingSeed = randomKey(random)
  const sealingSeed = randomKey(random)
  return {
    signingSeed,
    signingKey: crypto.ed25519PublicKey(signingSeed.bytes()),
    sealingSeed,
    sealingKey: await xwingPublicKey(crypto, sealingSeed.bytes()),
  }
}

/**
 * [suite, format, signing seed, signing key, sealing seed, sealing key], canonical CBOR (KEY-9): the secret
 * content of the identity record, which only ever rests inside a sealed record of the account zone.
 */
export function encodeIdentity(identity: Identity): Uint8Array {
  return encodeCbor([
    SUITE,
    FORMAT.identity,
    identity.signingSeed.bytes(),
    identity.signingKey,
    identity.sealingSeed.bytes(),
    identity.sealingKey,
  ])
}

/** Reads an identity and checks both halves of both pairs (KEY-7). Rejects with KeyRefused. */
export async function decodeIdentity(crypto: Crypto, bytes: Uint8Array): Promise<Identity> {
  const limits = { maxBytes: 2_048, maxDepth: 1, maxItems: 8 }
  const identity = readFormat(bytes, FORMAT.identity, limits, readIdentity, refuse)
  checkSigningPair(crypto, identity.signingSeed, identity.signingKey)
  await checkSealingPair(crypto, identity.sealingSeed, identity.sealingKey)
  return identity
}

function readIdentity(fields: readonly CborValue[]): Identity {
  expectLength(fields, 'identity', 4)
  const [signingSeed, signingKey, sealingSeed, sealingKey] = fields
  return {
    signingSeed: new SecretKey(bytesField(signingSeed, 'signing seed', KEY_BYTES)),
    signingKey: bytesField(signingKey, 'signing key', SIGNING_KEY_BYTES),
    sealingSeed: new SecretKey(bytesField(sealingSeed, 'sealing seed', KEY_BYTES)),
    sealingKey: bytesField(sealingKey, 'sealing key', XWING_PUBLIC_KEY_BYTES),
  }
}

function refuse(why: string): KeyRefused {
  return new KeyRefused('malformed', `an identity cannot be read (${why})`)
}
