import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { decodeCbor, encodeCbor } from '../bytes/cbor.ts'
import { toHex } from '../bytes/hex.ts'
import { nodeCrypto } from '../crypto/node.ts'
import { parseId } from '../ids/ids.ts'
import {
  CERTIFICATE_MAX_BYTES,
  certifyDevice,
  createDevice,
  openCertificate,
  readCertificate,
} from './device.ts'
import { flipBit, refusal, seededRandom, thrown } from './fixtures.ts'
import { createIdentity, type Identity } from './identity.ts'
import { KeyRefused } from './refused.ts'

const ACCOUNT = parseId('account', '0a'.repeat(16))
const DEVICE = createDevice(nodeCrypto, seededRandom('device'))
let identity: Identity
let certificate: Uint8Array
beforeAll(async () => {
  identity = await createIdentity(nodeCrypto, seededRandom('identity'))
  certificate = certifyDevice(nodeCrypto, identity, { account: ACCOUNT, publicKey: DEVICE.publicKey })
})
const open = (bytes: Uint8Array) => openCertificate(nodeCrypto, bytes, identity.signingKey)

describe('a device certificate', () => {
  it('is exactly these bytes (KEY-11)', () => {
    const body = `840113${`50${ACCOUNT}`}5820${toHex(DEVICE.publicKey)}`
    const signature = nodeCrypto.ed25519Sign(identity.signingSeed.bytes(), Buffer.from(body, 'hex'))
    expect(toHex(certificate)).toBe(`84011758${(body.length / 2).toString(16)}${body}5840${toHex(signature)}`)
    expect(certificate.length).toBeLessThan(CERTIFICATE_MAX_BYTES)
  })

  it('names account and device, whose id is the hash of its key', () => {
    expect(open(certificate)).toEqual({ account: ACCOUNT, device: DEVICE.id, publicKey: DEVICE.publicKey })
    expect(readCertificate(nodeCrypto, certificate).device).toBe(DEVICE.id)
    expect(DEVICE.id).toBe(toHex(nodeCrypto.sha256(DEVICE.publicKey)).slice(0, 32))
  })

  it('of another identity is refused (attack 2)', async () => {
    const stranger = await createIdentity(nodeCrypto, seededRandom('stranger'))
    const forged = certifyDevice(nodeCrypto, stranger, { account: ACCOUNT, publicKey: DEVICE.publicKey })
    expect(await refusal(() => open(forged))).toBe('bad-signature')
    expect(await refusal(() => openCertificate(nodeCrypto, certificate, new Uint8Array(32)))).toBe(
      'bad-signature',
    )
  })

  it('with another account or device key under the same signature is refused', async () => {
    const [suite, format, , signature] = decodeCbor(certificate) as [number, number, Uint8Array, Uint8Array]
    const other = createDevice(nodeCrypto, seededRandom('other'))
    const bodies = [
      encodeCbor([1, 19, new Uint8Array(16).fill(11), DEVICE.publicKey]),
      encodeCbor([1, 19, new Uint8Array(16).fill(10), other.publicKey]),
    ]
    for (const body of bodies) {
      expect(await refusal(() => open(encodeCbor([suite, format, body, signature])))).toBe('bad-signature')
    }
  })

  it('with any bit flipped, or any bytes at all, is refused by KeyRefused only', () => {
    for (let bit = 0; bit < certificate.length * 8; bit++) {
      expect(() => open(flipBit(certificate, bit))).toThrow(KeyRefused)
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(thrown(() => open(bytes))).toBe('KeyRefused')
      }),
    )
  })
})
