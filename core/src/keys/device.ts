/** A device's key, and the certificate by which its person's identity vouches for it. */
import { type CborValue, encodeCbor } from '../bytes/cbor.ts'
import type { Crypto } from '../crypto/crypto.ts'
import type { Random } from '../crypto/random.ts'
import { type AccountId, type DeviceId, ID_BYTES, idBytes, idFromBytes } from '../ids/ids.ts'
import { deviceIdOf } from './device-id.ts'
import { bytesField, expectLength, readFormat } from './fields.ts'
import type { Identity } from './identity.ts'
import { KeyRefused } from './refused.ts'
import { randomKey, type SecretKey } from './secrets.ts'
import { SIGNING_KEY_BYTES, signBody, splitSigned } from './signed.ts'
import { FORMAT, SUITE } from './suite.ts'

export interface DeviceKeys {
  readonly id: DeviceId
  readonly seed: SecretKey
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
}

/** What a certificate says. */
export interface CertifiedDevice {
  readonly account: AccountId
  readonly device: DeviceId
  readonly publicKey: Uint8Array
}

/** Certificates are shorter than this. */
export const CERTIFICATE_MAX_BYTES = 1_024

/** A new device key. */
export function createDevice(crypto: Crypto, random: Random): DeviceKeys {
  const seed = randomKey(random)
  const publicKey = crypto.ed25519PublicKey(seed.bytes())
  return { id: deviceIdOf(crypto, publicKey), seed, publicKey }
}

/** Vouches for a device: [suite, format, account, device public key], signed by the identity (KEY-11). */
export function certifyDevice(
  crypto: Crypto,
  identity: Identity,
  device: { readonly account: AccountId; readonly publicKey: Uint8Array },
): Uint8Array {
  const body = encodeCbor([SUITE, FORMAT.deviceCertificate, idBytes(device.account), device.publicKey])
  return signBody(crypto, identity.signingSeed, body)
}

/** What a certificate claims, not verified: for finding whose identity to verify it with. Throws KeyRefused. */
export function readCertificate(crypto: Crypto, bytes: Uint8Array): CertifiedDevice {
  return readBody(crypto, splitSigned(bytes, CERTIFICATE_MAX_BYTES, refuse).body)
}

/** The device this identity vouches for. Throws KeyRefused. */
export function openCertificate(
  crypto: Crypto,
  bytes: Uint8Array,
  identitySigningKey: Uint8Array,
): CertifiedDevice {
  const { body, signature } = splitSigned(bytes, CERTIFICATE_MAX_BYTES, refuse)
  const certified = readBody(crypto, body)
  if (!crypto.ed25519Verify(identitySigningKey, body, signature)) {
    throw new KeyRefused(
      'bad-signature',
      `the certificate of device ${certified.device} is not signed by the identity of account ${certified.account}`,
    )
  }
  return certified
}

function readBody(crypto: Crypto, body: Uint8Array): CertifiedDevice {
  const read = (fields: readonly CborValue[]): CertifiedDevice => {
    expectLength(fields, 'certificate', 2)
    const publicKey = bytesField(fields[1], 'device key', SIGNING_KEY_BYTES)
    return {
      account: idFromBytes('account', bytesField(fields[0], 'account', ID_BYTES.account)),
      device: deviceIdOf(crypto, publicKey),
      publicKey,
    }
  }
  const limits = { maxBytes: CERTIFICATE_MAX_BYTES, maxDepth: 1, maxItems: 8 }
  return readFormat(body, FORMAT.deviceCertificate, limits, read, refuse)
}

function refuse(why: string): KeyRefused {
  return new KeyRefused('malformed', `a device certificate cannot be read (${why})`)
}
