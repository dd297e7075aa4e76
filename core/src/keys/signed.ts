/** Bytes and the Ed25519 signature over exactly those bytes: certificates and log entries. */
import { type CborValue, encodeCbor } from '../bytes/cbor.ts'
import type { Crypto } from '../crypto/crypto.ts'
import { bytesField, expectLength, readFormat } from './fields.ts'
import type { SecretKey } from './secrets.ts'
import { FORMAT, SUITE } from './suite.ts'

const SIGNATURE_BYTES = 64
export const SIGNING_KEY_BYTES = 32

export interface Signed {
  /** What was signed: a format that begins with its own suite and number (KEY-1). */
  readonly body: Uint8Array
  readonly signature: Uint8Array
}

/** [suite, format, body, signature]. */
export function signBody(crypto: Crypto, seed: SecretKey, body: Uint8Array): Uint8Array {
  return encodeCbor([SUITE, FORMAT.signed, body, crypto.ed25519Sign(seed.bytes(), body)])
}

/** Takes the two apart; nothing is verified yet. Anything else is thrown as `refuse(why)`. */
export function splitSigned(bytes: Uint8Array, maxBytes: number, refuse: (why: string) => Error): Signed {
  const read = (fields: readonly CborValue[]): Signed => {
    expectLength(fields, 'signed bytes', 2)
    return {
      body: bytesField(fields[0], 'signed body', { min: 1, max: maxBytes }),
      signature: bytesField(fields[1], 'signature', SIGNATURE_BYTES),
    }
  }
  return readFormat(bytes, FORMAT.signed, { maxBytes, maxDepth: 1, maxItems: 8 }, read, refuse)
}
