/**
 * The tree that a set of records shows: a pure function of the set, computed where it is asked for, so that a
 * change costs the change and not the tree. Cycles and orphans are settled in `redirects.ts`; here namesakes
 * are: same-named folders are one folder, same-named files of equal content are one file (R4), the earliest
 * stamp keeps a contested name and the others show a conflict name (R3, R9), and a deleted folder with a live
 * descendant is shown (R6).
 */
import { type RecordId, ROOT } from '../ids/ids.ts'
import type { Forest, TreeNode } from './forest.ts'
import { conflictName, nameKey, originalOfConflictName } from './names.ts'
import { comparePlaced } from './stamp.ts'

/** Where a record shows. */
export type Located =
  | { readonly status: 'shown'; readonly parent: RecordId; readonly name: string }
  /** Shown by another record: it is one thing with `of`. */
  | { readonly status: 'alias'; readonly of: RecordId }
  | { readonly status: 'hidden' }

export interface View {
  locate(id: RecordId): Located
  /** Shown children of a folder, which may be any of its aliases; each once, unordered. */
  children(folder: RecordId): { id: RecordId; name: string }[]
  /** All records that are one thing with this one, itself included, the one that stands for them first. */
  aliases(id: RecordId): readonly RecordId[]
  /** The record that shows under this name in a folder, or undefined. */
  lookup(folder: RecordId, name: string): RecordId | undefined
  /** Where this record really hangs: its place's parent, or where it was redirected. */
  parentOf(id: RecordId): RecordId
}

/** Records that are one thing, the one that stands for them first. */
type Claimant = readonly [TreeNode, ...TreeNode[]]

/** A view of the forest as it is now; its answers are remembered, so make a new one when records change. */
export function createView(forest: Forest): View {
  const shown = new Map<RecordId, boolean>()
  const claims = new Map<string, readonly Claimant[]>()
  const redirectedTo = new Map<RecordId, RecordId[]>()
  for (const [id, parent] of forest.redirects) {
    const list = redirectedTo.get(parent)
    if (list) list.push(id)
    else redirectedTo.set(parent, [id])
  }

  const keyOf = (node: TreeNode) => nameKey(node.place.name, forest.caseInsensitive)
  const parentOf = (id: RecordId) => forest.redirects.get(id) ?? forest.node(id)?.place.parent ?? ROOT

  function* hangingIn(parent: RecordId, ids: Iterable<RecordId>): Iterable<TreeNode> {
    for (const id of ids) {
      const node = forest.node(id)
      if (node && !forest.redirects.has(id)) yield node
    }
    for (const id of redirectedTo.get(parent) ?? []) yield forest.node(id)!
  }

  function isShown(node: TreeNode): boolean {
    if (!node.deleted) return true
    if (node.kind !== 'folder') return false
    const known = shown.get(node.id)
    if (known !== undefined) return known
    let answer = false
    for (const child of hangingIn(node.id, forest.children(node.id))) {
      if (isShown(child)) {
        answer = true
        break
      }
    }
    shown.set(node.id, answer)
    return answer
  }

  /** The records that stand for one folder together. */
  function members(folder: RecordId): readonly RecordId[] {
    return folder === ROOT ? [ROOT] : aliases(folder)
  }

  /** Who lays claim to the name with this key in this folder, in the order in which they are served. */
  function claimants(folder: RecordId, key: string): readonly Claimant[] {
    const cacheKey = `${folder}/${key}`
    const known = claims.get(cacheKey)
    if (known) return known
    const nodes: TreeNode[] = []
    for (const member of members(folder)) {
      for (const node of hangingIn(member, forest.namesakes(member, key))) {
        if (keyOf(node) === key && isShown(node)) nodes.push(node)
      }
    }
    const answer = groupAliases(nodes)
    claims.set(cacheKey, answer)
    return answer
  }

  function claimOf(node: TreeNode): { folder: RecordId; claimants: readonly Claimant[]; index: number } {
    const folder = canonical(parentOf(node.id))
    const list = claimants(folder, keyOf(node))
    return { folder, claimants: list, index: list.findIndex((claim) => claim.some((n) => n.id === node.id)) }
  }

  function aliases(id: RecordId): readonly RecordId[] {
    const node = forest.node(id)
    if (!node || !isShown(node)) return [id]
    const { claimants: list, index } = claimOf(node)
    return list[index]!.map((n) => n.id)
  }

  function canonical(folder: RecordId): RecordId {
    return folder === ROOT ? ROOT : aliases(folder)[0]!
  }

  /** Names are given out in order, so that each claimant's name depends only on those before it. */
  function nameOf(folder: RecordId, list: readonly Claimant[], index: number): string {
    if (index === 0) return list[0]![0].place.name
    const taken = new Set<string>()
    for (let i = 1; ; i++) {
      const { name, by, day } = list[i]![0].place
      let number = 1
      let candidate = conflictName(name, by, day)
      let key = nameKey(candidate, forest.caseInsensitive)
      while (taken.has(key) || claimants(folder, key).length > 0) {
        candidate = conflictName(name, by, day, ++number)
        key = nameKey(candidate, forest.caseInsensitive)
      }
      if (i === index) return candidate
      taken.add(key)
    }
  }

  function locate(id: RecordId): Located {
    const node = forest.node(id)
    if (!node || !isShown(node)) return { status: 'hidden' }
    const { folder, claimants: list, index } = claimOf(node)
    const first = list[index]![0]
    if (first.id !== id) return { status: 'alias', of: first.id }
    return { status: 'shown', parent: folder, name: nameOf(folder, list, index) }
  }

  function children(folder: RecordId): { id: RecordId; name: string }[] {
    const found: { id: RecordId; name: string }[] = []
    for (const member of members(canonical(folder))) {
      for (const node of hangingIn(member, forest.children(member))) {
        const located = locate(node.id)
        if (located.status === 'shown') found.push({ id: node.id, name: located.name })
      }
    }
    return found
  }

  function lookup(folder: RecordId, name: string): RecordId | undefined {
    const top = canonical(folder)
    const first = claimants(top, nameKey(name, forest.caseInsensitive))[0]?.[0]
    if (first && first.place.name === name) return first.id
    // A conflict name belongs to no record's place: it is found among the children.
    if (originalOfConflictName(name) === null) return undefined
    return children(top).find((child) => child.name === name)?.id
  }

  return { locate, children, aliases, lookup, parentOf }
}

/** One claimant per set of aliases, by the stamp of its first; live nodes come before deleted ones. */
function groupAliases(nodes: TreeNode[]): Claimant[] {
  nodes.sort((a, b) => Number(a.deleted) - Number(b.deleted) || comparePlaced(a, b))
  const groups = new Map<string, [TreeNode, ...TreeNode[]]>()
  for (const node of nodes) {
    const key = node.kind === 'folder' ? 'folder' : `${node.kind} ${node.sameness}`
    const group = groups.get(key)
    if (group) group.push(node)
    else groups.set(key, [node])
  }
  return [...groups.values()]
}
