import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RecordId, ROOT } from '../ids/ids.ts'
import { type Action, type Disk, type DiskNode, planDisk, type Wanted } from './plan.ts'

const id = (n: number) => n.toString(16).padStart(32, '0') as RecordId
type Model = Map<RecordId, DiskNode>

function diskOf(model: Model): Disk {
  return {
    node: (i) => model.get(i),
    children: (folder) => [...model].filter(([, n]) => n.parent === folder).map(([i]) => i),
    at: (folder, name) => [...model].find(([, n]) => n.parent === folder && n.name === name)?.[0],
  }
}

/** Does the actions to a model and fails on any that a real disk would refuse. */
function perform(model: Model, actions: readonly Action[], want: (i: RecordId) => Wanted | undefined): void {
  const parked = new Map<RecordId, DiskNode>()
  const free = (parent: RecordId, name: string, over: RecordId | null) => {
    const there = diskOf(model).at(parent, name)
    if (there === undefined) return
    expect(there, 'the name is free or replaced knowingly').toBe(over)
    expect(model.get(there)!.kind).toBe('file')
    model.delete(there)
  }
  const inside = (child: RecordId, ancestor: RecordId): boolean => {
    for (let at = child; at !== ROOT; at = model.get(at)!.parent) if (at === ancestor) return true
    return false
  }
  for (const action of actions) {
    switch (action.do) {
      case 'park':
        parked.set(action.id, model.get(action.id)!)
        model.delete(action.id)
        break
      case 'move': {
        const node = parked.get(action.id) ?? model.get(action.id)!
        expect(action.parent === ROOT || model.get(action.parent)?.kind === 'folder').toBe(true)
        if (action.parent !== ROOT) expect(inside(action.parent, action.id)).toBe(false)
        free(action.parent, action.name, action.over)
        parked.delete(action.id)
        model.set(action.id, { ...node, parent: action.parent, name: action.name })
        break
      }
      case 'create':
        expect(model.has(action.id)).toBe(false)
        expect(action.parent === ROOT || model.get(action.parent)?.kind === 'folder').toBe(true)
        free(action.parent, action.name, action.over)
        model.set(action.id, { ...want(action.id)!, parent: action.parent, name: action.name })
        break
      case 'remove':
        expect(diskOf(model).children(action.id)).toEqual([])
        expect(model.delete(action.id)).toBe(true)
        break
      case 'relabel': {
        const node = model.get(action.from)!
        model.delete(action.from)
        model.set(action.id, node)
        for (const [i, n] of model) if (n.parent === action.from) model.set(i, { ...n, parent: action.id })
        break
      }
      case 'update':
      case 'attributes': {
        const { sameness, attributes } = want(action.id)!
        model.set(action.id, { ...model.get(action.id)!, sameness, attributes })
      }
    }
  }
  expect(parked.size, 'nothing stays parked').toBe(0)
}

/** A random tree over the nodes 1..n, kinds fixed by id so that two trees agree on them. */
function treeOf(
  seeds: readonly { present: boolean; parent: number; name: number; content: number }[],
): Model {
  const model: Model = new Map()
  seeds.forEach((seed, index) => {
    if (!seed.present) return
    const folders = [ROOT, ...[...model].filter(([, n]) => n.kind === 'folder').map(([i]) => i)]
    const parent = folders[seed.parent % folders.length]!
    let name = `n${seed.name}`
    while (diskOf(model).at(parent, name) !== undefined) name += 'x'
    const kind = index % 3 === 0 ? 'file' : 'folder'
    const sameness = kind === 'file' ? `c${seed.content}` : ''
    model.set(id(index + 1), {
      kind,
      parent,
      name,
      sameness,
      attributes: { mtime: seed.content, executable: false },
    })
  })
  return model
}

const seeds = fc.array(
  fc.record({ present: fc.boolean(), parent: fc.nat(9), name: fc.nat(3), content: fc.nat(2) }),
  { minLength: 9, maxLength: 9 },
)

/** Shuffles which node comes first, so that ancestors become descendants between the two trees. */
const order = fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7, 8], { minLength: 9, maxLength: 9 })

function permuted(model: Model, permutation: readonly number[]): Model {
  const kinds = (i: RecordId) => (Number.parseInt(i.slice(-2), 16) - 1) % 3
  // Only permutations that keep kinds are trees of the same nodes.
  const byKind = [0, 1, 2].map((k) => permutation.filter((p) => p % 3 === k))
  const counters = [0, 0, 0]
  const to = new Map<RecordId, RecordId>()
  for (let n = 0; n < 9; n++) to.set(id(n + 1), id(byKind[n % 3]![counters[n % 3]!++]! + 1))
  const renamed: Model = new Map()
  for (const [i, n] of model) {
    expect(kinds(i)).toBe(kinds(to.get(i)!))
    renamed.set(to.get(i)!, { ...n, parent: n.parent === ROOT ? ROOT : to.get(n.parent)! })
  }
  return renamed
}

describe('planDisk', () => {
  it('turns any tree into any other by possible steps, and then has nothing to do', () => {
    fc.assert(
      fc.property(seeds, seeds, order, (from, to, permutation) => {
        const model = treeOf(from)
        const goal = permuted(treeOf(to), permutation)
        const want = (i: RecordId) => {
          const node = goal.get(i)
          return node && { ...node, aliases: [i] }
        }
        const everything = Array.from({ length: 9 }, (_, n) => id(n + 1))
        perform(model, planDisk(everything, diskOf(model), want), want)
        const shape = (m: Model) =>
          [...m]
            .map(([i, n]) => [i, n.kind, n.parent, n.name, n.sameness])
            .sort((a, b) => (a[0]! < b[0]! ? -1 : 1))
        expect(shape(model)).toEqual(shape(goal))
        expect(planDisk(everything, diskOf(model), want)).toEqual([])
      }),
      { numRuns: 3_000 },
    )
  })

  it('plans one rename for a renamed folder, whatever it holds (scenario 13)', () => {
    const model: Model = new Map([
      [
        id(1),
        {
          kind: 'folder',
          parent: ROOT,
          name: 'a',
          sameness: '',
          attributes: { mtime: 0, executable: false },
        },
      ],
    ])
    for (let n = 2; n < 500; n++) {
      model.set(id(n), {
        kind: 'file',
        parent: id(1),
        name: `f${n}`,
        sameness: 'c',
        attributes: { mtime: 0, executable: false },
      })
    }
    const want = (i: RecordId) => ({ ...model.get(i)!, name: 'b', aliases: [i] })
    expect(planDisk([id(1)], diskOf(model), want)).toEqual([
      { do: 'move', id: id(1), parent: ROOT, name: 'b', over: null },
    ])
  })
})
