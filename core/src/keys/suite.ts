/**
 * One suite, and one number for each sealed, signed or hashed format. A format's number says what it is and
 * which version of it, so bytes made for one purpose never read as another; a new version takes a new number,
 * and no number is used again (KEY-1).
 *
 * Suite 1: AES-256-GCM, AES-256 key wrap, HKDF-SHA-256, SHA-256, Ed25519, HPKE with X-Wing.
 */
import { type CborValue, encodeCbor } from '../bytes/cbor.ts'
import type { Crypto } from '../crypto/crypto.ts'

export const SUITE = 1

export const FORMAT = {
  recordFacts: 1,
  recordBody: 2,
  recordSeal: 3,
  refsRoot: 4,
  refsNode: 5,
  /** 6 was a batch header without incarnation and chain. */
  batch: 7,
  keyDerivation: 16,
  keyWrap: 17,
  identity: 18,
  deviceCertificate: 19,
  challenge: 20,
  logEntry: 21,
  zoneKeyWrap: 22,
  signed: 23,
} as const

/** What a derived key is for. Each stands in the HKDF info, so that no two uses share a key. */
export type DerivationPurpose =
  | 'record wrapping'
  | 'chunk secret'
  | 'chunker'
  | 'zone key commitment'
  | 'account zone key'
  | 'password wrap'
  | 'phrase wrap'
  | 'recovery signing'
  | 'key wrap'

/** 32 bytes from a secret by HKDF-SHA-256 (RFC 5869), bound to the suite, a purpose and the facts (KEY-2). */
export function deriveBytes(
  crypto: Crypto,
  secret: Uint8Array,
  purpose: DerivationPurpose,
  facts: readonly CborValue[],
): Uint8Array {
  const info = encodeCbor([SUITE, FORMAT.keyDerivation, purpose, ...facts])
  return crypto.hkdfSha256(secret, NO_SALT, info, 32)
}

const NO_SALT = new Uint8Array(0)
