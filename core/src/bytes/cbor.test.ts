/** Deterministic, bounded CBOR (RFC 8949 §4.2.1). */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CBOR_MAX_BYTES, CBOR_MAX_DEPTH, CBOR_MAX_ITEMS } from '../limits.ts'
import { CborError, type CborValue, decodeCbor, encodeCbor } from './cbor.ts'

const text = fc.string({ unit: 'binary', maxLength: 12 }).filter((value) => value !== '__proto__')
const { tree: values } = fc.letrec<{ tree: CborValue; leaf: CborValue }>((tie) => ({
  leaf: fc.oneof(
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger().map((value) => value || 0), // -0 is written as 0
    text,
    fc.uint8Array({ maxLength: 300 }),
  ),
  tree: fc.oneof(
    { depthSize: 'small', maxDepth: 6 },
    tie('leaf'),
    fc.array(tie('tree'), { maxLength: 5 }),
    fc.dictionary(text, tie('tree'), { maxKeys: 5, noNullPrototype: true }),
  ),
}))

describe('the encoding is pinned by bytes', () => {
  // The values of RFC 8949 appendix A that are ours, then our own.
  test.each<[CborValue, string]>([
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [255, '18ff'],
    [256, '190100'],
    [65_536, '1a00010000'],
    [1_000_000_000_000, '1b000000e8d4a51000'],
    [Number.MAX_SAFE_INTEGER, '1b001fffffffffffff'],
    [-1, '20'],
    [-100, '3863'],
    [-1_000, '3903e7'],
    [Number.MIN_SAFE_INTEGER, '3b001ffffffffffffe'],
    [false, 'f4'],
    [true, 'f5'],
    [null, 'f6'],
    [new Uint8Array(), '40'],
    [Uint8Array.of(1, 2, 3, 4), '4401020304'],
    ['', '60'],
    ['IETF', '6449455446'],
    ['"\\', '62225c'],
    ['ü', '62c3bc'],
    ['水', '63e6b0b4'],
    ['\u{10151}', '64f0908591'],
    ['\ufeffa', '64efbbbf61'],
    [[], '80'],
    [[1, [2, 3], [4, 5]], '8301820203820405'],
    [{}, 'a0'],
    [{ a: 1, b: [2, 3] }, 'a26161016162820203'],
    [{ b: 1, aa: 2, a: 3, ü: 4, Z: 5 }, 'a5615a05616103616201626161 02 62c3bc04'.replaceAll(' ', '')],
  ])('%j is %s', (value, hex) => {
    expect(Buffer.from(encodeCbor(value)).toString('hex')).toBe(hex)
    expect(decodeCbor(Buffer.from(hex, 'hex'), { canonical: true })).toEqual(value)
  })
})

test('every value comes back, and its encoding is canonical', () => {
  fc.assert(
    fc.property(values, (value) => {
      const bytes = encodeCbor(value)
      expect(bytes.constructor).toBe(Uint8Array)
      expect(decodeCbor(bytes, { canonical: true })).toEqual(value)
    }),
    { numRuns: 500 },
  )
})

test('the order in which keys were written does not show', () => {
  fc.assert(
    fc.property(fc.dictionary(text, values, { maxKeys: 8, noNullPrototype: true }), (value) => {
      const reversed = Object.fromEntries(Object.entries(value).reverse())
      expect(encodeCbor(reversed)).toEqual(encodeCbor(value))
    }),
  )
})

test('what is read as canonical is what would be written', () => {
  const mutated = fc.tuple(values, fc.nat(), fc.nat(255)).map(([value, at, byte]) => {
    const bytes = encodeCbor(value)
    return bytes.with(at % bytes.length, byte)
  })
  let read = 0
  fc.assert(
    fc.property(mutated, (bytes) => {
      const value = decoded(bytes, true)
      if (value === undefined) return
      read++
      expect(encodeCbor(value)).toEqual(bytes)
    }),
    { numRuns: 3_000 },
  )
  expect(read).toBeGreaterThan(100)
})

test('random bytes give a value or a CborError, quickly', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const start = performance.now()
      decoded(bytes, false)
      expect(performance.now() - start).toBeLessThan(500)
    }),
    { numRuns: 5_000 },
  )
})

test('every cut of an encoding is refused', () => {
  const bytes = encodeCbor({ a: [1, 'two', Uint8Array.of(3)], b: { c: null, d: -70_000 } })
  for (let length = 0; length < bytes.length; length++) {
    expect(() => decodeCbor(bytes.subarray(0, length))).toThrow(CborError)
  }
})

describe('reading refuses', () => {
  test.each([
    ['bytes after the value', '0000'],
    ['a float', 'fb3ff8000000000000'],
    ['a half float', 'f93c00'],
    ['undefined', 'f7'],
    ['another simple value', 'e0'],
    ['a tag', 'c000'],
    ['a bignum', 'c2410f'],
    ['an integer of more bytes than needed', '1817'],
    ['a long integer of more bytes than needed', '1b00000000ffffffff'],
    ['a length of more bytes than needed', '7803616263'],
    ['an unsafe integer', '1b0020000000000000'],
    ['an unsafe negative integer', '3b001fffffffffffff'],
    ['an indefinite array', '9f01ff'],
    ['an indefinite string', '7f6161ff'],
    ['an indefinite map', 'bf616101ff'],
    ['a lone break', 'ff'],
    ['a key that is a number', 'a10101'],
    ['a key that is bytes', 'a1416101'],
    ['a key that is an array', 'a18001'],
    ['a key twice', 'a2616101616102'],
    ['the key __proto__', 'a1695f5f70726f746f5f5f01'],
    ['an array that announces more than is there', '9b001fffffffffffff00'],
    ['a map that announces more than is there', 'ba7fffffff00'],
    ['bytes that announce more than is there', '5b001fffffffffffff00'],
    ['a bad byte in a string', '61ff'],
    ['a cut sequence in a string', '61c3'],
    ['two bad bytes and a good one', '62c328'],
    ['half of a surrogate pair', '63eda080'],
    ['an overlong sequence', '62c080'],
    ['a bad byte in a long string', `7828${'61'.repeat(39)}ff`],
  ])('%s', (_, hex) => {
    expect(() => decodeCbor(Buffer.from(hex, 'hex'))).toThrow(CborError)
  })

  test('keys out of order, when the canonical form is asked for', () => {
    const bytes = Buffer.from('a2616201616102', 'hex')
    expect(decodeCbor(bytes)).toEqual({ b: 1, a: 2 })
    expect(() => decodeCbor(bytes, { canonical: true })).toThrow('the key "a" is out of order')
    const longFirst = Buffer.from('a262616101616202', 'hex')
    expect(() => decodeCbor(longFirst, { canonical: true })).toThrow(CborError)
  })

  test('more bytes, depth or items than allowed, also by default', () => {
    expect(() => decodeCbor(new Uint8Array(CBOR_MAX_BYTES + 1))).toThrow('at most')
    expect(() => decodeCbor(encodeCbor('abc'), { maxBytes: 3 })).toThrow('at most 3')
    const nested = (depth: number) => Uint8Array.of(...new Uint8Array(depth).fill(0x81), 0)
    expect(() => decodeCbor(nested(CBOR_MAX_DEPTH))).not.toThrow()
    expect(() => decodeCbor(nested(CBOR_MAX_DEPTH + 1))).toThrow('nested deeper than 16')
    expect(() => decodeCbor(new Uint8Array(1_000_000).fill(0x81))).toThrow('nested deeper')
    expect(() => decodeCbor(encodeCbor([1, 2, 3]), { maxItems: 3 })).toThrow('more than 3 items')
    const many = new Uint8Array(CBOR_MAX_ITEMS + 5)
    many.set([0x9a, 0, 0x10, 0, 0]) // 1,048,576 zeros, and the array itself
    expect(() => decodeCbor(many)).toThrow('more than 1048576 items')
  })
})

describe('writing refuses', () => {
  test.each<[string, unknown]>([
    ['a fraction', 1.5],
    ['NaN', Number.NaN],
    ['an unsafe integer', 2 ** 53],
    ['a bigint', 1n],
    ['undefined', undefined],
    ['undefined in an object', { a: undefined }],
    ['a hole in an array', new Array(1)],
    ['half of a surrogate pair', 'a\ud800'],
    ['half of a surrogate pair in a key', { '\udc00': 1 }],
    ['a Map', new Map([['a', 1]])],
    ['a Date', new Date(0)],
    ['another typed array', new Uint16Array(1)],
    ['a function', () => 1],
    ['the key __proto__', JSON.parse('{"__proto__":1}')],
    ['an instance of a class', new (class Secret {})()],
  ])('%s', (_, value) => {
    expect(() => encodeCbor(value as CborValue)).toThrow(CborError)
  })

  test('what is nested too deep, in a circle for instance, and names the place', () => {
    const circle: CborValue[] = []
    circle.push(circle)
    expect(() => encodeCbor(circle)).toThrow('nested deeper than 16')
    expect(() => encodeCbor({ a: [1, { b: 0.5 }] })).toThrow('cannot write /a/1/b as CBOR: 0.5 is not a safe')
  })
})

test('byte strings are copies, so that a reused buffer does not change what was read', () => {
  const bytes = Buffer.from(encodeCbor([Uint8Array.of(1, 2)]))
  const [inner] = decodeCbor(bytes) as [Uint8Array]
  bytes.fill(0)
  expect(inner).toEqual(Uint8Array.of(1, 2))
  expect(inner.constructor).toBe(Uint8Array)
  const written = Uint8Array.of(7)
  const encoded = encodeCbor(written)
  written[0] = 8
  expect(encoded).toEqual(Uint8Array.of(0x41, 7))
})

/** The value, or undefined for a CborError; any other error fails the test. */
function decoded(bytes: Uint8Array, canonical: boolean): CborValue | undefined {
  try {
    return decodeCbor(bytes, { canonical })
  } catch (error) {
    if (error instanceof CborError) return undefined
    throw error
  }
}
