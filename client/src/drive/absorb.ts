/**
 * Taking up what a scan found: every change on this disk becomes a pending version of a record, its content on
 * the server first. Folders come before what is in them, deletions last.
 */
import { type RecordId, ROOT, randomId } from '@pileus/core/ids/ids'
import type { Attributes, Content, Place, RecordBody } from '@pileus/core/records/record'
import { NO_REFS, type Refs } from '@pileus/core/records/refs'
import { originalOfConflictName } from '@pileus/core/tree/names'
import type { View } from '@pileus/core/tree/view'
import type { Stat } from '../files/files.ts'
import { checkMarker } from '../folder/marker.ts'
import type { Appeared, Changed, Moved, PathProblem, Scan } from '../folder/scan.ts'
import { samenessOf } from '../replica/forest.ts'
import { type DiskRow, putMeta, tables } from '../replica/tables.ts'
import type { StoreReader, StoreWriter } from '../store/store.ts'
import { type DriveContext, labelNow, type SyncOptions } from './context.ts'
import { guardDeletions, neededAgain } from './guard.ts'
import { localEdit } from './local-edit.ts'
import { Reading } from './reading.ts'
import { attributesOf, contentOf, fileRow, folderRow } from './rows.ts'
import { type TextMerge, wantsTextMerge } from './settle.ts'
import { mergeTexts } from './text-merge.ts'

export interface Absorbed {
  readonly problems: readonly PathProblem[]
  /** Deletions that wait for the person. */
  readonly held: number
  readonly bytesSent: number
  /** Rows that a scan of a part did not find: only a scan of everything tells whether they are gone. */
  readonly unconfirmed: number
}

/**
 * Makes the disk's changes pending as the scan hands them over, and calls `committed` when some are that may be told
 * while there is more to do. Rejects when uploads fail; what was taken up until then stays.
 */
export async function absorb(
  context: DriveContext,
  scan: Iterable<Scan | null>,
  options: SyncOptions,
  committed: () => void,
): Promise<Absorbed> {
  const work = new Absorption(context, scan, options, committed)
  return work.run()
}

/** A change of content that waits for its chunks to be stored. */
type Change = (tx: StoreWriter) => void

class Absorption {
  readonly #context: DriveContext
  readonly #portions: Iterable<Scan | null>
  /** The portion that is being taken up. */
  #scan: Scan = NOTHING
  readonly #options: SyncOptions
  readonly #committed: () => void
  readonly #reading: Reading
  /** Ids given to appeared folders, so that what is in them finds its parent. */
  readonly #ids = new Map<Appeared, RecordId>()
  /** Folders that this scan made records of, and the keys of the names in them so far. */
  readonly #made = new Map<RecordId, Set<string>>()
  #viewed: { readonly view: View; readonly at: number } | null = null
  #held = 0
  #stored: Change[] = []

  constructor(
    context: DriveContext,
    portions: Iterable<Scan | null>,
    options: SyncOptions,
    committed: () => void,
  ) {
    this.#context = context
    this.#portions = portions
    this.#options = options
    this.#committed = committed
    this.#reading = new Reading(context, options)
  }

  async run(): Promise<Absorbed> {
    let gone = new Set<RecordId>()
    for (const portion of this.#portions) {
      this.#options.signal?.throwIfAborted()
      if (portion) gone = await this.#takeUp(portion)
      else await this.#context.breathe()
    }
    // The folder may have been unmounted since the scan began.
    if (gone.size > 0) checkMarker(this.#context.files, this.#context.zone.zone)
    if (!this.#scan.partial) this.#goneForGood([...gone])
    const { problems, uploader } = this.#reading
    const unconfirmed = this.#scan.partial ? gone.size : 0
    return { problems, held: this.#held, bytesSent: uploader.counts.bytesSent, unconfirmed }
  }

  /** Returns what is gone of the portion, without what was found again by its content. */
  async #takeUp(portion: Scan): Promise<Set<RecordId>> {
    this.#scan = portion
    this.#reading.expect(portion)
    this.#folders()
    const gone = new Set(portion.gone)
    for (const appeared of this.#scan.appeared) {
      if (appeared.stat.type !== 'folder') await this.#appeared(appeared, gone)
    }
    for (const changed of this.#scan.changed) await this.#changed(changed)
    await this.#reading.uploader.finish()
    this.#commitStored()
    this.#tell()
    return gone
  }

  /** Deletions are taken up last: what comes in the place of what may be gone must not be told before them. */
  #tell(): void {
    if (!this.#scan.missing) this.#committed()
  }

  /** Folders and renames first: they need no upload, and everything else hangs in them. */
  #folders(): void {
    const { replica } = this.#context
    const folders = this.#scan.appeared.filter((a) => a.stat.type === 'folder')
    if (folders.length + this.#scan.moved.length === 0) return
    replica.transaction('lazy', (tx) => {
      for (const folder of folders)
        this.#ids.set(folder, this.#adoptFolder(tx, folder) ?? this.#newFolder(tx, folder))
      for (const moved of this.#scan.moved) this.#moved(tx, moved)
    })
  }

  #parentId(parent: RecordId | Appeared): RecordId {
    return typeof parent === 'string' ? parent : this.#ids.get(parent)!
  }

  /** A remote folder at the same path that this disk has not got yet (R4). */
  #adoptFolder(tx: StoreWriter, folder: Appeared): RecordId | null {
    // In a folder that is new itself there is nothing to adopt.
    if (this.#made.has(this.#parentId(folder.parent))) return null
    const view = this.#context.replica.freshView(tx)
    const id = adoptable(this.#context, tx, view, this.#parentId(folder.parent), folder.name, 'folder')
    if (!id) return null
    const { body, key } = this.#context.replica.effective(tx, id)!
    const parent = this.#parentId(folder.parent)
    this.#context.replica.putDisk(tx, id, folderRow(parent, folder.name, body.attributes, folder.stat, key))
    tables.undated.put(tx, id, '')
    return id
  }

  #newFolder(tx: StoreWriter, appeared: Appeared): RecordId {
    const { name, stat } = appeared
    const parent = this.#parentId(appeared.parent)
    const attributes = { mtime: stat.mtime, executable: false }
    const body = this.#newBody(tx, 'folder', parent, name, null, attributes)
    const id = this.#newRecord(tx, body, NO_REFS, (version) =>
      folderRow(parent, name, attributes, stat, version),
    )
    this.#made.set(id, new Set())
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
    const keys = this.#made.get(parent)
    if (!keys) return false
    const key = this.#context.replica.nameKey(name)
    const first = !keys.has(key)
    keys.add(key)
    return first && originalOfConflictName(key) === null
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

  /** A rename or move, of this node and of every record that is one thing with it (R4). */
  #moved(tx: StoreWriter, { id, parent, name, stat }: Moved): void {
    const { replica } = this.#context
    const to = this.#parentId(parent)
    const view = replica.freshView(tx)
    const located = view.locate(id)
    // Already where the records want it: the rename was this program's, and the crash came before the row.
    const asWanted = located.status === 'shown' && located.parent === to && located.name === name
    if (!asWanted) for (const alias of this.#oneWith(tx, view, id)) this.#place(tx, alias, to, name)
    const row = tables.disk.get(tx, id)!
    // A file's signature waits for its content to be looked at.
    const signature = row.kind === 'folder' ? stat.signature : row.signature
    replica.putDisk(tx, id, { ...row, parent: to, name, identity: stat.identity, signature })
    replica.touch(tx, id)
  }

  /**
   * The records that this one thing on the disk stands for (R4). A namesake with a row of its own came to the name
   * in this very scan: it is another thing.
   */
  #oneWith(tx: StoreWriter, view: View, id: RecordId): RecordId[] {
    return view.aliases(id).filter((alias) => alias === id || !tables.disk.get(tx, alias))
  }

  #place(tx: StoreWriter, id: RecordId, parent: RecordId, name: string): void {
    localEdit(this.#context, tx, id, (body) => ({
      ...body,
      conflictOf: null,
      place: {
        parent,
        name,
        former: parent === body.place.parent ? body.place.former : body.place.parent,
        stamp: this.#context.replica.nextStamp(tx),
        ...labelNow(this.#context),
      },
    }))
  }

  async #appeared(appeared: Appeared, gone: Set<RecordId>): Promise<void> {
    const { replica } = this.#context
    const parent = this.#parentId(appeared.parent)
    if (appeared.stat.type === 'link') {
      const target = this.#reading.linkTarget(appeared.path)
      if (target !== null) replica.transaction('lazy', (tx) => this.#newLink(tx, appeared, parent, target))
      return
    }
    if (this.#recognise(appeared, parent, gone)) return
    const ingested = await this.#reading.ingest(appeared.path)
    if (!ingested) return
    const { hash, refs, stat } = ingested
    const content = contentOf(ingested, '', this.#context.deviceName)
    this.#whenStored((tx) => {
      const body = this.#newBody(tx, 'file', parent, appeared.name, content, attributesOf(stat))
      this.#newRecord(tx, body, refs, (version) => fileRow(parent, appeared.name, hash, stat, version))
    })
  }

  /** A file whose content is known: the remote file at this path (R4), or one that went away here: a move. */
  #recognise(appeared: Appeared, parent: RecordId, gone: Set<RecordId>): boolean {
    const { replica } = this.#context
    const remote = this.#made.has(parent)
      ? null
      : adoptable(this.#context, replica.store, this.#view(), parent, appeared.name, 'file')
    const remoteBody = remote && replica.effective(replica.store, remote)!.body
    const maybeRemote =
      remoteBody?.content?.type === 'chunks' && remoteBody.content.size === appeared.stat.size
    const candidates = this.#goneOfSize(gone, appeared.stat.size)
    if (!maybeRemote && candidates.length === 0) return false
    const found = this.#reading.hash(appeared.path)
    if (!found) return false
    if (remote && maybeRemote && samenessOf(remoteBody.content) === found.hash) {
      replica.transaction('lazy', (tx) => {
        const version = replica.effective(tx, remote)!.key
        replica.putDisk(tx, remote, fileRow(parent, appeared.name, found.hash, found.stat, version))
        replica.touch(tx, remote)
      })
      return true
    }
    const moved = candidates.find((id) => tables.disk.get(replica.store, id)!.sameness === found.hash)
    if (!moved) return false
    gone.delete(moved)
    replica.transaction('lazy', (tx) => {
      this.#moved(tx, { ...appeared, id: moved, stat: found.stat })
      this.#edited(tx, moved, attributesOf(found.stat), null)
      const row = tables.disk.get(tx, moved)!
      replica.putDisk(tx, moved, { ...fileRow(row.parent, row.name, found.hash, found.stat, row.version) })
    })
    return true
  }

  #view(): View {
    const { replica } = this.#context
    if (this.#viewed?.at !== replica.transactions) {
      this.#viewed = { view: replica.view(replica.store), at: replica.transactions }
    }
    return this.#viewed.view
  }

  #goneOfSize(gone: ReadonlySet<RecordId>, size: number): RecordId[] {
    if (size === 0) return []
    const found: RecordId[] = []
    for (const id of gone) {
      const row = tables.disk.get(this.#context.replica.store, id)!
      if (row.kind === 'file' && row.size === size) found.push(id)
    }
    return found
  }

  #newLink(tx: StoreWriter, appeared: Appeared, parent: RecordId, target: string): void {
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

  async #changed({ id, path, stat }: Changed): Promise<void> {
    const { replica } = this.#context
    const row = tables.disk.get(replica.store, id)!
    if (stat.type === 'folder') {
      replica.transaction('lazy', (tx) =>
        replica.putDisk(tx, id, { ...row, identity: stat.identity, signature: stat.signature }),
      )
      return
    }
    if (stat.type === 'link') {
      const target = this.#reading.linkTarget(path)
      if (target === null) return
      const content: Content = {
        type: 'link',
        target,
        base: this.#shownKey(id),
        by: this.#context.deviceName,
      }
      replica.transaction('lazy', (tx) => {
        this.#edited(tx, id, attributesOf(stat), { content, refs: NO_REFS })
        this.#seen(tx, id, stat, samenessOf(content))
      })
      return
    }
    if (stat.size === row.size && row.signature !== '') {
      const found = this.#reading.hash(path)
      if (!found) return
      if (found.hash === row.sameness) {
        replica.transaction('lazy', (tx) => {
          this.#edited(tx, id, attributesOf(found.stat), null)
          this.#seen(tx, id, found.stat, found.hash)
        })
        return
      }
    }
    const ingested = await this.#reading.ingest(path)
    if (!ingested) return
    const content = contentOf(ingested, this.#shownKey(id), this.#context.deviceName)
    const text = await this.#textMerge(id, content)
    this.#whenStored((tx) => {
      this.#edited(tx, id, attributesOf(ingested.stat), { content, refs: ingested.refs }, text)
      this.#seen(tx, id, ingested.stat, ingested.hash)
    })
  }

  /** Where the record moved on since this disk showed it, and both contents are text: the two merged (R8). */
  async #textMerge(id: RecordId, content: Content): Promise<TextMerge | null> {
    const { replica } = this.#context
    const row = tables.disk.get(replica.store, id)
    const effective = replica.effective(replica.store, id)
    const base = replica.shownBody(replica.store, id)
    if (!row || !effective || !base || row.version === effective.key) return null
    const clash = wantsTextMerge(base, { ...base, content }, effective.body)
    if (!clash) return null
    // The merge reads this side's chunks from the server too.
    await this.#reading.uploader.finish()
    return mergeTexts(this.#context, clash)
  }

  /** The vector of the version a local edit is made from, for its content's base (R8). */
  #shownKey(id: RecordId): string {
    return tables.disk.get(this.#context.replica.store, id)?.version ?? ''
  }

  /** Applies a local edit; where a file had aliases, they are let go: it is one file from now on (R4). */
  #edited(
    tx: StoreWriter,
    id: RecordId,
    attributes: Attributes,
    change: { content: Content; refs: Refs } | null,
    text: TextMerge | null = null,
  ): void {
    const row = tables.disk.get(tx, id)!
    const twins =
      change && samenessOf(change.content) !== row.sameness
        ? this.#oneWith(tx, this.#context.replica.freshView(tx), id)
        : []
    localEdit(
      this.#context,
      tx,
      id,
      (body) => {
        if (!change) return { ...body, attributes }
        const same = samenessOf(body.content) === samenessOf(change.content)
        // A conflict copy that a person edits is a file like any other.
        return same
          ? { ...body, attributes }
          : { ...body, content: change.content, attributes, conflictOf: null }
      },
      change?.refs,
      text,
    )
    for (const twin of twins) if (twin !== id) this.#delete(tx, twin)
  }

  /** The row now tells of the disk as it is. */
  #seen(tx: StoreWriter, id: RecordId, stat: Stat, sameness: string): void {
    const row = tables.disk.get(tx, id)!
    this.#context.replica.putDisk(tx, id, {
      ...row,
      sameness,
      attributes: attributesOf(stat),
      size: stat.size,
      identity: stat.identity,
      signature: stat.signature,
    })
  }

  #goneForGood(gone: readonly RecordId[]): void {
    const { replica } = this.#context
    const view = replica.view(replica.store)
    const shown = gone.filter((id) => view.locate(id).status === 'shown')
    const verdict = guardDeletions(replica, shown, this.#options.heldDeletions ?? 'hold')
    const needed = verdict === 'hold' ? neededAgain(replica, shown) : new Set()
    const deletions = shown.filter((id) => !needed.has(id))
    this.#held = verdict === 'hold' ? deletions.length : 0
    replica.transaction('durable', (tx) => {
      putMeta(tx, 'unconfirmed', undefined)
      for (const [id] of [...tables.held.entries(tx)]) tables.held.delete(tx, id)
      const deleted = new Set(deletions)
      for (const id of gone) {
        if (deleted.has(id) && verdict === 'hold') tables.held.put(tx, id, '')
        else {
          if (deleted.has(id) && verdict === 'delete')
            for (const alias of this.#oneWith(tx, replica.freshView(tx), id)) this.#delete(tx, alias)
          replica.putDisk(tx, id, null)
          replica.touch(tx, id)
        }
      }
    })
  }

  #delete(tx: StoreWriter, id: RecordId): void {
    localEdit(
      this.#context,
      tx,
      id,
      (body) => ({ ...body, deleted: true, content: null, conflictOf: null }),
      NO_REFS,
    )
  }

  /** Runs the change in a transaction once all chunks handed to the uploader so far are durable. */
  #whenStored(change: Change): void {
    this.#reading.uploader.whenStored(() => {
      this.#stored.push(change)
      if (this.#stored.length < this.#context.commitFiles) return
      this.#commitStored()
      this.#tell()
    })
  }

  #commitStored(): void {
    const changes = this.#stored
    this.#stored = []
    if (changes.length > 0) {
      this.#context.replica.transaction('lazy', (tx) => {
        for (const change of changes) change(tx)
      })
    }
  }
}

/** Before the first portion. */
const NOTHING: Scan = {
  appeared: [],
  moved: [],
  changed: [],
  gone: [],
  missing: false,
  partial: false,
  problems: [],
}

/** The remote node that shows under this name and is not on this disk yet. */
function adoptable(
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
