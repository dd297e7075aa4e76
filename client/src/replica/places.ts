/**
 * Where records are: indexes over the places of the versions that count, the names and records that a change may have
 * moved on the disk, and where places that make no tree show instead.
 */
import type { RecordId } from '@pileus/core/ids/ids'
import type { RecordBody } from '@pileus/core/records/record'
import { nameKey } from '@pileus/core/tree/names'
import type { StoreReader, StoreWriter } from '../store/store.ts'
import { StoredRedirects } from './redirects.ts'
import { tables } from './tables.ts'

export class Places {
  readonly #caseInsensitive: boolean
  readonly #redirects = new StoredRedirects()
  /** Changed in the running transaction, for the redirects. */
  #changed = new Set<RecordId>()

  constructor(caseInsensitive: boolean) {
    this.#caseInsensitive = caseInsensitive
  }

  get redirects(): ReadonlyMap<RecordId, RecordId> {
    return this.#redirects.all
  }

  /** Takes them as they are in the database: at the start, and after a transaction that came to nothing. */
  load(from: StoreReader): void {
    this.#changed = new Set()
    this.#redirects.load(from)
  }

  /** Redirects follow the places that changed; what shows elsewhere now is touched. */
  settle(tx: StoreWriter): void {
    if (this.#changed.size === 0) return
    const changed = this.#changed
    this.#changed = new Set()
    for (const id of this.#redirects.settle(tx, changed)) touch(tx, id)
  }

  /** The version of the record that counts was `before` and is `after`: either may be none. */
  change(tx: StoreWriter, id: RecordId, before: RecordBody | undefined, after: RecordBody | undefined): void {
    touch(tx, id)
    if (after?.conflictOf && !after.deleted) tables.copies.put(tx, id, '')
    else if (before?.conflictOf) tables.copies.delete(tx, id)
    if (before && after && isSamePlace(before, after)) {
      this.#touchName(tx, after)
      if (!isSameNode(before, after)) this.#changed.add(id)
      return
    }
    this.#changed.add(id)
    if (before) {
      tables.child.delete(tx, this.#childKey(before, id))
      this.#touchName(tx, before)
      // A deleted folder that showed for its sake may show no longer (R6).
      touch(tx, before.place.parent)
    }
    if (after) {
      this.add(tx, id, after)
      this.#touchName(tx, after)
    }
  }

  /** A record that is new, and whose place concerns no other: nothing has to be done on the disk for it. */
  add(tx: StoreWriter, id: RecordId, body: RecordBody): void {
    tables.child.put(tx, this.#childKey(body, id), '')
  }

  nameKey(name: string): string {
    return nameKey(name, this.#caseInsensitive)
  }

  #childKey(body: RecordBody, id: RecordId): string {
    return `${this.#key(body)}/${id}`
  }

  #touchName(tx: StoreWriter, body: RecordBody): void {
    tables.touchedName.put(tx, this.#key(body), '')
  }

  #key({ place }: RecordBody): string {
    return `${place.parent}/${this.nameKey(place.name)}`
  }
}

function touch(tx: StoreWriter, id: RecordId): void {
  tables.touched.put(tx, id, '')
}

function isSamePlace({ place: a }: RecordBody, { place: b }: RecordBody): boolean {
  return a.parent === b.parent && a.name === b.name
}

/** In all else that decides where it shows. */
function isSameNode(a: RecordBody, b: RecordBody): boolean {
  return (
    a.place.former === b.place.former &&
    a.deleted === b.deleted &&
    a.place.stamp.counter === b.place.stamp.counter
  )
}
