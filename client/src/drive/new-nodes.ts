/** Records of what appeared on the disk, or the records that were there for it already (R4). */
import { type RecordId, ROOT, randomId } from '@pileus/core/ids/ids'
import type { Attributes, Content, Place, RecordBody } from '@pileus/core/records/record'
import { NO_REFS, type Refs } from '@pileus/core/records/refs'
import { originalOfConflictName } from '@pileus/core/tree/names'
import type { View } from '@pileus/core/tree/view'
import type { Appeared } from '../folder/scan.ts'
import { samenessOf } from '../replica/forest.ts'
import { type DiskRow, tables } from '../replica/tables.ts'
import type { StoreReader, StoreWriter } from '../store/store.ts'
import type { Ingested } from '../transfer/ingest.ts'
import { type DriveContext, labelNow } from './context.ts'
import { attributesOf, contentOf, fileRow, folderRow } from './rows.ts'

/** Folders, and keys of names in them, that are kept in mind: some 10 MB of them. */
const NAMES_KEPT = 50_000

/**
 * Folders that this scan made records of, with the keys of the names in them so far. Only the latest are kept, since a
 * scan goes through one folder after another: the others are dealt with like folders that were there.
 */
class MadeFolders {
  readonly #names = new Map<RecordId, Set<string>>()
  #kept = 0

  has(folder: RecordId): boolean {
    return this.#names.has(folder)
  }

  add(folder: RecordId): void {
    this.#names.set(folder, new Set())
    this.#kept++
  }

  /** Notes a name in a folder that it has; false when the name was noted before. */
  isFirst(folder: RecordId, key: string): boolean {
    const names = this.#names.get(folder)!
    if (names.has(key)) return false
    names.add(key)
    if (++this.#kept > NAMES_KEPT) this.#forgetOldest(folder)
    return true
  }

  /** `not` is what is being filled. */
  #forgetOldest(not: RecordId): void {
    for (const [folder, names] of this.#names) {
      if (folder === not) continue
      this.#names.delete(folder)
      this.#kept -= names.size + 1
      if (this.#kept <= NAMES_KEPT / 2) return
    }
  }
}

export class NewNodes {
  readonly #context: DriveContext
  /** Ids given to appeared folders, so that what is in them finds its parent. */
  readonly #ids = new WeakMap<Appeared, RecordId>()
  readonly #made = new MadeFolders()

  constructor(context: DriveContext) {
    this.#context = context
  }

  /** The record of a folder, which may have appeared in this scan. */
  idOf(parent: RecordId | Appeared): RecordId {
    return typeof parent === 'string' ? parent : this.#ids.get(parent)!
  }

  /** Whether this scan surely made the folder's record, so that nobody else can have put anything into it. */
  isMade(folder: RecordId): boolean {
    return this.#made.has(folder)
  }

  addFolder(tx: StoreWriter, folder: Appeared): void {
    this.#ids.set(folder, this.#adopt(tx, folder) ?? this.#make(tx, folder))
  }

  addFile(tx: StoreWriter, { parent, name }: Appeared, ingested: Ingested): void {
    const { hash, refs, stat } = ingested
    const folder = this.idOf(parent)
    const content = contentOf(ingested, '', this.#context.deviceName)
    const body = this.#newBody(tx, 'file', folder, name, content, attributesOf(stat))
    this.#newRecord(tx, body, refs, (version) => fileRow(folder, name, hash, stat, version))
  }

  addLink(tx: StoreWriter, appeared: Appeared, target: string): void {
    const parent = this.idOf(appeared.parent)
    const { replica } = this.#context
    const view = replica.freshView(tx)
    const remote = adoptable(this.#context, tx, view, parent, appeared.name, 'link')
    const content: Content = { type: 'link', target, base: '', by: this.#context.deviceName }
    const same = remote && samenessOf(replica.effective(tx, remote)!.body.content) === samenessOf(content)
    const id = same ? remote : randomId('record', this.#context.random)
    if (!same) {
      const attributes = attributesOf(appeared.stat)
      replica.putPending(tx, id, this.#newBody(tx, 'link', parent, appeared.name, content, attributes))
    }
    const version = replica.effective(tx, id)!.key
    replica.putDisk(tx, id, {
      ...fileRow(parent, appeared.name, samenessOf(content), appeared.stat, version),
      kind: 'link',
    })
    replica.touch(tx, id)
  }

  /** A remote folder at the same path that this disk has not got yet (R4). */
  #adopt(tx: StoreWriter, folder: Appeared): RecordId | null {
    // In a folder that is new itself there is nothing to adopt.
    if (this.#made.has(this.idOf(folder.parent))) return null
    const view = this.#context.replica.freshView(tx)
    const id = adoptable(this.#context, tx, view, this.idOf(folder.parent), folder.name, 'folder')
    if (!id) return null
    const { body, key } = this.#context.replica.effective(tx, id)!
    const parent = this.idOf(folder.parent)
    this.#context.replica.putDisk(tx, id, folderRow(parent, folder.name, body.attributes, folder.stat, key))
    tables.undated.put(tx, id, '')
    return id
  }

  #make(tx: StoreWriter, appeared: Appeared): RecordId {
    const { name, stat } = appeared
    const parent = this.idOf(appeared.parent)
    const attributes = { mtime: stat.mtime, executable: false }
    const body = this.#newBody(tx, 'folder', parent, name, null, attributes)
    const id = this.#newRecord(tx, body, NO_REFS, (version) =>
      folderRow(parent, name, attributes, stat, version),
    )
    this.#made.add(id)
    return id
  }

  /** A record of what appeared here. */
  #newRecord(tx: StoreWriter, body: RecordBody, refs: Refs, rowOf: (version: string) => DiskRow): RecordId {
    const { replica, random } = this.#context
    const id = randomId('record', random)
    if (this.#isAlone(body.place)) replica.putAlone(tx, id, body, refs, rowOf)
    else {
      replica.putPending(tx, id, body, { refs })
      replica.putDisk(tx, id, rowOf(replica.effective(tx, id)!.key))
    }
    return id
  }

  /** Whether this place concerns no other: in a folder made by this scan, first of its name, and no conflict's name. */
  #isAlone({ parent, name }: Place): boolean {
    if (!this.#made.has(parent)) return false
    const key = this.#context.replica.nameKey(name)
    return this.#made.isFirst(parent, key) && originalOfConflictName(key) === null
  }

  #newBody(
    tx: StoreWriter,
    kind: 'file' | 'folder' | 'link',
    parent: RecordId,
    name: string,
    content: Content | null,
    attributes: Attributes,
  ): RecordBody {
    const place = {
      parent,
      name,
      former: null,
      stamp: this.#context.replica.nextStamp(tx),
      ...labelNow(this.#context),
    }
    return { kind, deleted: false, place, content, attributes, conflictOf: null }
  }
}

/** The remote node that shows under this name and is not on this disk yet. */
export function adoptable(
  context: DriveContext,
  from: StoreReader,
  view: View,
  parent: RecordId,
  name: string,
  kind: 'file' | 'folder' | 'link',
): RecordId | null {
  if (parent !== ROOT && !context.replica.effective(from, parent)) return null
  const id = view.lookup(parent, name)
  if (!id || tables.disk.get(from, id) || context.replica.effective(from, id)?.body.kind !== kind) return null
  return id
}
