/** Test helpers: forests in memory, and arbitrary sets of records that make trouble for each other. */
import fc from 'fast-check'
import { type RecordId, ROOT, type WriterId } from '../ids/ids.ts'
import type { Forest, TreeNode } from './forest.ts'
import { nameKey } from './names.ts'
import { redirectOf } from './redirects.ts'

export type Records = Map<RecordId, TreeNode>

export const id = (n: number) => n.toString(16).padStart(32, '0') as RecordId
const writer = (n: number) => n.toString(16).padStart(16, '0') as WriterId

/** A live folder at the root, made on a device called X, unless told otherwise. */
export function node(
  n: number,
  over: Partial<TreeNode> = {},
  place: Partial<TreeNode['place']> = {},
): TreeNode {
  return {
    id: id(n),
    kind: 'folder',
    deleted: false,
    sameness: '',
    ...over,
    place: {
      parent: ROOT,
      name: `n${n}`,
      former: null,
      stamp: { counter: n, writer: writer(1) },
      by: 'X',
      day: '2020-01-01',
      ...place,
    },
  }
}

export const records = (...nodes: TreeNode[]): Records => new Map(nodes.map((one) => [one.id, one]))

export function redirectsOf(all: Records): Map<RecordId, RecordId> {
  const nodes = { node: (i: RecordId) => all.get(i) }
  const found = [...all.keys()].map((i) => [i, redirectOf(nodes, i)] as const)
  return new Map(found.filter((pair): pair is readonly [RecordId, RecordId] => pair[1] !== null))
}

/** A forest with indexes, as a database has them. */
export function forestOf(
  all: Records,
  caseInsensitive: boolean,
  redirects: ReadonlyMap<RecordId, RecordId> = redirectsOf(all),
): Forest {
  const children = new Map<RecordId, RecordId[]>()
  const namesakes = new Map<string, RecordId[]>()
  for (const { id: child, place } of all.values()) {
    const key = `${place.parent}/${nameKey(place.name, caseInsensitive)}`
    append(children, place.parent, child)
    append(namesakes, key, child)
  }
  return {
    redirects,
    caseInsensitive,
    node: (i) => all.get(i),
    children: (parent) => children.get(parent) ?? [],
    namesakes: (parent, key) => namesakes.get(`${parent}/${key}`) ?? [],
  }
}

function append<K>(lists: Map<K, RecordId[]>, key: K, one: RecordId): void {
  const list = lists.get(key) ?? []
  list.push(one)
  lists.set(key, list)
}

const composed = '\u00e9.txt'
const decomposed = 'e\u0301.txt'
const copy = (name: string) => `${name} (X's conflicted copy 2020-01-01)`

const NAMES = [
  ...[
    'a',
    'A',
    'a',
    composed,
    decomposed,
    composed.toUpperCase(),
    'Straße',
    'STRASSE',
    'STRA\u1e9eE',
    '.rc',
    'b.tar.gz',
  ],
  ...[copy('a'), copy('A'), `a (X's conflicted copy 2020-01-01 2)`, copy(copy('a')), copy('b.tar')],
  ...[
    `${copy('b.tar')}.gz`,
    `${'l'.repeat(250)}.md`,
    `${'l'.repeat(251)}.m`,
    `${'é'.repeat(127)}`,
    'é'.repeat(126),
  ],
]

const ids = (count: number) => fc.integer({ min: 0, max: count + 1 }).map(id)

/** Any record with this number among `count`; its kind is that of its number, for life. */
const record = (n: number, count: number, names: readonly string[]): fc.Arbitrary<TreeNode> =>
  fc
    .record({
      deleted: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
      sameness: fc.constantFrom('same', 'other'),
      parent: fc.oneof(ids(count), fc.constant(ROOT)),
      name: fc.constantFrom(...names),
      former: fc.option(ids(count)),
      counter: fc.integer({ min: 1, max: 4 }),
      writer: fc.integer({ min: 1, max: 2 }).map(writer),
      by: fc.constantFrom('X', 'x', 'Y (work)', "a (X's conflicted copy 2020-01-01) (b"),
      day: fc.constantFrom('2020-01-01', '2020-01-02'),
    })
    .map(({ deleted, sameness, counter, writer: by, ...place }) => {
      const kind = (['folder', 'file', 'folder', 'folder', 'link', 'folder'] as const)[n % 6]!
      return node(
        n,
        { kind, deleted, sameness: kind === 'folder' ? '' : sameness },
        { ...place, stamp: { counter, writer: by } },
      )
    })

/**
 * Sets of records with cycles, orphans, tombstones, aliases and names that are the same to some disks, or that
 * are the conflict names of others.
 */
export const anyRecords: fc.Arbitrary<Records> = fc
  .tuple(fc.integer({ min: 1, max: 14 }), fc.subarray(NAMES, { minLength: 1, maxLength: 5 }))
  .chain(([count, names]) =>
    fc.tuple(...Array.from({ length: count }, (_, i) => record(i + 1, count, names))),
  )
  .map((all) => records(...all))

/** Versions of a few records, each replacing the one before. */
export const anyHistory: fc.Arbitrary<TreeNode[]> = fc.array(
  fc.integer({ min: 1, max: 9 }).chain((n) => record(n, 9, ['a', 'b'])),
  { maxLength: 30 },
)
