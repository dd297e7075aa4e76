/** What the disk shows: a row for each node, found by its name in a folder and by its inode too. */
import type { RecordId } from '@pileus/core/ids/ids'
import { nameKey } from '@pileus/core/tree/names'
import type { KeyRange, StoreReader, StoreWriter } from '../store/store.ts'
import { type DiskRow, type NamedRow, tables } from './tables.ts'

export class DiskRows {
  readonly #caseInsensitive: boolean

  constructor(caseInsensitive: boolean) {
    this.#caseInsensitive = caseInsensitive
  }

  /** Which record has this name in this folder. */
  at(from: StoreReader, parent: RecordId, name: string): RecordId | undefined {
    return tables.diskChild.get(from, this.#key({ parent, name }))?.id
  }

  *children(from: StoreReader, parent: RecordId): Iterable<RecordId> {
    for (const [, { id }] of tables.diskChild.entries(from, inFolder(parent))) yield id
  }

  /** Each with its name as it is on the disk. */
  *named(from: StoreReader, parent: RecordId): Iterable<readonly [name: string, row: NamedRow]> {
    for (const [key, row] of tables.diskChild.entries(from, inFolder(parent))) {
      // A folded name is not the one it has.
      const name = this.#caseInsensitive ? tables.disk.get(from, row.id)!.name : key.slice(parent.length + 1)
      yield [name, row]
    }
  }

  /** Puts the row in the place of the one before; null takes that away. */
  put(tx: StoreWriter, id: RecordId, row: DiskRow | null): void {
    const before = tables.disk.get(tx, id)
    // A row whose node is gone may have lost its name or inode to another: it does not take them back.
    const hadName = !before || tables.diskChild.get(tx, this.#key(before))?.id === id
    const hadIdentity = !before || tables.diskIdentity.get(tx, before.identity) === id
    if (before && hadName) tables.diskChild.delete(tx, this.#key(before))
    if (before && hadIdentity) tables.diskIdentity.delete(tx, before.identity)
    if (!row) {
      tables.disk.delete(tx, id)
      tables.nameless.delete(tx, id)
      return
    }
    tables.disk.put(tx, id, row)
    if (hadName || this.#key(row) !== this.#key(before)) this.#takeName(tx, id, row)
    if (row.identity && (hadIdentity || row.identity !== before.identity)) {
      tables.diskIdentity.put(tx, row.identity, id)
    }
  }

  /** Puts the first row of a node whose name nobody had. */
  putAlone(tx: StoreWriter, id: RecordId, row: DiskRow): void {
    tables.disk.put(tx, id, row)
    tables.diskChild.put(tx, this.#key(row), namedRow(id, row))
    tables.diskIdentity.put(tx, row.identity, id)
  }

  /** Whoever had the name stays known as a row without one, until it is found or gone. */
  #takeName(tx: StoreWriter, id: RecordId, row: DiskRow): void {
    const key = this.#key(row)
    const holder = tables.diskChild.get(tx, key)?.id
    if (holder && holder !== id) tables.nameless.put(tx, holder, '')
    tables.nameless.delete(tx, id)
    tables.diskChild.put(tx, key, namedRow(id, row))
  }

  #key({ parent, name }: { readonly parent: RecordId; readonly name: string }): string {
    // The disk itself decides what is one name: NFC twins live beside each other on most disks.
    return `${parent}/${this.#caseInsensitive ? nameKey(name, true) : name}`
  }
}

/** A file may stand where the row of a folder or link tells of one: its signature proves nothing then. */
function namedRow(id: RecordId, { kind, signature }: DiskRow): NamedRow {
  return { id, signature: kind === 'file' ? signature : '' }
}

/** The keys of the nodes in a folder. */
function inFolder(parent: RecordId): KeyRange {
  return { from: `${parent}/`, to: `${parent}0` }
}
