import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CborValue, decodeCbor, encodeCbor } from '../bytes/cbor.ts'
import { fromHex, toHex } from '../bytes/hex.ts'
import { type Digest, parseId, type RecordId, ROOT, type WriterId, type ZoneId } from '../ids/ids.ts'
import { flipBit, thrown } from '../keys/fixtures.ts'
import { VECTOR_MAX_WRITERS } from '../limits.ts'
import { decodeFacts, encodeFacts, FACTS_MAX_BYTES, type Facts } from './facts.ts'
import { RecordRefused } from './refused.ts'

const A = parseId('writer', '0a'.repeat(8))
const B = parseId('writer', '0b'.repeat(8))
const FACTS: Facts = {
  zone: parseId('zone', '11'.repeat(32)),
  id: parseId('record', '22'.repeat(16)),
  vector: { [B]: 7, [A]: 1_000 },
  epoch: 3,
  refsRoot: parseId('digest', '33'.repeat(32)),
}

const hexId = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((value) => toHex(value))
const anyFacts: fc.Arbitrary<Facts> = fc.record({
  zone: hexId(32) as fc.Arbitrary<ZoneId>,
  id: (hexId(16) as fc.Arbitrary<RecordId>).filter((id) => id !== ROOT),
  vector: fc.dictionary(hexId(8), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), {
    minKeys: 1,
    maxKeys: 20,
    noNullPrototype: true,
  }),
  epoch: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  refsRoot: hexId(32) as fc.Arbitrary<Digest>,
})

describe('the facts of a record', () => {
  it('are exactly these bytes, writers in ascending order (REC-2, REC-3)', () => {
    const expected = [
      '87', // array of 7
      '01', // suite
      '01', // format
      `5820${'11'.repeat(32)}`,
      `50${'22'.repeat(16)}`,
      `82${`8248${'0a'.repeat(8)}1903e8`}${`8248${'0b'.repeat(8)}07`}`,
      '03', // epoch
      `5820${'33'.repeat(32)}`,
    ].join('')
    expect(toHex(encodeFacts(FACTS))).toBe(expected)
    expect(decodeFacts(fromHex(expected))).toEqual(FACTS)
  })

  it('come back as they were', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        expect(decodeFacts(encodeFacts(facts))).toEqual(facts)
      }),
    )
  })

  it('have one encoding: whatever else is read encodes to the same bytes', () => {
    fc.assert(
      fc.property(anyFacts, fc.nat(), (facts, bit) => {
        const bytes = encodeFacts(facts)
        const mutated = flipBit(bytes, bit % (bytes.length * 8))
        let read: Facts
        try {
          read = decodeFacts(mutated)
        } catch (error) {
          expect(error).toBeInstanceOf(RecordRefused)
          return
        }
        expect(encodeFacts(read)).toEqual(mutated)
      }),
    )
  })

  it('refuse arbitrary bytes with RecordRefused only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(['nothing', 'RecordRefused']).toContain(thrown(() => decodeFacts(bytes)))
      }),
    )
  })

  const written = decodeCbor(encodeFacts(FACTS)) as CborValue[]
  const wrong: [string, number, CborValue][] = [
    ['another suite', 0, 2],
    ['another format', 1, 2],
    ['a short zone id', 2, new Uint8Array(31)],
    ['a record id as text', 3, '22'.repeat(16)],
    ['the id of the root', 3, new Uint8Array(16)],
    ['an empty vector', 4, []],
    [
      'writers out of order',
      4,
      [
        [fromHex(B), 1],
        [fromHex(A), 1],
      ],
    ],
    [
      'a writer twice',
      4,
      [
        [fromHex(A), 1],
        [fromHex(A), 2],
      ],
    ],
    ['a counter of 0', 4, [[fromHex(A), 0]]],
    ['a negative counter', 4, [[fromHex(A), -1]]],
    ['epoch 0', 5, 0],
    ['a root of 33 bytes', 6, new Uint8Array(33)],
  ]
  it.each(wrong)('are refused with %s', (_, at, value) => {
    expect(() => decodeFacts(encodeCbor(written.with(at, value)))).toThrow(RecordRefused)
  })

  it('are refused with a field more, a field less, a byte more or a byte less', () => {
    expect(() => decodeFacts(encodeCbor([...written, 0]))).toThrow(RecordRefused)
    expect(() => decodeFacts(encodeCbor(written.slice(0, -1)))).toThrow(RecordRefused)
    const bytes = encodeFacts(FACTS)
    expect(() => decodeFacts(Uint8Array.of(...bytes, 0))).toThrow(RecordRefused)
    expect(() => decodeFacts(bytes.subarray(0, -1))).toThrow(RecordRefused)
  })

  it('hold the longest vector and no longer one', () => {
    const vector: Record<WriterId, number> = {}
    for (let i = 0; i < VECTOR_MAX_WRITERS; i++) {
      vector[parseId('writer', i.toString(16).padStart(16, '0'))] = Number.MAX_SAFE_INTEGER
    }
    const bytes = encodeFacts({ ...FACTS, vector, epoch: Number.MAX_SAFE_INTEGER })
    expect(bytes.length).toBeLessThanOrEqual(FACTS_MAX_BYTES)
    expect(decodeFacts(bytes).vector).toEqual(vector)
    expect(() => encodeFacts({ ...FACTS, vector: { ...vector, [A]: 1 } })).toThrow(RangeError)
  })

  it('are not written when they would not be read', () => {
    expect(() => encodeFacts({ ...FACTS, vector: {} })).toThrow(RangeError)
    expect(() => encodeFacts({ ...FACTS, vector: { [A]: 0 } })).toThrow(RangeError)
    expect(() => encodeFacts({ ...FACTS, id: ROOT })).toThrow(RangeError)
    expect(() => encodeFacts({ ...FACTS, epoch: 0 })).toThrow(RangeError)
    expect(() => encodeFacts({ ...FACTS, epoch: 1.5 })).toThrow(RangeError)
  })
})
