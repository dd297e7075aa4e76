import { describe, expect, it } from 'vitest'
import { type RecordId, ROOT } from '../ids/ids.ts'
import { diskOf, file, folder, id, type Model, perform, shape, wantAll } from './fixtures.ts'
import { type Action, type DiskNode, planDisk } from './plan.ts'

/** The actions from one disk to another, done to a model to see that they can be. */
function planned(
  from: [number, DiskNode][],
  to: [number, DiskNode][],
  caseInsensitive = false,
  aliases: [number, number][] = [],
): Action[] {
  const model: Model = new Map(from.map(([n, node]) => [id(n), node]))
  const goal: Model = new Map(to.map(([n, node]) => [id(n), node]))
  const want = wantAll(goal, new Map(aliases.map(([i, other]) => [id(i), [id(i), id(other)]])))
  const actions = planDisk(new Set([...model.keys(), ...goal.keys()]), diskOf(model, caseInsensitive), want)
  perform(model, actions, want, caseInsensitive)
  expect(shape(model)).toEqual(shape(goal))
  return actions
}

describe('plans', () => {
  it.each([false, true])(
    'rename what only changes its case, in one step (PLAN-3, scenario 5; ignores case: %s)',
    (caseInsensitive) => {
      expect(
        planned(
          [
            [1, folder('Foo')],
            [2, file('x', id(1))],
          ],
          [
            [1, folder('foo')],
            [2, file('x', id(1))],
          ],
          caseInsensitive,
        ),
      ).toEqual([{ do: 'move', id: id(1), parent: ROOT, name: 'foo', over: null }])
    },
  )

  it('swap two names by parking one, also where they differ in case only from what is there', () => {
    const swap = planned(
      [
        [1, file('a')],
        [2, file('B')],
      ],
      [
        [1, file('b')],
        [2, file('A')],
      ],
      true,
    )
    expect(swap.map((action) => action.do)).toEqual(['park', 'move', 'move'])
  })

  it('free a name in another case before it is taken (PLAN-5, scenario 5)', () => {
    expect(
      planned(
        [[1, folder('README')]],
        [
          [1, folder('old')],
          [2, folder('readme')],
        ],
        true,
      ),
    ).toEqual([
      { do: 'move', id: id(1), parent: ROOT, name: 'old', over: null },
      { do: 'create', id: id(2), parent: ROOT, name: 'readme', over: null },
    ])
    expect(planned([[1, file('README')]], [[2, file('readme')]], true)).toEqual([
      { do: 'create', id: id(2), parent: ROOT, name: 'readme', over: id(1) },
    ])
  })

  it('see names that aliases brought with them, in any case (R4, PLAN-5)', () => {
    const before: [number, DiskNode][] = [
      [1, folder('A')],
      [2, file('README', id(1), 'old')],
    ]
    const actions = planned(
      before,
      [
        [3, folder('b')],
        [4, file('readme', id(3))],
      ],
      true,
      [[3, 1]],
    )
    expect(actions.slice(0, 2)).toEqual([
      { do: 'relabel', id: id(3), from: id(1) },
      { do: 'move', id: id(3), parent: ROOT, name: 'b', over: null },
    ])
    expect(actions[2]).toEqual({ do: 'create', id: id(4), parent: id(3), name: 'readme', over: id(2) })
  })

  it('let another record stand for what is there without touching a file (R4, PLAN-4)', () => {
    expect(planned([[1, file('f')]], [[2, file('f')]], false, [[2, 1]])).toEqual([
      { do: 'relabel', id: id(2), from: id(1) },
    ])
    const changed = planned(
      [[1, file('f')]],
      [[2, { ...file('g'), attributes: { mtime: 3, executable: false } }]],
      false,
      [[2, 1]],
    )
    expect(changed.map((action) => action.do)).toEqual(['relabel', 'move', 'attributes'])
  })

  it('let it stand for what is in a folder whose name another takes first (R4, R13)', () => {
    const actions = planned(
      [
        [1, folder('f')],
        [2, file('c', id(1))],
      ],
      [
        [3, file('f')],
        [4, folder('g')],
        [5, file('c', id(4))],
      ],
      false,
      [
        [4, 1],
        [5, 2],
      ],
    )
    expect(actions.map((action) => action.do)).toEqual(['relabel', 'move', 'create', 'relabel'])
  })

  it('let nothing stand for what is parked, which lies under the id it had', () => {
    const model: Model = new Map([
      [id(1), folder('f')],
      [id(2), folder('c', id(1))],
      [id(3), folder('d', id(1))],
    ])
    const goal: Model = new Map([
      [id(2), folder('f')],
      [id(4), folder('g')],
      [id(3), folder('d', id(4))],
    ])
    const want = wantAll(goal, new Map([[id(4), [id(4), id(1)]]]))
    const actions = planDisk([id(1)], diskOf(model), want)
    perform(model, actions, want)
    expect(shape(model)).toEqual(shape(goal))
    expect(actions.map((action) => action.do)).toEqual(['park', 'move', 'create', 'move', 'remove'])
  })

  it('do not let a file stand for a folder', () => {
    expect(planned([[1, file('f')]], [[2, folder('f')]], false, [[2, 1]]).map((action) => action.do)).toEqual(
      ['remove', 'create'],
    )
  })

  it('replace an unwanted file in one step, but no folder, link or wanted file (R13)', () => {
    expect(planned([[1, file('f')]], [[2, file('f')]])).toEqual([
      { do: 'create', id: id(2), parent: ROOT, name: 'f', over: id(1) },
    ])
    expect(
      planned(
        [
          [1, file('t')],
          [2, file('f')],
        ],
        [[1, file('f')]],
      ),
    ).toEqual([{ do: 'move', id: id(1), parent: ROOT, name: 'f', over: id(2) }])
    expect(planned([[1, folder('f')]], [[2, file('f')]]).map((action) => action.do)).toEqual([
      'remove',
      'create',
    ])
    const link: DiskNode = { ...file('f'), kind: 'link', sameness: '→x' }
    expect(planned([[1, link]], [[2, file('f')]]).map((action) => action.do)).toEqual(['remove', 'create'])
    expect(
      planned(
        [[1, file('f')]],
        [
          [1, file('g')],
          [2, file('f')],
        ],
      ).map((action) => action.do),
    ).toEqual(['move', 'create'])
  })

  it('set what changed: content, a link, a time, a permission; never the time of a folder', () => {
    const at = (node: DiskNode, mtime: number, executable: boolean) => ({
      ...node,
      attributes: { mtime, executable },
    })
    const link: DiskNode = { ...file('f'), kind: 'link', sameness: '→x' }
    expect(planned([[1, file('f')]], [[1, at(file('f', ROOT, 'd'), 1, true)]])).toEqual([
      { do: 'update', id: id(1) },
    ])
    expect(planned([[1, link]], [[1, { ...link, sameness: '→y' }]])).toEqual([{ do: 'update', id: id(1) }])
    expect(planned([[1, file('f')]], [[1, at(file('f'), 1, false)]])).toEqual([
      { do: 'attributes', id: id(1) },
    ])
    expect(planned([[1, file('f')]], [[1, at(file('f'), 0, true)]])).toEqual([
      { do: 'attributes', id: id(1) },
    ])
    expect(planned([[1, folder('f')]], [[1, at(folder('f'), 1, true)]])).toEqual([])
    const marked = new Map([[id(1), link]])
    expect(planDisk([id(1)], diskOf(marked), wantAll(new Map([[id(1), at(link, 0, true)]])))).toEqual([])
  })

  it('turn a folder inside out (scenario 1)', () => {
    const actions = planned(
      [
        [1, folder('x')],
        [2, folder('y', id(1))],
      ],
      [
        [2, folder('y')],
        [1, folder('x', id(2))],
      ],
    )
    expect(actions.map((action) => action.do)).toEqual(['move', 'move'])
  })

  it.each([
    ['comes', [], (n: number) => folder('f', id(n - 1))],
    ['goes', (n: number) => folder('f', id(n - 1)), []],
    [
      'is turned upside down',
      (n: number) => folder('f', id(n - 1)),
      (n: number) => folder('f', id(n === 3_000 ? 0 : n + 1)),
    ],
  ])('work for a chain of 3,000 folders that %s, asked about in any order', (_, from, to) => {
    const chain = (make: ((n: number) => DiskNode) | never[]): Model =>
      new Map(
        typeof make === 'function' ? Array.from({ length: 3_000 }, (_, i) => [id(i + 1), make(i + 1)]) : [],
      )
    const all = Array.from({ length: 3_000 }, (_, i) => id(i + 1))
    for (const dirty of [all, all.toReversed()]) {
      const model = chain(from)
      const byParent = Map.groupBy(model, ([, n]) => n.parent)
      const disk = {
        ...diskOf(model),
        children: (parent: RecordId) => (byParent.get(parent) ?? []).map(([i]) => i),
        at: (parent: RecordId, name: string) => byParent.get(parent)?.find(([, n]) => n.name === name)?.[0],
      }
      const actions = planDisk(dirty, disk, wantAll(chain(to)))
      expect(actions.length).toBeGreaterThanOrEqual(2_999)
      expect(actions.length).toBeLessThanOrEqual(6_000)
    }
  })
})
