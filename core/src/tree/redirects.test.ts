import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RecordId, ROOT } from '../ids/ids.ts'
import { anyHistory, anyRecords, forestOf, id, node, type Records, records, redirectsOf } from './fixtures.ts'
import { Redirects, redirectOf } from './redirects.ts'
import { createView } from './view.ts'

const nodesOf = (all: Records) => ({ node: (i: RecordId) => all.get(i) })
const sorted = (map: ReadonlyMap<RecordId, RecordId>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1))

describe('redirects', () => {
  it('send orphans, and what lies in a file, to the root (TREE-4)', () => {
    const all = records(
      node(1, { kind: 'file' }),
      node(2, {}, { parent: id(1) }),
      node(3, {}, { parent: id(9) }),
      node(4, { kind: 'file' }, { parent: id(4) }),
    )
    expect(sorted(redirectsOf(all))).toEqual([2, 3, 4].map((n) => [id(n), ROOT]))
  })

  it('leave what lies in a deleted folder where it is (R6)', () => {
    const all = records(node(1, { deleted: true }), node(2, {}, { parent: id(1) }))
    expect(redirectsOf(all).size).toBe(0)
  })

  it('send the latest of a cycle back to its former parent: mv X Y/ against mv Y X/ (R3, scenario 1)', () => {
    const x = node(
      1,
      {},
      { parent: id(2), former: ROOT, stamp: { counter: 5, writer: node(1).place.stamp.writer } },
    )
    const y = node(
      2,
      {},
      { parent: id(1), former: id(3), stamp: { counter: 6, writer: x.place.stamp.writer } },
    )
    expect(sorted(redirectsOf(records(x, y, node(3))))).toEqual([[id(2), id(3)]])
    expect(sorted(redirectsOf(records(x, y))), 'unknown former').toEqual([[id(2), ROOT]])
    expect(sorted(redirectsOf(records(x, y, node(3, { deleted: true }))))).toEqual([[id(2), ROOT]])
    expect(sorted(redirectsOf(records(x, y, node(3, {}, { parent: id(1) }))))).toEqual([[id(2), ROOT]])
  })

  it('do not go back into another cycle, nor to a file', () => {
    const ring = [
      node(3, {}, { parent: id(4) }),
      node(4, {}, { parent: id(3) }),
      node(5, {}, { parent: id(3) }),
    ]
    const knot = (former: number) => [
      node(1, {}, { parent: id(2) }),
      node(2, {}, { parent: id(1), former: id(former) }),
    ]
    for (const former of [3, 5]) expect(redirectsOf(records(...ring, ...knot(former))).get(id(2))).toBe(ROOT)
    expect(redirectsOf(records(node(6, { kind: 'file' }), ...knot(6))).get(id(2))).toBe(ROOT)
  })

  it('bring a folder that was moved into itself back', () => {
    expect(sorted(redirectsOf(records(node(1, {}, { parent: id(1) }))))).toEqual([[id(1), ROOT]])
  })

  it('break equal stamps by the writer and then by the id (TREE-3)', () => {
    const stamp = { counter: 1, writer: node(1).place.stamp.writer }
    const all = records(node(1, {}, { parent: id(2), stamp }), node(2, {}, { parent: id(1), stamp }))
    expect(sorted(redirectsOf(all))).toEqual([[id(2), ROOT]])
  })
})

describe('redirects kept up to date (TREE-6)', () => {
  it('are those of the whole set after every change, in whatever groups changes come', () => {
    fc.assert(
      fc.property(anyHistory, fc.infiniteStream(fc.integer({ min: 1, max: 5 })), (history, sizes) => {
        const all: Records = new Map()
        const redirects = new Redirects()
        const rest = [...history]
        while (rest.length > 0) {
          const group = rest.splice(0, sizes.next().value)
          const before = new Map(redirects.all)
          for (const one of group) all.set(one.id, one)
          const moved = redirects.update(
            nodesOf(all),
            group.map((one) => one.id),
          )
          expect(sorted(redirects.all)).toEqual(sorted(redirectsOf(all)))
          const differ = [...all.keys()].filter((i) => before.get(i) !== redirects.all.get(i))
          expect([...moved].sort()).toEqual(differ.sort())
          // A restart in between: what is not known any more is found again.
          if (rest.length % 3 === 0) redirects.load([...redirects.all])
        }
      }),
      { numRuns: 3_000 },
    )
  })

  it('and the view over them do not depend on the order in which records came', () => {
    fc.assert(
      fc.property(anyRecords, fc.infiniteStream(fc.nat()), fc.boolean(), (all, picks, caseInsensitive) => {
        const arrived: Records = new Map()
        const redirects = new Redirects()
        const rest = [...all.values()]
        while (rest.length > 0) {
          const [one] = rest.splice(picks.next().value % rest.length, 1)
          arrived.set(one!.id, one!)
          redirects.update(nodesOf(arrived), [one!.id])
        }
        expect(sorted(redirects.all)).toEqual(sorted(redirectsOf(all)))
        const scratch = createView(forestOf(all, caseInsensitive))
        const grown = createView(forestOf(arrived, caseInsensitive, redirects.all))
        for (const i of all.keys()) {
          expect(grown.locate(i)).toEqual(scratch.locate(i))
          expect(grown.aliases(i)).toEqual(scratch.aliases(i))
        }
      }),
      { numRuns: 1_500 },
    )
  })

  it('walk each way up once, however long it is (TREE-13)', () => {
    const depth = 3_000
    for (const top of [0, depth]) {
      const all = records(
        ...Array.from({ length: depth }, (_, i) => node(i + 1, {}, { parent: id(i === 0 ? top : i) })),
      )
      let reads = 0
      const nodes = {
        node: (i: RecordId) => {
          reads++
          return all.get(i)
        },
      }
      const redirects = new Redirects()
      redirects.update(nodes, all.keys())
      expect(redirects.all.size).toBe(top === 0 ? 0 : 1)
      expect(reads).toBeLessThan(10 * depth)
    }
  })

  it('look at orphans once when they come and once when their parent does (TREE-13)', () => {
    const count = 5_000
    const all: Records = new Map()
    let reads = 0
    const nodes = {
      node: (i: RecordId) => {
        reads++
        return all.get(i)
      },
    }
    const redirects = new Redirects()
    const arrive = (n: number, parent: RecordId) => {
      all.set(id(n), node(n, {}, { parent }))
      redirects.update(nodes, [id(n)])
    }
    for (let n = 2; n <= count; n++) arrive(n, id(1))
    expect(redirects.all.size).toBe(count - 1)
    for (let again = 0; again < 100; again++) arrive(1, ROOT)
    expect(redirects.all.size).toBe(0)
    expect(reads).toBeLessThan(20 * count)
  })

  it('know nothing of records that are not known', () => {
    expect(redirectOf(nodesOf(new Map()), id(1))).toBeNull()
  })
})
