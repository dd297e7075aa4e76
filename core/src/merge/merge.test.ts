import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseId, type RecordId, ROOT } from '../ids/ids.ts'
import { entry } from '../records/fixtures.ts'
import type { Content, Place, RecordBody } from '../records/record.ts'
import { id } from '../tree/fixtures.ts'
import { mergeBodies, sameAttributes, sameBody, sameContent, samePlace } from './merge.ts'

const WRITERS = ['a', 'b', 'c'].map((digit) => parseId('writer', digit.repeat(16)))

function chunks(n: number): Content {
  const hash = parseId('digest', String(n).padStart(64, '0'))
  return { type: 'chunks', hash, size: 100_000, list: { depth: 0, entries: [entry(n)] }, base: '', by: 'X' }
}

function place(over: Partial<Place> = {}): Place {
  const stamp = { counter: 1, writer: WRITERS[0]! }
  return { parent: ROOT, name: 'f', former: null, stamp, by: 'X', day: '2026-02-28', ...over }
}

const BASE: RecordBody = {
  kind: 'file',
  deleted: false,
  place: place(),
  content: chunks(0),
  attributes: { mtime: 0, executable: false },
  conflictOf: id(9),
}

/** What a person did to a record on one device. */
interface Edits {
  readonly move: { parent: number; name: string; later: number } | null
  readonly content: number | null
  readonly mtime: number | null
  readonly chmod: boolean
  readonly settled: boolean
  readonly deleted: boolean
}

const rarely = fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true))
const edits: fc.Arbitrary<Edits> = fc.record({
  move: fc.option(
    fc.record({ parent: fc.nat(2), name: fc.constantFrom('f', 'g'), later: fc.integer({ min: 1, max: 3 }) }),
  ),
  content: fc.option(fc.nat(3)),
  mtime: fc.option(fc.integer({ min: 1, max: 3 })),
  chmod: fc.boolean(),
  settled: fc.boolean(),
  deleted: rarely,
})

/** The version that the device with this number made of `from` by these edits. */
function edited(from: RecordBody, device: number, edit: Edits): RecordBody {
  const stamp = { counter: from.place.stamp.counter + (edit.move?.later ?? 0), writer: WRITERS[device]! }
  const moved = edit.move && {
    ...from.place,
    parent: id(edit.move.parent),
    name: edit.move.name,
    former: from.place.parent,
    stamp,
  }
  return {
    kind: from.kind,
    deleted: edit.deleted,
    place: moved ?? from.place,
    content: edit.deleted ? null : edit.content === null ? (from.content ?? chunks(4)) : chunks(edit.content),
    attributes: {
      mtime: edit.mtime ?? from.attributes.mtime,
      executable: edit.chmod ? !from.attributes.executable : from.attributes.executable,
    },
    conflictOf: edit.settled ? null : from.conflictOf,
  }
}

/** Any base: what both know, a tombstone that both know, or none. */
const anyBase = fc.constantFrom<RecordBody | null>(BASE, { ...BASE, deleted: true, content: null }, null)
const sides = fc
  .tuple(anyBase, edits, edits)
  .map(([base, a, b]) => ({ base, ours: edited(base ?? BASE, 1, a), theirs: edited(base ?? BASE, 2, b) }))

/** Both changed one attribute, each to something else: then it is the server's, theirs. */
function attributesClash(base: RecordBody | null, a: RecordBody, b: RecordBody): boolean {
  const clash = <T>(was: T | undefined, x: T, y: T) => x !== y && x !== was && y !== was
  if (a.deleted && b.deleted)
    return !sameAttributes(a.attributes, b.attributes) || a.conflictOf !== b.conflictOf
  if (clash(base?.attributes.executable, a.attributes.executable, b.attributes.executable)) return true
  return (
    sameContent(a.content, b.content) && clash(base?.attributes.mtime, a.attributes.mtime, b.attributes.mtime)
  )
}

describe('merging (R2)', () => {
  it('does not depend on which side is ours, where nothing clashes (MERGE-2)', () => {
    let compared = 0
    fc.assert(
      fc.property(sides, ({ base, ours, theirs }) => {
        const one = mergeBodies(base, ours, theirs)
        const other = mergeBodies(base, theirs, ours)
        expect(other.clash === null).toBe(one.clash === null)
        expect(samePlace(one.body.place, other.body.place)).toBe(true)
        expect(one.body.deleted).toBe(other.body.deleted)
        if (one.clash || attributesClash(base, ours, theirs)) return
        compared++
        expect(sameBody(one.body, other.body)).toBe(true)
      }),
      { numRuns: 3_000 },
    )
    expect(compared).toBeGreaterThan(1_000)
  })

  it('of a version with itself, or with what it was made from, is that version (MERGE-3)', () => {
    fc.assert(
      fc.property(sides, ({ base, ours }) => {
        expect(mergeBodies(base, ours, ours)).toEqual({ body: ours, clash: null })
        if (!base) return
        for (const { body, clash } of [mergeBodies(base, ours, base), mergeBodies(base, base, ours)]) {
          expect(clash).toBeNull()
          expect(sameBody(body, ours)).toBe(true)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('of what was merged before changes nothing: a doubled answer, a crash before the push (MERGE-3)', () => {
    fc.assert(
      fc.property(sides, ({ base, ours, theirs }) => {
        const { body } = mergeBodies(base, ours, theirs)
        expect(sameBody(mergeBodies(theirs, body, theirs).body, body)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })

  it('of three devices gives one place and one content, whoever pushed first (MERGE-2)', () => {
    const orders = [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ] as const
    fc.assert(
      fc.property(edits, edits, edits, (a, b, c) => {
        const made = [a, b, c].map((edit, device) => edited(BASE, device, edit))
        const results = orders.map(([first, second, third]) => {
          const two = mergeBodies(BASE, made[second]!, made[first]!)
          const three = mergeBodies(BASE, made[third]!, two.body)
          return { body: three.body, clash: two.clash !== null || three.clash !== null }
        })
        if (results.some((result) => result.clash)) return
        for (const { body } of results) {
          expect(samePlace(body.place, results[0]!.body.place)).toBe(true)
          expect(sameContent(body.content, results[0]!.body.content)).toBe(true)
          expect(body.deleted).toBe(results[0]!.body.deleted)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('loses no content without saying so: it is kept, or in the clash (MERGE-4)', () => {
    fc.assert(
      fc.property(sides, ({ base, ours, theirs }) => {
        const { body, clash } = mergeBodies(base, ours, theirs)
        for (const side of [ours, theirs]) {
          if (side.content === null || sameContent(side.content, base?.content ?? null)) continue
          const kept = [body.content, clash?.ours ?? null, clash?.theirs ?? null]
          expect(kept.some((content) => sameContent(content, side.content))).toBe(true)
        }
        if (clash) {
          expect(sameContent(clash.ours, clash.theirs)).toBe(false)
          expect(body.content).toEqual(clash.theirs)
          expect(clash.base).toEqual(base?.content ?? null)
        }
        expect(body.content === null).toBe(body.deleted)
      }),
      { numRuns: 3_000 },
    )
  })

  it('takes the time of the content it takes (MERGE-5)', () => {
    fc.assert(
      fc.property(sides, ({ base, ours, theirs }) => {
        const { body } = mergeBodies(base, ours, theirs)
        const from = [ours, theirs].filter((side) => sameContent(side.content, body.content))
        expect(from.map((side) => side.attributes.mtime)).toContain(body.attributes.mtime)
      }),
    )
  })
})

const moved = (to: string, counter = 2, device = 1): Partial<RecordBody> => ({
  place: place({ name: to, stamp: { counter, writer: WRITERS[device]! } }),
})
const wrote = (n: number, mtime = n): Partial<RecordBody> => ({
  content: chunks(n),
  attributes: { mtime, executable: false },
})
const gone: Partial<RecordBody> = { deleted: true, content: null }
const merge = (ours: Partial<RecordBody>, theirs: Partial<RecordBody>, base: RecordBody | null = BASE) =>
  mergeBodies(base, { ...BASE, ...ours }, { ...BASE, ...theirs })

describe('merged registers', () => {
  it('keep both a rename and an edit (R2, MERGE-1, scenario 15)', () => {
    for (const { body, clash } of [merge(moved('g'), wrote(1)), merge(wrote(1), moved('g'))]) {
      expect(clash).toBeNull()
      expect(body.place.name).toBe('g')
      expect(body.content).toEqual(chunks(1))
      expect(body.attributes.mtime).toBe(1)
    }
  })

  it('keep both a change of permission and an edit (MERGE-5)', () => {
    const chmod = { attributes: { mtime: 0, executable: true } }
    for (const { body } of [merge(chmod, wrote(1)), merge(wrote(1), chmod)])
      expect(body.attributes).toEqual({ mtime: 1, executable: true })
  })

  it('take the place with the later stamp of two moves, not the later clock (R1, R3, MERGE-1)', () => {
    const early = place({ name: 'early', day: '2099-01-01', stamp: { counter: 2, writer: WRITERS[2]! } })
    const late = place({ name: 'late', day: '1970-01-01', stamp: { counter: 3, writer: WRITERS[1]! } })
    expect(merge({ place: early }, { place: late }).body.place).toEqual(late)
    expect(merge({ place: late }, { place: early }).body.place).toEqual(late)
    expect(merge({ place: early }, { place: late }, null).body.place).toEqual(late)
  })

  it('of equal counters take the later writer, and of one stamp used twice what the server has', () => {
    expect(merge(moved('g', 2, 2), moved('h', 2, 1)).body.place.name).toBe('g')
    expect(merge(moved('g', 2, 1), moved('h', 2, 1)).body.place.name).toBe('h')
  })

  it('take the one place that changed, whatever its stamp: that of a device that lost count (MERGE-1)', () => {
    for (const { body } of [merge(moved('g', 0), {}), merge({}, moved('g', 0))])
      expect(body.place.name).toBe('g')
  })

  it('let an edit, or a move, beat a deletion (R6, MERGE-8, scenario 2)', () => {
    for (const change of [wrote(1), moved('g')]) {
      for (const { body, clash } of [merge(gone, change), merge(change, gone)]) {
        expect(clash).toBeNull()
        expect(body).toEqual({ ...BASE, ...change })
      }
    }
  })

  it('let a deletion beat a change of attributes alone, and keep the place it was deleted at (R6, MERGE-8)', () => {
    const touched = { attributes: { mtime: 7, executable: true } }
    for (const { body } of [merge(gone, touched), merge(touched, gone)]) expect(body.deleted).toBe(true)
    const { body } = merge({ ...gone, ...moved('g') }, {})
    expect(body).toMatchObject({ deleted: true, place: { name: 'g' }, content: null })
  })

  it('bring back what was deleted for both when one wrote to it again (MERGE-8)', () => {
    const tombstone = { ...BASE, ...gone }
    expect(merge(wrote(1), gone, tombstone).body).toMatchObject({ deleted: false, content: chunks(1) })
    const folder = { ...BASE, kind: 'folder' as const, content: null }
    expect(mergeBodies({ ...folder, deleted: true }, folder, { ...folder, deleted: true }).body).toEqual(
      folder,
    )
    const twice = merge(wrote(1), wrote(2), tombstone)
    expect(twice.clash).toEqual({ base: null, ours: chunks(1), theirs: chunks(2) })
  })

  it('report a clash of two edits, with theirs standing until it is settled (R2)', () => {
    const { body, clash } = merge(wrote(1), wrote(2))
    expect(clash).toEqual({ base: chunks(0), ours: chunks(1), theirs: chunks(2) })
    expect(body.content).toEqual(chunks(2))
    expect(body.attributes.mtime).toBe(2)
    expect(merge(wrote(1), wrote(2), null).clash?.base).toBeNull()
  })

  it('adopt equal contents as the server has them, however they are chunked (R5)', () => {
    const one = chunks(1)
    const other: Content = { ...one, list: { depth: 0, entries: [entry(5), entry(6)] } } as Content
    const { body, clash } = merge({ content: one }, { content: other }, null)
    expect(clash).toBeNull()
    expect(body.content).toBe(other)
  })

  it('forget that something was a conflict copy once a person settled it', () => {
    expect(merge({ conflictOf: null }, {}).body.conflictOf).toBeNull()
    expect(merge({}, { conflictOf: null }).body.conflictOf).toBeNull()
  })
})

describe('sameContent', () => {
  it('compares by bytes: hash and size, target, or inline', () => {
    const link = (target: string, base = ''): Content => ({ type: 'link', target, base, by: base })
    const inline = (...bytes: number[]): Content => ({
      type: 'inline',
      bytes: Uint8Array.from(bytes),
      base: '',
    })
    const contents = [
      null,
      chunks(1),
      chunks(2),
      { ...chunks(1), size: 1 } as Content,
      link('a'),
      link('b'),
      inline(1),
      inline(2),
      inline(1, 2),
    ]
    for (const a of contents) for (const b of contents) expect(sameContent(a, b)).toBe(a === b)
    expect(sameContent(link('a'), link('a', 'x:1'))).toBe(true)
    expect(sameContent(inline(1, 2), inline(1, 2))).toBe(true)
  })
})

describe('sameBody', () => {
  it('sees a difference in any register', () => {
    const others: Partial<RecordBody>[] = [
      { kind: 'link' },
      gone,
      moved('g'),
      { place: place({ parent: id(1) as RecordId }) },
      wrote(1, 0),
      { attributes: { mtime: 1, executable: false } },
      { attributes: { mtime: 0, executable: true } },
      { conflictOf: null },
    ]
    expect(sameBody(BASE, { ...BASE })).toBe(true)
    for (const over of others) expect(sameBody(BASE, { ...BASE, ...over })).toBe(false)
  })
})
