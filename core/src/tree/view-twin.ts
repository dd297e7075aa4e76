/**
 * Test helper: the view once more, from the rules of docs/spec/tree.md and with nothing of the code. Whole set,
 * by repetition until nothing changes, at any cost.
 */
import { type RecordId, ROOT } from '../ids/ids.ts'
import type { TreeNode } from './forest.ts'

export interface Twin {
  readonly hangs: ReadonlyMap<RecordId, RecordId>
  readonly shown: ReadonlyMap<RecordId, { parent: RecordId; name: string; aliases: RecordId[] }>
  readonly aliasOf: ReadonlyMap<RecordId, RecordId>
}

/** What these records show, on a disk that ignores case or does not. */
export function twinOf(all: readonly TreeNode[], caseInsensitive: boolean): Twin {
  const hangs = new Map(all.map((node) => [node.id, whereItHangs(all, node)]))
  const visible = whatShows(all, hangs)
  const shown = new Map<RecordId, { parent: RecordId; name: string; aliases: RecordId[] }>()
  const aliasOf = new Map<RecordId, RecordId>()
  const folders: { top: RecordId; members: RecordId[] }[] = [{ top: ROOT, members: [ROOT] }]
  for (const { top, members } of folders) {
    const inside = all.filter((node) => visible.has(node.id) && members.includes(hangs.get(node.id)!))
    for (const [first, aliases, name] of named(inside, caseInsensitive)) {
      shown.set(first.id, { parent: top, name, aliases: aliases.map((one) => one.id) })
      for (const other of aliases.slice(1)) aliasOf.set(other.id, first.id)
      if (first.kind === 'folder') folders.push({ top: first.id, members: aliases.map((one) => one.id) })
    }
  }
  return { hangs, shown, aliasOf }
}

/** TREE-4, TREE-5. */
function whereItHangs(all: readonly TreeNode[], node: TreeNode): RecordId {
  const folder = (id: RecordId | null) => all.find((one) => one.id === id && one.kind === 'folder')
  /** The stored way up, as far as there can be one without a cycle, and once around. */
  const way = (from: TreeNode): TreeNode[] => {
    const steps = [from]
    for (let i = 0; i < all.length; i++) {
      const next = folder(steps.at(-1)!.place.parent)
      if (next) steps.push(next)
    }
    return steps
  }
  const cyclic = (from: TreeNode) => from.kind === 'folder' && way(from).slice(1).includes(from)
  const { parent, former } = node.place
  if (parent === ROOT) return ROOT
  if (!folder(parent)) return ROOT
  if (!cyclic(node)) return parent
  if (way(node).some((other) => later(other, node))) return parent
  const back = folder(former)
  return back && !back.deleted && !way(back).some(cyclic) ? back.id : ROOT
}

/** TREE-3. */
function later(a: TreeNode, b: TreeNode): boolean {
  const rank = (node: TreeNode) => {
    const { counter, writer } = node.place.stamp
    return [String(counter).padStart(16, '0'), writer, node.id].join()
  }
  return rank(a) > rank(b)
}

/** TREE-7. */
function whatShows(all: readonly TreeNode[], hangs: ReadonlyMap<RecordId, RecordId>): Set<RecordId> {
  const shows = new Set(all.filter((node) => !node.deleted).map((node) => node.id))
  for (let before = -1; before !== shows.size; ) {
    before = shows.size
    for (const node of all) {
      if (
        node.kind === 'folder' &&
        all.some((child) => shows.has(child.id) && hangs.get(child.id) === node.id)
      )
        shows.add(node.id)
    }
  }
  return shows
}

/** TREE-8 to TREE-10: what one folder holds. */
function named(inside: readonly TreeNode[], caseInsensitive: boolean): [TreeNode, TreeNode[], string][] {
  const key = (name: string) => twinKey(name, caseInsensitive)
  const served = [...inside].sort((a, b) => {
    if (a.deleted !== b.deleted) return a.deleted ? 1 : -1
    return later(a, b) ? 1 : -1
  })
  const things: TreeNode[][] = []
  for (const one of served) {
    const same = things.find(
      ([first]) =>
        key(first!.place.name) === key(one.place.name) &&
        first!.kind === one.kind &&
        (one.kind === 'folder' || first!.sameness === one.sameness),
    )
    if (same) same.push(one)
    else things.push([one])
  }
  const taken = new Set(inside.map((one) => key(one.place.name)))
  const kept = new Set<string>()
  return things.map((aliases) => {
    const first = aliases[0]!
    let name = first.place.name
    if (kept.has(key(name))) {
      for (let number = 1; taken.has(key(name)); number++) name = twinConflictName(first, number)
      taken.add(key(name))
    }
    kept.add(key(name))
    return [first, aliases, name]
  })
}

/** TREE-1, letter by letter. */
function twinKey(name: string, caseInsensitive: boolean): string {
  const composed = name.normalize('NFC')
  if (!caseInsensitive) return composed
  return [...composed].map((c) => (c === 'ß' || c === 'ẞ' ? 'ss' : c.toLowerCase())).join('')
}

/** TREE-10. */
function twinConflictName({ id, place }: TreeNode, number: number): string {
  const parts = /^(.+)(\.[^.]*)$/su.exec(place.name)
  const short = parts && Buffer.byteLength(parts[2]!) <= 16
  const [base, extension] = short ? [parts[1]!, parts[2]!] : [place.name, '']
  const by = place.by.replace(/[()]/g, (c) => (c === '(' ? '[' : ']'))
  const end = ` (${by}'s conflicted copy ${place.day}${number === 1 ? '' : ` ${number}`})${extension}`
  if (Buffer.byteLength(base + end) <= 255) return base + end
  const letters = [...base]
  while (Buffer.byteLength(`${letters.join('')}~${id}${end}`) > 255) letters.pop()
  return `${letters.join('')}~${id}${end}`
}
