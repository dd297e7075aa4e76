/**
 * Which nodes may have to change on the disk after records changed: those records, and what depends on them
 * through names, aliases and shown-ness. The cost follows the change, not the tree.
 */
import { type RecordId, ROOT } from '@pileus/core/ids/ids'
import { originalOfConflictName, recordOfCutName } from '@pileus/core/tree/names'
import type { View } from '@pileus/core/tree/view'
import { type StoreReader, withPrefix } from '../store/store.ts'
import { effectiveBody } from './forest.ts'
import type { Replica } from './replica.ts'
import { tables } from './tables.ts'

/** How far the touched records and names have been looked at. */
export interface TouchedSoFar {
  readonly record: string
  readonly name: string
}

export const NONE_YET: TouchedSoFar = { record: '', name: '' }

export interface Affected {
  /** Nodes whose place on the disk may differ from what is wanted. */
  readonly nodes: ReadonlySet<RecordId>
  /** What was touched and is covered by them. */
  readonly records: readonly RecordId[]
  readonly names: readonly string[]
  /** Where the next portion begins; null when this was the last. */
  readonly next: TouchedSoFar | null
}

/**
 * The nodes that depend on what was touched, of so many names or records at a time. Names come first: they lie folder
 * by folder, and nearly every record that was touched is found by one.
 */
export function affectedNodes(
  replica: Replica,
  from: StoreReader,
  view: View,
  after: TouchedSoFar,
  limit: number,
): Affected {
  const walk = new Walk(replica, from, view)
  const names = keysAfter(tables.touchedName, from, after.name, limit)
  for (const key of names) walk.addName(key.slice(0, 32) as RecordId, key.slice(33))
  const records = [...walk.found].filter((id) => tables.touched.get(from, id) !== undefined)
  const rest =
    names.length < limit ? (keysAfter(tables.touched, from, after.record, limit) as RecordId[]) : []
  records.push(...rest)
  for (const id of records) walk.addRecord(id)
  const more = names.length === limit || rest.length === limit
  const next = { record: rest.at(-1) ?? after.record, name: names.at(-1) ?? after.name }
  return { nodes: walk.found, records, names, next: more ? next : null }
}

/** Touches every node there is: for when nothing is known about what changed, and to check the other answer. */
export function touchEverything(replica: Replica): void {
  replica.transaction('lazy', (tx) => {
    for (const table of [tables.known, tables.outbox, tables.disk])
      for (const [id] of table.entries(tx)) replica.touch(tx, id as RecordId)
  })
}

function keysAfter(table: typeof tables.touched, from: StoreReader, after: string, limit: number): string[] {
  // U+0000 is the least text that can follow.
  const range = after === '' ? { limit } : { from: `${after}\u0000`, limit }
  return [...table.entries(from, range)].map(([key]) => key)
}

class Walk {
  readonly found = new Set<RecordId>()
  readonly #names = new Set<string>()
  readonly #replica: Replica
  readonly #from: StoreReader
  readonly #view: View

  constructor(replica: Replica, from: StoreReader, view: View) {
    this.#replica = replica
    this.#from = from
    this.#view = view
  }

  addRecord(id: RecordId): void {
    this.#add(id)
    const row = tables.disk.get(this.#from, id)
    // The name it gives up on the disk may be wanted by a namesake.
    if (row) this.addName(row.parent, this.#replica.nameKey(row.name))
    const body = effectiveBody(this.#from, id)
    if (!body) return
    const parent = this.#view.parentOf(id)
    this.addName(parent, this.#replica.nameKey(body.place.name))
    // A deleted folder shows only while something in it does (R6).
    for (let at = parent; at !== ROOT; at = this.#view.parentOf(at)) {
      const above = effectiveBody(this.#from, at)
      if (!above?.deleted) break
      this.#add(at)
      this.addName(this.#view.parentOf(at), this.#replica.nameKey(above.place.name))
    }
  }

  /** Whoever may hold this name, in the folder and in all that are one with it. */
  addName(parent: RecordId, key: string): void {
    if (this.#names.has(`${parent}/${key}`)) return
    const members = parent === ROOT ? [ROOT] : this.#view.aliases(parent)
    for (const member of [parent, ...members]) {
      this.#names.add(`${member}/${key}`)
      const there = this.#replica.diskAt(this.#from, member, key)
      if (there) this.#add(there)
    }
    // Those that were redirected here are among them.
    for (const child of this.#view.namesakes(parent, key)) this.#add(child)
    const cut = recordOfCutName(key)
    if (cut) this.#add(cut)
    // A free or a taken conflict name decides what the others are called.
    const original = originalOfConflictName(key)
    if (original !== null) this.addName(parent, original)
  }

  #add(id: RecordId): void {
    if (this.found.has(id)) return
    this.found.add(id)
    const body = effectiveBody(this.#from, id)
    if (body?.kind !== 'folder') return
    const located = this.#view.locate(id)
    // A folder that is not on the disk under its own id shows its children elsewhere, or is about to show them.
    if (located.status === 'shown' && tables.disk.get(this.#from, id)) return
    for (const [child] of tables.child.entries(this.#from, withPrefix(`${id}/`)))
      this.#addChild(child.slice(-32) as RecordId)
    for (const child of this.#replica.diskChildren(this.#from, id)) this.#addChild(child)
  }

  /**
   * With the names it gives up and takes, since what was one with its folder may show another name without it. One that
   * was touched itself has its turn by that: a folder that is new need not bring all of its files at once.
   */
  #addChild(id: RecordId): void {
    if (tables.touched.get(this.#from, id) === undefined) this.addRecord(id)
  }
}
