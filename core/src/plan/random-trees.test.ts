/** From any tree to any other, at random. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RecordId, ROOT } from '../ids/ids.ts'
import { diskOf, file, folder, id, type Model, perform, shape, wantAll } from './fixtures.ts'
import { type Action, planDisk } from './plan.ts'

/** How many nodes random trees have, and which ids. */
const COUNT = 12
const EVERYTHING = Array.from({ length: COUNT }, (_, n) => id(n + 1))
const KINDS = ['file', 'folder', 'folder', 'link'] as const
const kindOf = (index: number) => KINDS[index % KINDS.length]!

/** A random tree over the nodes 1..COUNT, kinds fixed by id so that two trees agree on them. */
function treeOf(seeds: readonly Seed[], caseInsensitive: boolean): Model {
  const model: Model = new Map()
  seeds.forEach((seed, index) => {
    if (!seed.present) return
    const folders = [ROOT, ...[...model].filter(([, n]) => n.kind === 'folder').map(([i]) => i)]
    const parent = folders[seed.parent % folders.length]!
    let name = seed.upper ? `N${seed.name}` : `n${seed.name}`
    while (diskOf(model, caseInsensitive).at(parent, name) !== undefined) name += seed.upper ? 'X' : 'x'
    const kind = kindOf(index)
    const sameness = kind === 'folder' ? '' : `c${seed.content}`
    const attributes = { mtime: seed.mtime, executable: kind === 'file' && seed.upper }
    model.set(id(index + 1), { kind, parent, name, sameness, attributes })
  })
  return model
}

interface Seed {
  readonly present: boolean
  readonly parent: number
  readonly name: number
  readonly upper: boolean
  readonly content: number
  readonly mtime: number
}

const seeds: fc.Arbitrary<Seed[]> = fc.array(
  fc.record({
    present: fc.boolean(),
    parent: fc.nat(9),
    name: fc.nat(3),
    upper: fc.boolean(),
    content: fc.nat(2),
    mtime: fc.nat(1),
  }),
  { minLength: COUNT, maxLength: COUNT },
)

const indexes = Array.from({ length: COUNT }, (_, n) => n)
/** Shuffles which node comes first, so that ancestors become descendants between the two trees. */
const order = fc.shuffledSubarray(indexes, { minLength: COUNT, maxLength: COUNT })

/** The tree with its ids exchanged, but only for ids of the same kind. */
function permuted(model: Model, permutation: readonly number[]): Model {
  const to = new Map<RecordId, RecordId>([[ROOT, ROOT]])
  for (const kind of ['file', 'folder', 'link']) {
    const from = indexes.filter((n) => kindOf(n) === kind)
    permutation
      .filter((n) => kindOf(n) === kind)
      .forEach((n, k) => {
        to.set(id(from[k]! + 1), id(n + 1))
      })
  }
  return new Map([...model].map(([i, n]) => [to.get(i)!, { ...n, parent: to.get(n.parent)! }]))
}

/** Makes nodes that go aliases of nodes that come: pairs of one kind, by chance. */
function aliased(model: Model, goal: Model, chosen: readonly boolean[]): Map<RecordId, RecordId[]> {
  const aliases = new Map<RecordId, RecordId[]>()
  const going = [...model].filter(([i]) => !goal.has(i))
  for (const [n, [i, node]] of [...goal].entries()) {
    const other = chosen[n] ? going.findIndex(([, gone]) => gone.kind === node.kind) : -1
    if (other >= 0) aliases.set(i, [i, going.splice(other, 1)[0]![0]])
  }
  return aliases
}

const of = (actions: readonly Action[], what: Action['do']) => actions.filter((action) => action.do === what)

const chosen = fc.array(fc.boolean(), { minLength: COUNT, maxLength: COUNT })

describe('planDisk', () => {
  it('turns any tree into any other by possible steps, and then has nothing to do (PLAN-1, PLAN-2)', () => {
    fc.assert(
      fc.property(
        seeds,
        seeds,
        order,
        order,
        fc.boolean(),
        (from, to, permutation, dirty, caseInsensitive) => {
          const model = treeOf(from, caseInsensitive)
          const goal = permuted(treeOf(to, caseInsensitive), permutation)
          const want = wantAll(goal)
          const plan = () =>
            planDisk(
              dirty.map((n) => id(n + 1)),
              diskOf(model, caseInsensitive),
              want,
            )
          perform(model, plan(), want, caseInsensitive)
          expect(shape(model)).toEqual(shape(goal))
          expect(plan()).toEqual([])
        },
      ),
      { numRuns: 3_000 },
    )
  })

  it('does so when nodes on the disk are aliases of those that are wanted (R4, PLAN-4)', () => {
    let relabelled = 0
    fc.assert(
      fc.property(
        seeds,
        seeds,
        order,
        order,
        chosen,
        fc.boolean(),
        (from, to, permutation, dirty, some, insensitive) => {
          const model = treeOf(from, insensitive)
          const goal = permuted(treeOf(to, insensitive), permutation)
          const want = wantAll(goal, aliased(model, goal, some))
          const nodes = dirty.map((n) => id(n + 1))
          const actions = planDisk(nodes, diskOf(model, insensitive), want)
          relabelled += of(actions, 'relabel').length
          perform(model, actions, want, insensitive)
          expect(shape(model)).toEqual(shape(goal))
          expect(planDisk(nodes, diskOf(model, insensitive), want)).toEqual([])
        },
      ),
      { numRuns: 3_000 },
    )
    expect(relabelled).toBeGreaterThan(1_000)
  })

  it('leaves a possible disk whichever nodes it is asked about, with those as wanted (PLAN-2)', () => {
    fc.assert(
      fc.property(
        fc.record({ from: seeds, to: seeds, permutation: order, some: chosen, insensitive: fc.boolean() }),
        fc.subarray(EVERYTHING),
        ({ from, to, permutation, some, insensitive }, dirty) => {
          const model = treeOf(from, insensitive)
          const goal = permuted(treeOf(to, insensitive), permutation)
          const want = wantAll(goal, aliased(model, goal, some))
          perform(model, planDisk(dirty, diskOf(model, insensitive), want), want, insensitive)
          const asked = (all: Model) => shape(new Map([...all].filter(([i]) => dirty.includes(i))))
          expect(asked(model)).toEqual(asked(goal))
        },
      ),
      { numRuns: 4_000 },
    )
  })

  it('takes the word of the disk for who has a name, when another row claims it too', () => {
    const model: Model = new Map([
      [id(1), file('f')],
      [id(2), file('f')],
    ])
    const disk = { ...diskOf(model), at: (_: RecordId, name: string) => (name === 'f' ? id(2) : undefined) }
    const want = wantAll(
      new Map([
        [id(1), file('g')],
        [id(3), file('f')],
      ]),
    )
    expect(planDisk([id(1), id(3)], disk, want).at(-1)).toEqual({
      do: 'create',
      id: id(3),
      parent: ROOT,
      name: 'f',
      over: id(2),
    })
  })

  it('plans one rename for a renamed folder, whatever it holds (PLAN-3, scenario 13)', () => {
    const model: Model = new Map([[id(1), folder('a')]])
    for (let n = 2; n < 500; n++) model.set(id(n), file(`f${n}`, id(1)))
    const want = wantAll(new Map(model).set(id(1), folder('b')))
    expect(planDisk([id(1)], diskOf(model), want)).toEqual([
      { do: 'move', id: id(1), parent: ROOT, name: 'b', over: null },
    ])
  })
})
