import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../bytes/hex.ts'
import { padmeLength } from '../content/padding.ts'
import { browserCrypto } from '../crypto/browser.ts'
import { nodeCrypto } from '../crypto/node.ts'
import { parseId } from '../ids/ids.ts'
import { flipBit, refusal, seededRandom, thrown } from '../keys/fixtures.ts'
import { SecretKey } from '../keys/secrets.ts'
import { deriveZoneKeys, type ZoneKeys } from '../keys/zone-keys.ts'
import { RECORD_MAX_BYTES } from '../limits.ts'
import { encodeBody } from './body.ts'
import { decodeFacts, encodeFacts, type Facts } from './facts.ts'
import { anyBody, entry, fileBody, fileVersion, WRITER, ZONE } from './fixtures.ts'
import type { RecordVersion } from './record.ts'
import { NO_REFS, type Refs } from './refs.ts'
import { buildRefs, refsRoot } from './refs-root.ts'
import { RecordRefused } from './refused.ts'
import { checkSealed, leafOf, openRecord, sealedBytes, sealRecord } from './seal.ts'
import type { SealedRecord } from './sealed.ts'

const ZONE_KEY = new SecretKey(new Uint8Array(32).fill(7))
const KEYS = deriveZoneKeys(nodeCrypto, ZONE_KEY, ZONE, 1)
const VERSION = fileVersion()
const REFS: Refs = { depth: 0, ids: [entry(1).id] }
const onlyEpoch1 = (epoch: number): ZoneKeys | undefined => (epoch === 1 ? KEYS : undefined)
const seal = (version = VERSION, refs = REFS, seed = 'seal'): SealedRecord =>
  sealRecord(nodeCrypto, seededRandom(seed), KEYS, version, refs)
const open = (sealed: SealedRecord) => openRecord(nodeCrypto, onlyEpoch1, ZONE, sealed)
const SEALED = seal()

/** The same seal under other facts. */
function withFacts(change: Partial<Facts>, sealed = SEALED): SealedRecord {
  return { ...sealed, facts: encodeFacts({ ...decodeFacts(sealed.facts), ...change }) }
}

describe('a sealed record', () => {
  it('is exactly these bytes (REC-9)', () => {
    expect(toHex(nodeCrypto.sha256(SEALED.facts))).toBe(
      'd7e516ecb7ae878e83d4bfbeea1489962e5e6534c78e262e6a852f1974574a61',
    )
    expect(toHex(nodeCrypto.sha256(SEALED.seal))).toBe(
      'd1ae980782253facf9429c98c08f21462a28bce5199c0dff2a396850d651ad91',
    )
    expect(leafOf(nodeCrypto, SEALED)).toBe(
      '543c8ec05cd0ff456320f5e5d8d581f3b4127dd353019d79bfa1538d806c9f68',
    )
  })

  it('is what a naive reading of the format makes', () => {
    const fresh = seededRandom('seal')(44)
    const body = encodeBody(VERSION.body)
    const text = new Uint8Array(padmeLength(4 + body.length))
    text.set([0, 0, body.length >> 8, body.length & 255, ...body])
    const key = fresh.subarray(0, 32)
    const nonce = fresh.subarray(32)
    const facts = encodeFacts({ ...VERSION, epoch: 1, refsRoot: refsRoot(nodeCrypto, REFS) })
    const wrapped = nodeCrypto.aesKeyWrap(KEYS.recordWrapping.bytes(), key)
    const expected = [3, ...wrapped, ...nonce, ...nodeCrypto.aesGcmSeal(key, nonce, facts, text)]
    expect(SEALED).toEqual({ facts, seal: Uint8Array.from(expected), refs: REFS })
    const leaf = [0, 0, 0, 0, facts.length, ...facts, ...expected]
    expect(leafOf(nodeCrypto, SEALED)).toBe(toHex(nodeCrypto.sha256(Uint8Array.from(leaf))))
  })

  it('is the same in a browser', () => {
    expect(sealRecord(browserCrypto, seededRandom('seal'), KEYS, VERSION, REFS)).toEqual(SEALED)
    expect(openRecord(browserCrypto, onlyEpoch1, ZONE, SEALED)).toEqual({ ...VERSION, epoch: 1 })
  })

  it('opens as what was sealed', () => {
    expect(open(SEALED)).toEqual({ ...VERSION, epoch: 1 })
    fc.assert(
      fc.property(anyBody, (body) => {
        const list = body.content?.type === 'chunks' ? body.content.list : { depth: 0, entries: [] }
        const ids = list.entries.map((one) => one.id)
        const below = list.depth > 0 ? [entry(99).id] : []
        const { refs } = buildRefs(nodeCrypto, [...ids, ...below])
        const version = { ...VERSION, body }
        expect(open(seal(version, refs))).toEqual({ ...version, epoch: 1 })
      }),
      { numRuns: 50 },
    )
  })

  it('shows no length but the padded one', () => {
    const lengths = new Set<number>()
    for (let n = 1; n <= 200; n++) {
      const body = { ...VERSION.body, place: { ...VERSION.body.place, name: 'n'.repeat(n) } }
      lengths.add(seal({ ...VERSION, body }).seal.length)
    }
    expect(lengths.size).toBeLessThan(20)
  })

  it('never repeats: another seal of the same version has another key and nonce', () => {
    const again = seal(VERSION, REFS, 'other')
    expect(again.facts).toEqual(SEALED.facts)
    for (const [from, to] of [
      [1, 41],
      [41, 53],
      [53, 69],
    ]) {
      expect(again.seal.subarray(from, to)).not.toEqual(SEALED.seal.subarray(from, to))
    }
  })
})

describe('a hostile server (attacks 5 to 8 and 10)', () => {
  const other: [string, Partial<Facts>][] = [
    ['record id', { id: parseId('record', 'e6'.repeat(16)) }],
    ['a later vector', { vector: { [WRITER]: 18 } }],
    ['an earlier vector', { vector: { [WRITER]: 16 } }],
    ['another writer', { vector: { [parseId('writer', 'a2'.repeat(8))]: 17 } }],
    ['one writer more', { vector: { [WRITER]: 17, [parseId('writer', 'ff'.repeat(8))]: 1 } }],
  ]
  it.each(other)('cannot change the facts: %s', async (_, change) => {
    expect(await refusal(() => open(withFacts(change)))).toBe('not-authentic')
  })

  it('cannot pass a record of another zone, nor this one as of another', async () => {
    const zone = parseId('zone', 'b3'.repeat(32))
    expect(await refusal(() => open(withFacts({ zone })))).toBe('wrong-zone')
    const keys = deriveZoneKeys(nodeCrypto, ZONE_KEY, zone, 1)
    expect(await refusal(() => openRecord(nodeCrypto, () => keys, zone, withFacts({ zone })))).toBe(
      'not-authentic',
    )
    expect(await refusal(() => openRecord(nodeCrypto, () => keys, zone, SEALED))).toBe('wrong-zone')
  })

  it('cannot move a record to another key epoch, known or not', async () => {
    const keysOf = (epoch: number) => deriveZoneKeys(nodeCrypto, ZONE_KEY, ZONE, epoch)
    const moved = withFacts({ epoch: 2 })
    expect(await refusal(() => openRecord(nodeCrypto, keysOf, ZONE, moved))).toBe('not-authentic')
    expect(await refusal(() => open(moved))).toBe('unknown-epoch')
  })

  it('cannot change the clear list, alone or with its root', async () => {
    const lists: Refs[] = [
      NO_REFS,
      { depth: 0, ids: [entry(2).id] },
      { depth: 1, ids: REFS.ids },
      { depth: 0, ids: [...REFS.ids, entry(2).id] },
      { depth: 0, ids: [...REFS.ids, ...REFS.ids] },
    ]
    for (const refs of lists) {
      expect(await refusal(() => open({ ...SEALED, refs }))).toBe('refs-changed')
      const rooted = withFacts({ refsRoot: refsRoot(nodeCrypto, refs) })
      expect(await refusal(() => open({ ...rooted, refs }))).toBe('not-authentic')
    }
  })

  it('cannot swap two records, their keys or their texts', async () => {
    const second = seal({ ...VERSION, id: parseId('record', 'e6'.repeat(16)) }, REFS, 'second')
    expect(await refusal(() => open({ ...SEALED, facts: second.facts }))).toBe('not-authentic')
    expect(await refusal(() => open({ ...SEALED, seal: second.seal }))).toBe('not-authentic')
    for (const [from, to] of [
      [1, 41],
      [41, 53],
      [53, SEALED.seal.length],
    ]) {
      const mixed = Uint8Array.from(SEALED.seal)
      mixed.set(second.seal.subarray(from, to), from)
      expect(await refusal(() => open({ ...SEALED, seal: mixed }))).toBe('not-authentic')
    }
  })

  it('cannot flip any bit of facts or seal', () => {
    for (let bit = 0; bit < SEALED.seal.length * 8; bit += 3) {
      expect(() => open({ ...SEALED, seal: flipBit(SEALED.seal, bit) })).toThrow(RecordRefused)
    }
    for (let bit = 0; bit < SEALED.facts.length * 8; bit++) {
      expect(() => open({ ...SEALED, facts: flipBit(SEALED.facts, bit) })).toThrow(RecordRefused)
    }
  })

  it('cannot cut or lengthen a seal', () => {
    for (const length of [0, 1, 40, 41, 53, 70, 72, SEALED.seal.length - 1]) {
      expect(() => open({ ...SEALED, seal: SEALED.seal.subarray(0, length) })).toThrow(RecordRefused)
    }
    expect(() => open({ ...SEALED, seal: Uint8Array.of(...SEALED.seal, 0) })).toThrow(RecordRefused)
  })

  it('makes us throw nothing but RecordRefused', () => {
    const bytes = fc.uint8Array({ maxLength: 300 })
    fc.assert(
      fc.property(bytes, bytes, (facts, seal) => {
        expect(thrown(() => open({ facts, seal, refs: NO_REFS }))).toBe('RecordRefused')
        expect(thrown(() => open({ facts: SEALED.facts, seal, refs: REFS }))).toBe('RecordRefused')
      }),
    )
  })
})

describe('a hostile member, who has the keys', () => {
  /** Seals any bytes as a member could. */
  function forge(text: Uint8Array, refs: Refs): SealedRecord {
    const facts = encodeFacts({ ...VERSION, epoch: 1, refsRoot: refsRoot(nodeCrypto, refs) })
    const key = new Uint8Array(32).fill(1)
    const nonce = new Uint8Array(12)
    const wrapped = nodeCrypto.aesKeyWrap(KEYS.recordWrapping.bytes(), key)
    const sealed = nodeCrypto.aesGcmSeal(key, nonce, facts, text)
    return { facts, seal: Uint8Array.of(3, ...wrapped, ...nonce, ...sealed), refs }
  }
  const padded = (body: Uint8Array, length: number, fill = 0) => {
    const text = new Uint8Array(length).fill(fill)
    text.set([0, 0, body.length >> 8, body.length & 255, ...body])
    return text
  }
  const body = encodeBody(VERSION.body)
  const whole = padmeLength(4 + body.length)

  it('cannot hide bytes in the padding', async () => {
    expect(open(forge(padded(body, whole), REFS)).body).toEqual(VERSION.body)
    expect(await refusal(() => open(forge(padded(body, whole, 1), REFS)))).toBe('malformed')
    expect(await refusal(() => open(forge(padded(body, whole + 64), REFS)))).toBe('malformed')
    expect(await refusal(() => open(forge(padded(body, whole).subarray(0, 20), REFS)))).toBe('malformed')
    expect(await refusal(() => open(forge(new Uint8Array(4), REFS)))).toBe('malformed')
    expect(await refusal(() => open(forge(new Uint8Array(3), REFS)))).toBe('malformed')
    expect(await refusal(() => open(forge(new Uint8Array(64).fill(255), REFS)))).toBe('malformed')
  })

  it('cannot name other chunks in clear than in the content, so that they are collected (REC-11)', async () => {
    for (const refs of [
      NO_REFS,
      { depth: 0, ids: [entry(2).id] },
      { depth: 0, ids: [...REFS.ids, entry(2).id] },
    ]) {
      expect(await refusal(() => open(forge(padded(body, whole), refs)))).toBe('refs-changed')
      expect(await refusal(() => seal(VERSION, refs))).toBe('refs-changed')
    }
    expect(await refusal(() => seal(VERSION, { depth: 1, ids: REFS.ids }))).toBe('refs-changed')
    const folder = { ...VERSION, body: { ...VERSION.body, kind: 'folder', content: null } } as const
    expect(await refusal(() => seal(folder, REFS))).toBe('refs-changed')
    expect(open(seal(folder, NO_REFS)).body).toEqual(folder.body)
  })

  it('must name the nodes of a list of lists, and more below them', async () => {
    const content = { ...VERSION.body.content!, list: { depth: 1, entries: [entry(1)] } }
    const deep: RecordVersion = { ...VERSION, body: { ...VERSION.body, content } as RecordVersion['body'] }
    expect(await refusal(() => seal(deep, REFS))).toBe('refs-changed')
    expect(await refusal(() => seal(deep, { depth: 0, ids: [entry(2).id, entry(3).id] }))).toBe(
      'refs-changed',
    )
    expect(open(seal(deep, { depth: 0, ids: [entry(1).id, entry(2).id] })).body).toEqual(deep.body)
    expect(open(seal(deep, { depth: 1, ids: [entry(9).id] })).body).toEqual(deep.body)
  })
})

describe('sealing', () => {
  it('refuses keys of another zone, and a record too large to send (REC-1)', async () => {
    const keys = deriveZoneKeys(nodeCrypto, ZONE_KEY, parseId('zone', 'b3'.repeat(32)), 1)
    expect(() => sealRecord(nodeCrypto, seededRandom('x'), keys, VERSION, REFS)).toThrow(RangeError)
    const inline = { type: 'inline', bytes: new Uint8Array(RECORD_MAX_BYTES - 300), base: '' } as const
    const large = { ...VERSION, body: { ...VERSION.body, kind: 'settings', content: inline } as const }
    expect(await refusal(() => seal(large, NO_REFS))).toBe('too-large')
  })

  it('opens with the keys of the record’s zone and epoch only', () => {
    const wrong = [
      deriveZoneKeys(nodeCrypto, ZONE_KEY, ZONE, 2),
      deriveZoneKeys(nodeCrypto, ZONE_KEY, parseId('zone', 'b3'.repeat(32)), 1),
    ]
    for (const keys of wrong)
      expect(() => openRecord(nodeCrypto, () => keys, ZONE, SEALED)).toThrow(RangeError)
  })

  it('writes the fullest record within its limit', () => {
    const entries = Array.from({ length: 256 }, (_, n) => ({ ...entry(n % 250), length: n + 1 }))
    const body = fileBody(entries)
    const { refs } = buildRefs(
      nodeCrypto,
      entries.map((one) => one.id),
    )
    const sealed = seal({ ...VERSION, body }, refs)
    expect(open(sealed).body).toEqual(body)
    expect(sealedBytes(sealed)).toBeLessThan(48 * 1024)
  })

  it('can be checked by a server without a key', async () => {
    expect(checkSealed(nodeCrypto, ZONE, SEALED)).toEqual(decodeFacts(SEALED.facts))
    expect(await refusal(() => checkSealed(nodeCrypto, ZONE, { ...SEALED, refs: NO_REFS }))).toBe(
      'refs-changed',
    )
    const large = { ...SEALED, seal: new Uint8Array(RECORD_MAX_BYTES).fill(3) }
    expect(await refusal(() => checkSealed(nodeCrypto, ZONE, large))).toBe('too-large')
  })

  it('binds the leaf to facts and seal (REC-10), and to where one ends and the other begins', () => {
    const moved = {
      facts: Uint8Array.of(...SEALED.facts, SEALED.seal[0]!),
      seal: SEALED.seal.subarray(1),
      refs: SEALED.refs,
    }
    const leaves = [SEALED, moved, { ...SEALED, seal: flipBit(SEALED.seal, 500) }].map((one) =>
      leafOf(nodeCrypto, one),
    )
    expect(new Set(leaves).size).toBe(3)
  })
})
