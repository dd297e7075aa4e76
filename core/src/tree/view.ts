/**
 * The tree that a set of records shows: a pure function of the set, computed where it is asked for, so that a
 * change costs the change and not the tree. Cycles and orphans are settled in `redirects.ts`; here namesakes
 * are: same-named folders are one folder, same-named files of equal content are one file (R4), the earliest
 * stamp keeps a contested name and the others show a conflict name (R3, R9), and a deleted folder with a live
 * descendant is shown (R6). Nothing here recurses by the depth of the tree. Rules: docs/spec/tree.md.
 */
import { type RecordId, ROOT } from '../ids/ids.ts'
import type { Forest, TreeNode } from './forest.ts'
import { conflictName, nameKey, originalOfConflictName, recordOfCutName } from './names.ts'
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
  /** The record that shows under exactly this name in a folder, or undefined. */
  lookup(folder: RecordId, name: string): RecordId | undefined
  /** All records that hang in this folder or one that is one with it under a name with this key, shown or not. */
  namesakes(folder: RecordId, key: string): RecordId[]
  /** Where this record really hangs: its place's parent, or where it was redirected. */
  parentOf(id: RecordId): RecordId
}

/** Records that are one thing, the one that stands for them first. */
type Claimant = readonly [TreeNode, ...TreeNode[]]

/** Who lays claim to one name, in the order in which they are served. */
interface Claims {
  readonly key: string
  readonly list: readonly Claimant[]
  readonly indexOf: ReadonlyMap<RecordId, number>
}

/** A view of the forest as it is now; its answers are remembered, so make a new one when records change. */
export function createView(forest: Forest): View {
  const hanging = new Hanging(forest)
  const isShown = shownIn(hanging)
  const allClaims = new Map<string, Claims>()
  const allNames = new Map<Claims, readonly string[]>()
  /** Which record stands for a folder, and who is one with it. */
  const membersOf = new Map<RecordId, readonly RecordId[]>([[ROOT, [ROOT]]])

  const fold = (name: string) => nameKey(name, forest.caseInsensitive)

  /** The records that stand for one folder together. */
  function members(folder: RecordId): readonly RecordId[] {
    return membersOf.get(folder) ?? findMembers(folder)
  }

  function findMembers(folder: RecordId): readonly RecordId[] {
    const way: RecordId[] = []
    const seen = new Set<RecordId>()
    for (let at = folder; !membersOf.has(at); at = hanging.parentOf(at)) {
      if (seen.has(at))
        throw new Error(`record ${at} stands in a cycle: redirects must be settled before a view`)
      seen.add(at)
      way.push(at)
      const node = forest.node(at)
      if (!node || !isShown(node)) break
    }
    for (const id of way.reverse()) membersOf.set(id, aliasesIn(id))
    return membersOf.get(folder)!
  }

  const canonical = (folder: RecordId) => members(folder)[0]!

  function aliasesIn(id: RecordId): readonly RecordId[] {
    const node = forest.node(id)
    if (!node || !isShown(node)) return [id]
    const { list, indexOf } = claimsOf(node)
    return list[indexOf.get(id)!]!.map((n) => n.id)
  }

  function claimsOf(node: TreeNode): Claims {
    return claimsTo(canonical(hanging.parentOf(node.id)), fold(node.place.name))
  }

  function claimsTo(folder: RecordId, key: string): Claims {
    const cacheKey = `${folder}/${key}`
    const known = allClaims.get(cacheKey)
    if (known) return known
    const nodes = members(folder).flatMap((member) => hanging.namesakes(member, key).filter(isShown))
    const list = groupAliases(nodes)
    const indexOf = new Map(list.flatMap((claim, index) => claim.map((node) => [node.id, index] as const)))
    const claims = { key, list, indexOf }
    allClaims.set(cacheKey, claims)
    return claims
  }

  /** Names are given out in order, so that each claimant's name depends only on those before it. */
  function namesOf(folder: RecordId, claims: Claims): readonly string[] {
    const known = allNames.get(claims)
    if (known) return known
    const names: string[] = []
    /** The next number for those who would be called alike. */
    const numbers = new Map<string, number>()
    for (const [{ id, place }] of claims.list) {
      if (names.length === 0) {
        names.push(place.name)
        continue
      }
      const stem = fold(conflictName(place.name, place.by, place.day, 1, id))
      for (let number = numbers.get(stem) ?? 1; ; number++) {
        const name = conflictName(place.name, place.by, place.day, number, id)
        if (isTaken(folder, claims, fold(name))) continue
        names.push(name)
        numbers.set(stem, number + 1)
        break
      }
    }
    allNames.set(claims, names)
    return names
  }

  /** Whether somebody outside of these claims shows the name with this key. */
  function isTaken(folder: RecordId, claims: Claims, key: string): boolean {
    if (claimsTo(folder, key).list.length > 0) return true
    const original = fold(originalOfConflictName(key) ?? '')
    if (original === claims.key) return false
    // A cut name can be what a conflicting sibling called just like the cut base is called. Each such step cuts
    // more off, so this ends.
    const others = claimsTo(folder, original)
    return others.list.length > 1 && namesOf(folder, others).some((name) => fold(name) === key)
  }

  function locate(id: RecordId): Located {
    const node = forest.node(id)
    if (!node || !isShown(node)) return { status: 'hidden' }
    const parent = canonical(hanging.parentOf(id))
    const claims = claimsOf(node)
    const index = claims.indexOf.get(id)!
    const first = claims.list[index]![0]
    if (first.id !== id) return { status: 'alias', of: first.id }
    return { status: 'shown', parent, name: index === 0 ? node.place.name : namesOf(parent, claims)[index]! }
  }

  function children(folder: RecordId): { id: RecordId; name: string }[] {
    const found: { id: RecordId; name: string }[] = []
    for (const member of members(canonical(folder))) {
      for (const id of hanging.in(member)) {
        const located = locate(id)
        if (located.status === 'shown') found.push({ id, name: located.name })
      }
    }
    return found
  }

  function lookup(folder: RecordId, name: string): RecordId | undefined {
    const top = canonical(folder)
    const first = claimsTo(top, fold(name)).list[0]?.[0]
    if (first?.place.name === name) return first.id
    const original = originalOfConflictName(name)
    if (original === null) return undefined
    const claims = claimsTo(top, fold(original))
    const index = claims.list.length > 1 ? namesOf(top, claims).indexOf(name) : -1
    if (index >= 0) return claims.list[index]![0].id
    const marked = recordOfCutName(name)
    const located = marked && locate(marked)
    const found = located?.status === 'shown' && located.parent === top && located.name === name
    return found ? marked! : undefined
  }

  return {
    locate,
    children,
    aliases: (id) => aliasesIn(id),
    lookup,
    namesakes: (folder, key) => members(folder).flatMap((m) => hanging.namesakes(m, key).map((n) => n.id)),
    parentOf: (id) => hanging.parentOf(id),
  }
}

/** What hangs where, redirects taken into account. */
class Hanging {
  readonly forest: Forest
  readonly #redirected = new Map<RecordId, RecordId[]>()
  /** The redirected by name, made for the folders that are asked about. */
  readonly #byKey = new Map<RecordId, Map<string, TreeNode[]>>()

  constructor(forest: Forest) {
    this.forest = forest
    for (const [id, parent] of forest.redirects) append(this.#redirected, parent, id)
  }

  parentOf(id: RecordId): RecordId {
    return this.forest.redirects.get(id) ?? this.forest.node(id)?.place.parent ?? ROOT
  }

  in(parent: RecordId): RecordId[] {
    const here = [...this.forest.children(parent)].filter((id) => !this.forest.redirects.has(id))
    return [...here, ...(this.#redirected.get(parent) ?? [])]
  }

  namesakes(parent: RecordId, key: string): TreeNode[] {
    const found: TreeNode[] = []
    for (const id of this.forest.namesakes(parent, key)) {
      const node = this.forest.node(id)
      if (node && !this.forest.redirects.has(id)) found.push(node)
    }
    return [...found, ...(this.#redirectedByKey(parent)?.get(key) ?? [])]
  }

  #redirectedByKey(parent: RecordId): ReadonlyMap<string, readonly TreeNode[]> | undefined {
    const known = this.#byKey.get(parent)
    const ids = this.#redirected.get(parent)
    if (known || !ids) return known
    const byKey = new Map<string, TreeNode[]>()
    for (const id of ids) {
      const node = this.forest.node(id)
      if (node) append(byKey, nameKey(node.place.name, this.forest.caseInsensitive), node)
    }
    this.#byKey.set(parent, byKey)
    return byKey
  }
}

/** Tells whether a node shows: what is not deleted does, and a deleted folder with a live descendant (R6). */
function shownIn(hanging: Hanging): (node: TreeNode) => boolean {
  const folders = new Map<RecordId, boolean>()
  const known = (node: TreeNode) => !node.deleted || (node.kind === 'folder' ? folders.get(node.id) : false)

  return (start) => {
    if (known(start) !== undefined) return known(start)!
    const way: { id: RecordId; rest: RecordId[] }[] = []
    const enter = (id: RecordId) => {
      folders.set(id, false)
      way.push({ id, rest: hanging.in(id) })
    }
    enter(start.id)
    for (let at = way.at(-1); at; at = way.at(-1)) {
      const next = at.rest.pop()
      const child = next && hanging.forest.node(next)
      if (next === undefined) way.pop()
      else if (child && known(child) === undefined) {
        enter(child.id)
      } else if (child && known(child)) {
        for (const { id } of way) folders.set(id, true)
        return true
      }
    }
    return false
  }
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

function append<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}
