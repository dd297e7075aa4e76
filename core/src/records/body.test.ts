import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CborValue, decodeCbor, encodeCbor } from '../bytes/cbor.ts'
import { toHex } from '../bytes/hex.ts'
import { nodeCrypto } from '../crypto/node.ts'
import { ROOT } from '../ids/ids.ts'
import { flipBit, thrown } from '../keys/fixtures.ts'
import { decodeBody, encodeBody } from './body.ts'
import { anyBody, entry, fileBody, WRITER } from './fixtures.ts'
import type { Content, Place, RecordBody } from './record.ts'
import { RecordRefused } from './refused.ts'

const BODY = fileBody()
const withPlace = (place: Partial<Place>): RecordBody => ({ ...BODY, place: { ...BODY.place, ...place } })
const withContent = (content: Partial<Extract<Content, { type: 'chunks' }>>): RecordBody => ({
  ...BODY,
  content: { ...(BODY.content as Extract<Content, { type: 'chunks' }>), ...content },
})

/** The body with one field of the array, or of the place or content inside, replaced. */
function rewritten(path: readonly number[], value: CborValue): Uint8Array {
  const set = (node: CborValue, [at, ...rest]: readonly number[]): CborValue => {
    if (at === undefined) return value
    const items = node as readonly CborValue[]
    return items.with(at, set(items[at]!, rest))
  }
  return encodeCbor(set(decodeCbor(encodeBody(BODY)), path))
}

describe('the body of a record', () => {
  it('is exactly these bytes (REC-6, REC-8)', () => {
    const expected = [
      '89010200f4', // array of 9: suite, format, file, not deleted
      `8750${'00'.repeat(16)}`, // place: parent
      `73${toHex(new TextEncoder().encode('Ferien ☀ 2026.jpg'))}`,
      `50${'c3'.repeat(16)}`, // former parent
      `1148${'a1'.repeat(8)}`, // stamp
      '664c6170746f70', // by Laptop
      '1a01352584', // day 20260228
      `8700818248${'a1'.repeat(8)}10`, // content: chunks, base
      '646465736b', // saved on desk
      `5820${'d4'.repeat(32)}`, // file hash
      '1a000186a000', // size, depth
      `5866${entry(1).id}${entry(1).key}${entry(1).hash}0000000186a0`,
      '3b000462d53c8ababf', // mtime -1,234,567,890,123,456
      'f5f6', // executable, no original
    ].join('')
    expect(toHex(encodeBody(BODY))).toBe(expected)
  })

  it.each([
    [
      'a folder',
      { ...BODY, kind: 'folder', content: null } as const,
      '56db17a8610c69f467252aaee54ef2b1f7ad28c80de1c9b8762f8b829c3e350d',
    ],
    [
      'a tombstone',
      { ...BODY, deleted: true, content: null } as const,
      'b4ffd67d3fdb6b15ff946c6f51c1b8500e74edeed51810e9b8acdfb371c90d74',
    ],
    [
      'a link',
      { ...BODY, kind: 'link', content: { type: 'link', target: '../a b', base: '', by: 'desk' } } as const,
      '9c6252d0e85a6814ee28111ddaf12efcda17cfbcf0bfc834a4999aaacec8933e',
    ],
    [
      'settings',
      { ...BODY, kind: 'settings', content: { type: 'inline', bytes: Uint8Array.of(7), base: '' } } as const,
      'c922876c5d7172e77719f6e305ffd7e93febee233dc160e5180300c856c42587',
    ],
  ])('of %s is pinned', (_, body, digest) => {
    expect(toHex(nodeCrypto.sha256(encodeBody(body)))).toBe(digest)
    expect(decodeBody(encodeBody(body))).toEqual(body)
  })

  it('is compact: a file of one chunk takes less than 240 bytes beside its name', () => {
    expect(encodeBody(BODY).length).toBeLessThan(240 + 19)
  })

  it('comes back as it was', () => {
    fc.assert(
      fc.property(anyBody, (body) => {
        expect(decodeBody(encodeBody(body))).toEqual(body)
      }),
    )
  })

  it('has one encoding, and mutated bytes throw RecordRefused only', () => {
    fc.assert(
      fc.property(anyBody, fc.nat(), (body, bit) => {
        const bytes = encodeBody(body)
        const mutated = flipBit(bytes, bit % (bytes.length * 8))
        try {
          expect(encodeBody(decodeBody(mutated))).toEqual(mutated)
        } catch (error) {
          expect(error).toBeInstanceOf(RecordRefused)
        }
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(['nothing', 'RecordRefused']).toContain(thrown(() => decodeBody(bytes)))
      }),
    )
  })
})

describe('a name that a hostile member sealed (REC-7)', () => {
  const NAMES = ['', '.', '..', '/', 'a/b', '../x', 'a\0', '\0', 'ä'.repeat(128), 'x'.repeat(256)]
  it.each(NAMES)('%j is refused, written or read', (name) => {
    expect(() => encodeBody(withPlace({ name }))).toThrow(RecordRefused)
    expect(() => decodeBody(rewritten([4, 1], name))).toThrow(RecordRefused)
  })

  it('with half a surrogate pair is refused', () => {
    expect(() => encodeBody(withPlace({ by: '\ud800' }))).toThrow(RecordRefused)
    expect(() => encodeBody(withPlace({ name: 'a\ud800' }))).toThrow(RecordRefused)
  })

  it.each([
    '...',
    '.x',
    '-rf',
    'a\nb',
    '"',
    'C:\\x',
    'ä'.repeat(127),
    '\u{1f389}'.repeat(63),
    'e\u0301',
    '\ufeffx',
  ])('%j is one path component and is kept as it is', (name) => {
    expect(decodeBody(encodeBody(withPlace({ name }))).place.name).toBe(name)
  })

  it.each(['a/b', 'a\nb', '\u0085', 'x'.repeat(65)])('is refused with the device name %j', (by) => {
    expect(() => encodeBody(withPlace({ by }))).toThrow(RecordRefused)
    expect(() => decodeBody(rewritten([4, 5], by))).toThrow(RecordRefused)
  })

  it.each(['2026-13-01', '2026-00-01', '2026-01-32', '2026-1-1', '26-01-01', '', 'today', '2026-01-01x'])(
    'is refused with the day %j',
    (day) => {
      expect(() => encodeBody(withPlace({ day }))).toThrow(RecordRefused)
    },
  )
  it.each([0, 20_261_301, 20_260_100, 20_260_132, 99_999_999, -1])(
    'is refused with the day number %i',
    (day) => {
      expect(() => decodeBody(rewritten([4, 6], day))).toThrow(RecordRefused)
    },
  )
})

describe('a content', () => {
  it('must be what its kind holds', () => {
    const link: Content = { type: 'link', target: 'x', base: '', by: 'desk' }
    const inline: Content = { type: 'inline', bytes: Uint8Array.of(1), base: '' }
    const wrong: RecordBody[] = [
      { ...BODY, content: null },
      { ...BODY, content: link },
      { ...BODY, content: inline },
      { ...BODY, deleted: true },
      { ...BODY, kind: 'folder' },
      { ...BODY, kind: 'link' },
      { ...BODY, kind: 'identity', content: null },
      { ...BODY, kind: 'settings', content: link },
    ]
    for (const body of wrong) expect(() => encodeBody(body)).toThrow(RecordRefused)
    expect(() => decodeBody(rewritten([2], 1))).toThrow(RecordRefused)
    expect(() => decodeBody(rewritten([3], true))).toThrow(RecordRefused)
    expect(() => decodeBody(rewritten([2], 6))).toThrow(RecordRefused)
  })

  it('covers its file exactly: no chunk dropped, doubled, stretched or empty (REC-8)', () => {
    const two = [entry(1), entry(2)]
    const wrong: RecordBody[] = [
      withContent({ size: 99_999 }),
      withContent({ list: { depth: 0, entries: [] } }),
      withContent({ list: { depth: 0, entries: two } }),
      withContent({ list: { depth: 0, entries: [entry(1), entry(2, 0)] } }),
      withContent({
        size: 1024 * 1024 + 1,
        list: { depth: 0, entries: [entry(1, 1024 * 1024 + 1)] },
      }),
      withContent({ size: 2 ** 48, list: { depth: 1, entries: [entry(1, 2 ** 48)] } }),
      withContent({ list: { depth: 4, entries: [entry(1)] } }),
      withContent({ size: 0, list: { depth: 1, entries: [] } }),
      withContent({ size: 257, list: { depth: 0, entries: Array.from({ length: 257 }, () => entry(1, 1)) } }),
      withContent({ size: 0.5, list: { depth: 0, entries: [entry(1, 0.5)] } }),
    ]
    for (const body of wrong) expect(() => encodeBody(body)).toThrow(RecordRefused)
    const bytes = (decodeCbor(encodeBody(BODY)) as CborValue[][])[5]![6] as Uint8Array
    for (const entries of [
      new Uint8Array(0),
      bytes.subarray(1),
      Uint8Array.of(...bytes, 0),
      new Uint8Array([...bytes, ...bytes]),
    ]) {
      expect(() => decodeBody(rewritten([5, 6], entries))).toThrow(RecordRefused)
    }
    expect(() => decodeBody(rewritten([5, 4], 99_999))).toThrow(RecordRefused)
    expect(() => decodeBody(rewritten([5, 5], 4))).toThrow(RecordRefused)
  })

  it('says lengths beyond 32 bits', () => {
    const size = 2 ** 47 + 12_345
    const body = withContent({ size, list: { depth: 3, entries: [entry(1, size)] } })
    expect(decodeBody(encodeBody(body))).toEqual(body)
  })

  it.each([
    'x',
    `${WRITER}`,
    `${WRITER}:0`,
    `${WRITER}:01`,
    `${WRITER}:1,`,
    `${WRITER}:1,${WRITER}:2`,
    'b:1',
  ])('is refused with the base %j', (base) => {
    expect(() => encodeBody(withContent({ base }))).toThrow(RecordRefused)
  })

  it('is refused with a base of more writers than a vector has', () => {
    const vector = Array.from({ length: 1_025 }, (_, n) => [Uint8Array.of(0, 0, 0, 0, 0, 0, n >> 8, n), 1])
    expect(() => decodeBody(rewritten([5, 1], vector))).toThrow(RecordRefused)
    expect(decodeBody(rewritten([5, 1], vector.slice(1))).content?.base).toContain(':1,')
  })

  it('is refused with a base out of order', () => {
    const [a, b] = ['a'.repeat(16), 'b'.repeat(16)]
    expect(() => encodeBody(withContent({ base: `${b}:1,${a}:1` }))).toThrow(RecordRefused)
    const ordered = withContent({ base: `${a}:1,${b}:1` })
    expect(decodeBody(encodeBody(ordered))).toEqual(ordered)
  })

  it.each(['', 'a\0b', 'x'.repeat(4_097), 'a\udc00'])('is refused with a link to %j', (target) => {
    const body: RecordBody = {
      ...BODY,
      kind: 'link',
      content: { type: 'link', target, base: '', by: 'desk' },
    }
    expect(() => encodeBody(body)).toThrow(RecordRefused)
    const link = decodeCbor(
      encodeBody({ ...body, content: { type: 'link', target: 'x', base: '', by: 'desk' } }),
    )
    if (!target.isWellFormed()) return
    const forged = encodeCbor((link as CborValue[]).with(5, [1, [], target]))
    expect(() => decodeBody(forged)).toThrow(RecordRefused)
  })
})

describe('the fields of a body', () => {
  const wrong: [string, readonly number[], CborValue][] = [
    ['another suite', [0], 2],
    ['another format', [1], 1],
    ['a number for deleted', [3], 0],
    ['a parent of 15 bytes', [4, 0], new Uint8Array(15)],
    ['a former parent as text', [4, 2], ROOT],
    ['a negative stamp', [4, 3], -1],
    ['a stamp without writer', [4, 4], null],
    ['a place of six fields', [4], []],
    ['a content of unknown type', [5, 0], 3],
    ['a size below 0', [5, 3], -1],
    ['a text for mtime', [6], '0'],
    ['a map for an original', [8], {}],
  ]
  it.each(wrong)('are refused with %s', (_, path, value) => {
    expect(() => decodeBody(rewritten(path, value))).toThrow(RecordRefused)
  })

  it('carry every safe integer as mtime and nothing else (R1)', () => {
    for (const mtime of [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
      const body = { ...BODY, attributes: { mtime, executable: false } }
      expect(decodeBody(encodeBody(body))).toEqual(body)
    }
    for (const mtime of [0.5, Number.NaN, 2 ** 53]) {
      expect(() => encodeBody({ ...BODY, attributes: { mtime, executable: false } })).toThrow(RecordRefused)
    }
  })
})
