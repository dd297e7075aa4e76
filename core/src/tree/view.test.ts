import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RecordId, ROOT } from '../ids/ids.ts'
import { anyRecords, forestOf, id, node, type Records, records } from './fixtures.ts'
import type { TreeNode } from './forest.ts'
import { conflictName, nameKey } from './names.ts'
import { Redirects } from './redirects.ts'
import { createView, type View } from './view.ts'
import { twinOf } from './view-twin.ts'

const viewOf = (all: Records, caseInsensitive = false) => createView(forestOf(all, caseInsensitive))
const names = (view: View, folder: RecordId = ROOT) =>
  view
    .children(folder)
    .map((child) => child.name)
    .sort()

describe('the view and its naive twin (TREE-4 to TREE-10)', () => {
  it('put every record in the same place under the same name, or show it by the same alias', () => {
    fc.assert(
      fc.property(anyRecords, fc.boolean(), (all, caseInsensitive) => {
        const view = viewOf(all, caseInsensitive)
        const twin = twinOf([...all.values()], caseInsensitive)
        for (const i of all.keys()) {
          expect(view.parentOf(i), 'where it hangs').toBe(twin.hangs.get(i))
          const shown = twin.shown.get(i)
          const of = twin.aliasOf.get(i)
          if (shown) {
            expect(view.locate(i)).toEqual({ status: 'shown', parent: shown.parent, name: shown.name })
            expect(view.aliases(i)).toEqual(shown.aliases)
          } else if (of) {
            expect(view.locate(i)).toEqual({ status: 'alias', of })
            expect(view.aliases(i)).toEqual(twin.shown.get(of)!.aliases)
          } else {
            expect(view.locate(i)).toEqual({ status: 'hidden' })
            expect(view.aliases(i)).toEqual([i])
          }
        }
      }),
      { numRuns: 2_500 },
    )
  })
})

/** TREE-11, TREE-12: what must hold of any view. */
function expectTree(all: Records, caseInsensitive: boolean): void {
  const view = viewOf(all, caseInsensitive)
  const keys = new Set<string>()
  for (const i of all.keys()) {
    const located = view.locate(i)
    if (located.status !== 'shown') continue
    const key = `${located.parent}/${nameKey(located.name, caseInsensitive)}`
    expect(keys.has(key), `one node is called ${key}`).toBe(false)
    expect(Buffer.byteLength(located.name)).toBeLessThanOrEqual(255)
    keys.add(key)
    let at: RecordId = i
    for (let steps = 0; at !== ROOT; steps++) {
      expect(steps, 'the way up ends').toBeLessThanOrEqual(all.size)
      const above = view.locate(at)
      expect(above.status, 'parents of shown nodes are shown, not aliases').toBe('shown')
      if (above.status === 'shown') at = above.parent
      if (at !== ROOT) expect(all.get(at)?.kind).toBe('folder')
    }
  }
}

describe('any view', () => {
  it('is a tree that reaches the root, with one node to each name (TREE-11, TREE-12)', () => {
    fc.assert(fc.property(anyRecords, fc.boolean(), expectTree), { numRuns: 1_000 })
  })

  it('says the same in children, locate, lookup, aliases and namesakes', () => {
    fc.assert(
      fc.property(anyRecords, fc.boolean(), (all, caseInsensitive) => {
        const view = viewOf(all, caseInsensitive)
        const listed = new Set<RecordId>()
        for (const folder of [ROOT, ...all.keys()]) {
          const top = view.aliases(folder)[0]!
          const children = view.children(folder)
          expect(new Set(children.map((child) => child.id)).size).toBe(children.length)
          for (const child of children) {
            listed.add(child.id)
            expect(view.locate(child.id)).toEqual({ status: 'shown', parent: top, name: child.name })
            expect(view.lookup(folder, child.name)).toBe(child.id)
            const key = nameKey(all.get(child.id)!.place.name, caseInsensitive)
            expect(view.namesakes(folder, key)).toEqual(expect.arrayContaining([...view.aliases(child.id)]))
          }
          for (const absent of ['nobody', 'A', 'Straße', conflictName('a', 'X', '2020-01-01', 7)]) {
            const there = children.find((child) => child.name === absent)
            expect(view.lookup(folder, absent)).toBe(there?.id)
          }
        }
        for (const i of all.keys()) {
          expect(listed.has(i)).toBe(view.locate(i).status === 'shown')
          for (const other of view.aliases(i)) expect(view.aliases(other)).toEqual(view.aliases(i))
        }
      }),
      { numRuns: 800 },
    )
  })

  it('does not depend on what was asked before', () => {
    fc.assert(
      fc.property(anyRecords, fc.boolean(), (all, caseInsensitive) => {
        const forwards = viewOf(all, caseInsensitive)
        const backwards = viewOf(all, caseInsensitive)
        const first = [...all.keys()].map((i) => forwards.locate(i))
        const second = [...all.keys()].reverse().map((i) => backwards.locate(i))
        expect(second.reverse()).toEqual(first)
      }),
      { numRuns: 500 },
    )
  })

  it('refuses to walk in circles when redirects were not settled', () => {
    const all = records(node(1, {}, { parent: id(2) }), node(2, {}, { parent: id(1) }))
    expect(() => createView(forestOf(all, false, new Map())).locate(id(1))).toThrow(
      /redirects must be settled/,
    )
    const gone = records(
      node(1, { deleted: true }, { parent: id(2) }),
      node(2, { deleted: true }, { parent: id(1) }),
    )
    expect(createView(forestOf(gone, false, new Map())).locate(id(1))).toEqual({ status: 'hidden' })
  })
})

const file = (n: number, name: string, sameness: string, place: Partial<TreeNode['place']> = {}) =>
  node(n, { kind: 'file', sameness }, { name, ...place })

describe('names in a view', () => {
  it('show folders of one name as one folder, with the children of all (R4)', () => {
    const all = records(
      node(1, {}, { name: 'a' }),
      node(2, {}, { name: 'a' }),
      file(3, 'x', '1', { parent: id(1) }),
      file(4, 'x', '2', { parent: id(2) }),
      file(5, 'x', '1', { parent: id(2) }),
    )
    const view = viewOf(all)
    expect(view.children(ROOT)).toEqual([{ id: id(1), name: 'a' }])
    expect(names(view, id(2))).toEqual(['x', "x (X's conflicted copy 2020-01-01)"])
    expect(view.aliases(id(5))).toEqual([id(3), id(5)])
  })

  it('go to the earlier stamp, whatever day it claims; the others are numbered (R3, R9)', () => {
    const all = records(
      file(1, 'f.md', '1', { stamp: { counter: 9, writer: node(1).place.stamp.writer }, day: '2019-01-01' }),
      file(2, 'f.md', '2'),
      file(3, 'f.md', '3', { day: '2019-01-01' }),
    )
    const view = viewOf(all)
    expect(view.lookup(ROOT, 'f.md')).toBe(id(2))
    expect(view.lookup(ROOT, "f (X's conflicted copy 2019-01-01).md")).toBe(id(3))
    expect(view.lookup(ROOT, "f (X's conflicted copy 2019-01-01 2).md")).toBe(id(1))
  })

  it('leave a conflict name to whoever is really called so (R9)', () => {
    const all = records(
      file(1, 'f', '1'),
      file(2, 'f', '2'),
      file(3, conflictName('f', 'X', '2020-01-01'), '3'),
    )
    expect(viewOf(all).locate(id(2))).toMatchObject({ name: "f (X's conflicted copy 2020-01-01 2)" })
  })

  it('are one after NFC, and after folding only where the disk ignores case (TREE-1)', () => {
    const twins = records(file(1, '\u00e9', '1'), file(2, 'e\u0301', '2'), file(3, 'É', '3'))
    expect(names(viewOf(twins))).toEqual(["e\u0301 (X's conflicted copy 2020-01-01)", 'É', 'é'])
    expect(viewOf(twins, true).children(ROOT)).toHaveLength(3)
    expect(viewOf(twins, true).lookup(ROOT, 'É')).toBeUndefined()
  })

  it('stay apart where long ones are cut to the same beginning (TREE-11)', () => {
    const long = 'l'.repeat(240)
    const all = records(
      ...['1', '2', '3'].map((end, i) => file(i + 1, `${long}${end}`, 'a')),
      ...['1', '2', '3'].map((end, i) => file(i + 4, `${long}${end}`, 'b')),
    )
    expectTree(all, false)
  })

  it('stay apart even when somebody contests the name that a cut one would get (TREE-11)', () => {
    const long = (n: number) => file(n, 'l'.repeat(250), `${n}`)
    const cut = viewOf(records(long(1), long(2))).locate(id(2))
    const name = cut.status === 'shown' ? cut.name : ''
    const base = name.slice(0, name.indexOf(' ('))
    const all = records(long(1), long(2), file(3, base, '3'), file(4, base, '4'))
    expectTree(all, false)
    expect(viewOf(all).locate(id(4))).toMatchObject({ name })
    expect(viewOf(all).lookup(ROOT, name)).toBe(id(4))
    expect(viewOf(all).locate(id(2))).toMatchObject({ name: name.replace('ll~', '~').replace(')', ' 2)') })
  })

  it('are not confused by brackets in the names of devices and files (TREE-11)', () => {
    const all = records(
      ...[1, 2].map((n) => file(n, 'a', `${n}`, { by: 'b (c' })),
      ...[3, 4].map((n) => file(n, 'a (b', `${n}`, { by: 'c' })),
    )
    expectTree(all, false)
  })

  it('leave a deleted folder, shown for what lives in it, behind live namesakes (R6)', () => {
    const all = records(
      node(1, { deleted: true }, { name: 'a' }),
      file(2, 'x', '1', { parent: id(1) }),
      file(3, 'a', '2'),
    )
    const view = viewOf(all)
    expect(view.locate(id(3))).toMatchObject({ name: 'a' })
    expect(view.locate(id(1))).toMatchObject({ name: "a (X's conflicted copy 2020-01-01)" })
  })
})

/** Answers about every record, and what it costs to find them. */
function walkAll(all: Records, caseInsensitive = false): { shown: number; reads: number } {
  let reads = 0
  const redirects = new Redirects()
  redirects.update({ node: (i) => all.get(i) }, all.keys())
  const forest = forestOf(all, caseInsensitive, redirects.all)
  const view = createView({
    ...forest,
    node: (i) => {
      reads++
      return forest.node(i)
    },
  })
  let shown = 0
  for (const i of all.keys()) {
    if (view.locate(i).status === 'shown') shown++
    view.aliases(i)
  }
  for (const folder of [ROOT, ...all.keys()]) view.children(folder)
  return { shown, reads }
}

const many = (count: number, make: (n: number) => TreeNode) =>
  records(...Array.from({ length: count }, (_, i) => make(i + 1)))

describe('large views (TREE-13)', () => {
  it.each([
    ['20,000 files in one folder', 20_000, (n: number) => file(n, `f${n}`, `${n}`)],
    ['20,000 orphans at the root', 20_000, (n: number) => file(n, `f${n}`, `${n}`, { parent: id(99_999) })],
    ['5,000 different files of one name', 5_000, (n: number) => file(n, 'f', `${n}`)],
    ['a chain of 3,000 folders', 3_000, (n: number) => node(n, {}, { parent: id(n - 1) })],
    ['that chain, deepest first', 3_000, (n: number) => node(n, {}, { parent: id(n === 3_000 ? 0 : n + 1) })],
    ['a ring of 3,000 folders', 3_000, (n: number) => node(n, {}, { parent: id((n % 3_000) + 1) })],
    [
      'a deleted chain of 3,000 with a live end',
      3_000,
      (n: number) => node(n, { deleted: n < 3_000 }, { parent: id(n - 1) }),
    ],
  ])('show %s whole, at a cost that grows with their number', (_, count, make) => {
    const { shown, reads } = walkAll(many(count, make))
    expect(shown).toBe(count)
    expect(reads).toBeLessThan(40 * count)
  })

  it('hide a deleted chain of 3,000 folders', () => {
    const chain = many(3_000, (n) => node(n, { deleted: true }, { parent: id(n - 1) }))
    expect(walkAll(chain).shown).toBe(0)
  })
})
