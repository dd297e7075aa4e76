import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CborValue, decodeCbor, encodeCbor } from '../bytes/cbor.ts'
import { fromHex, toHex } from '../bytes/hex.ts'
import { nodeCrypto } from '../crypto/node.ts'
import { type Digest, parseId } from '../ids/ids.ts'
import { challengeBytes } from '../keys/challenge.ts'
import { flipBit, refusal, thrown } from '../keys/fixtures.ts'
import { SecretKey } from '../keys/secrets.ts'
import type { SignedBatch } from '../protocol/push.ts'
import { BATCH_HEADER_MAX_BYTES, type BatchHeader, readBatch, signBatch, verifyBatch } from './batch.ts'
import { BatchRefused } from './refused.ts'

const SEED = new SecretKey(new Uint8Array(32).fill(9))
const PUBLIC = nodeCrypto.ed25519PublicKey(SEED.bytes())
const DEVICE = parseId('device', toHex(nodeCrypto.sha256(PUBLIC)).slice(0, 32))
const leaf = (n: number): Digest => parseId('digest', n.toString(16).padStart(64, '0'))
const LEAVES = [leaf(1), leaf(2), leaf(3)]
const FIELDS = {
  zone: parseId('zone', '11'.repeat(32)),
  batch: parseId('batch', '22'.repeat(16)),
  writer: parseId('writer', '33'.repeat(8)),
  logHead: parseId('digest', '44'.repeat(32)),
  epoch: 2,
  generation: 5,
  seen: {
    incarnation: 3,
    sequence: 1_000,
    chain: parseId('digest', '66'.repeat(32)),
    setHash: parseId('digest', '55'.repeat(32)),
  },
}
const SIGNED = signBatch(nodeCrypto, SEED, FIELDS, LEAVES)
const verify = (signed: SignedBatch, leaves: readonly Digest[] = LEAVES) =>
  verifyBatch(nodeCrypto, signed, PUBLIC, leaves)

/** RFC 6962 §2.1 for three leaves, written out. */
function naiveRoot(): string {
  const hash = (...parts: Uint8Array[]) => nodeCrypto.sha256(...parts)
  const [a, b, c] = LEAVES.map((one) => hash(Uint8Array.of(0), fromHex(one)))
  return toHex(hash(Uint8Array.of(1), hash(Uint8Array.of(1), a!, b!), c!))
}

describe('a signed batch', () => {
  it('is exactly these bytes (REC-12)', () => {
    const expected = [
      '8f0107', // array of 15: suite, format
      `5820${FIELDS.zone}50${FIELDS.batch}50${DEVICE}48${FIELDS.writer}5820${FIELDS.logHead}`,
      '0205', // epoch, generation
      `5820${naiveRoot()}`,
      '03031903e8', // count, incarnation, sequence
      `5820${FIELDS.seen.chain}5820${FIELDS.seen.setHash}`,
    ].join('')
    expect(toHex(SIGNED.header)).toBe(expected)
    expect(toHex(nodeCrypto.sha256(SIGNED.signature))).toBe(
      '31c2745015503371c8d3f9ede86c2d818f3b32e25bb475fce32b1b1b0b8807c1',
    )
    expect(SIGNED.header.length).toBeLessThan(BATCH_HEADER_MAX_BYTES)
  })

  it('verifies with its leaves and gives its header (REC-13)', () => {
    const header: BatchHeader = { ...FIELDS, device: DEVICE, root: naiveRoot() as Digest, count: 3 }
    expect(readBatch(SIGNED)).toEqual(header)
    expect(verify(SIGNED)).toEqual(header)
  })

  it('is refused with a record changed, dropped, added, doubled or moved', async () => {
    const wrong = [
      [leaf(1), leaf(2), leaf(4)],
      [leaf(1), leaf(2)],
      [...LEAVES, leaf(4)],
      [...LEAVES, leaf(3)],
      [leaf(2), leaf(1), leaf(3)],
      [],
    ]
    for (const leaves of wrong) expect(await refusal(() => verify(SIGNED, leaves))).toBe('wrong-leaves')
  })

  it('is refused under another device or its key, and with any fact altered', async () => {
    const other = new SecretKey(new Uint8Array(32).fill(8))
    const key = nodeCrypto.ed25519PublicKey(other.bytes())
    expect(await refusal(() => verifyBatch(nodeCrypto, SIGNED, key, LEAVES))).toBe('wrong-device')
    const stolen = { ...SIGNED, signature: nodeCrypto.ed25519Sign(other.bytes(), SIGNED.header) }
    expect(await refusal(() => verify(stolen))).toBe('bad-signature')
    const values = decodeCbor(SIGNED.header) as CborValue[]
    for (let at = 2; at < values.length; at++) {
      const value = values[at]!
      const altered = typeof value === 'number' ? value + 1 : flipBit(value as Uint8Array, 3)
      const header = encodeCbor(values.with(at, altered))
      expect(await refusal(() => verify({ ...SIGNED, header }))).toMatch(/bad-signature|wrong-device/)
    }
  })

  it('is refused with any bit flipped, by BatchRefused only', () => {
    for (let bit = 0; bit < SIGNED.header.length * 8; bit += 3) {
      expect(() => verify({ ...SIGNED, header: flipBit(SIGNED.header, bit) })).toThrow(BatchRefused)
    }
    for (let bit = 0; bit < 512; bit += 5) {
      expect(() => verify({ ...SIGNED, signature: flipBit(SIGNED.signature, bit) })).toThrow(BatchRefused)
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (header) => {
        expect(thrown(() => verify({ ...SIGNED, header }))).toBe('BatchRefused')
      }),
    )
  })

  it('is refused with another suite, format, count or epoch, though signed', async () => {
    const values = decodeCbor(SIGNED.header) as CborValue[]
    const wrong: [number, CborValue][] = [
      [0, 2],
      [1, 1],
      [7, 0],
      [10, 0],
      [10, 1_001],
      [11, 0],
      [12, -1],
    ]
    for (const [at, value] of wrong) {
      const header = encodeCbor(values.with(at, value))
      const signed = { header, signature: nodeCrypto.ed25519Sign(SEED.bytes(), header) }
      expect(await refusal(() => verify(signed))).toBe('malformed')
    }
  })

  it('is refused when it counts other than its leaves, though signed', async () => {
    const header = encodeCbor((decodeCbor(SIGNED.header) as CborValue[]).with(10, 2))
    const signed = { header, signature: nodeCrypto.ed25519Sign(SEED.bytes(), header) }
    expect(await refusal(() => verify(signed))).toBe('wrong-leaves')
  })

  it('is never what a device signs to log in (KEY-1)', async () => {
    const header = challengeBytes('device login', DEVICE, new Uint8Array(32))
    const signature = nodeCrypto.ed25519Sign(SEED.bytes(), header)
    expect(await refusal(() => verify({ header, signature }))).toBe('malformed')
  })

  it('is not made of no records, of too many, or under epoch 0', () => {
    expect(() => signBatch(nodeCrypto, SEED, FIELDS, [])).toThrow(RangeError)
    const many = Array.from({ length: 1_001 }, (_, n) => leaf(n))
    expect(() => signBatch(nodeCrypto, SEED, FIELDS, many)).toThrow(RangeError)
    expect(() => signBatch(nodeCrypto, SEED, { ...FIELDS, epoch: 0 }, LEAVES)).toThrow(BatchRefused)
  })
})
