/**
 * Taking up what a scan found: every change on this disk becomes a pending version of a record, its content on
 * the server first. Folders come before what is in them, deletions last.
 */
import { type RecordId, ROOT, randomId } from '@pileus/core/ids/ids'
import type { Attributes, Content, RecordBody } from '@pileus/core/records/record'
import { NO_REFS, type Refs } from '@pileus/core/records/refs'
import type { View } from '@pileus/core/tree/view'
import { FileError, type Stat } from '../files/files.ts'
import type { Appeared, Changed, Moved, PathProblem, Scan } from '../folder/scan.ts'
import { samenessOf } from '../replica/forest.ts'
import { decodeSealed } from '../replica/replica.ts'
import { type DiskRow, tables } from '../replica/tables.ts'
import type { StoreReader, StoreWriter } from '../store/store.ts'
import { hashFile, type Ingested, ingestFile } from '../transfer/ingest.ts'
import { Uploader } from '../transfer/uploader.ts'
import { type DriveContext, labelNow, type SyncOptions } from './context.ts'
import { guardDeletions } from './guard.ts'
import { settle } from './settle.ts'

export interface Absorbed {
  readonly problems: readonly PathProblem[]
  /** Deletions that wait for the person. */
  readonly held: number
  readonly bytesSent: number
}

const NO_ATTRIBUTES: Attributes = { mtime: 0, executable: false }

/** Makes the disk's changes pending. Rejects when uploads fail; what was taken up until then stays. */
export async function absorb(context: DriveContext, scan: Scan, options: SyncOptions): Promise<Absorbed> {
  const work = new Absorption(context, scan, options)
  await work.run()
  return { problems: work.problems, held: work.held, bytesSent: work.uploader.counts.bytesSent }
}

/** A change of content that waits for its chunks to be stored. */
type Change = (tx: StoreWriter) => void

class Absorption {
  readonly problems: PathProblem[]
  readonly uploader: Uploader
  held = 0
  readonly #context: DriveContext
  readonly #scan: Scan
  readonly #options: SyncOptions
  /** Ids given to appeared folders, so that what is in them finds its parent. */
  readonly #ids = new Map<Appeared, RecordId>()
  /** Folders that this scan made records of. */
  readonly #made = new Set<RecordId>()
  #before: View | null = null
  #stored: Change[] = []
  #files = 0
  #bytes = 0

  constructor(context: DriveContext, scan: Scan, options: SyncOptions) {
    this.#context = context
    this.#scan = scan
    this.#options = options
    this.problems = [...scan.problems]
    this.uploader = new Uploader(context.remote, context.zone.zone, context.crypto, () => this.#report())
  }

  async run(): Promise<void> {
    this.#folders()
    const gone = new Set(this.#scan.gone)
    for (const appeared of this.#scan.appeared) {
      if (appeared.stat.type !== 'folder') await this.#appeared(appeared, gone)
    }
    for (const changed of this.#scan.changed) await this.#changed(changed)
    await this.uploader.finish()
    this.#commitStored()
    this.#goneForGood([...gone])
  }

  #report(): void {
    this.#options.progress?.({ phase: 'uploading', files: this.#files, bytes: this.#bytes })
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
    return id
  }

  #newFolder(tx: StoreWriter, appeared: Appeared): RecordId {
    const { parent, name, stat } = appeared
    const { replica } = this.#context
    const id = randomId('record', this.#context.random)
    const attributes = { mtime: stat.mtime, executable: false }
    replica.putPending(tx, id, this.#newBody(tx, 'folder', this.#parentId(parent), name, null, attributes))
    replica.putDisk(
      tx,
      id,
      folderRow(this.#parentId(parent), name, attributes, stat, replica.effective(tx, id)!.key),
    )
    return id
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
      const target = this.#readLink(appeared.path)
      if (target !== null) replica.transaction('lazy', (tx) => this.#newLink(tx, appeared, parent, target))
      return
    }
    if (this.#recognise(appeared, parent, gone)) return
    const ingested = await this.#ingest(appeared.path)
    if (!ingested) return
    this.#whenStored((tx) => {
      const id = randomId('record', this.#context.random)
      const attributes = attributesOf(ingested.stat)
      const body = this.#newBody(tx, 'file', parent, appeared.name, contentOf(ingested, ''), attributes)
      replica.putPending(tx, id, body, { refs: ingested.refs })
      const version = replica.effective(tx, id)!.key
      replica.putDisk(tx, id, fileRow(parent, appeared.name, ingested.hash, ingested.stat, version))
    })
  }

  /** A file whose content is known: the remote file at this path (R4), or one that went away here: a move. */
  #recognise(appeared: Appeared, parent: RecordId, gone: Set<RecordId>): boolean {
    const { crypto, files, replica } = this.#context
    const remote = this.#made.has(parent)
      ? null
      : adoptable(this.#context, replica.store, this.#view(), parent, appeared.name, 'file')
    const remoteBody = remote && replica.effective(replica.store, remote)!.body
    const maybeRemote =
      remoteBody?.content?.type === 'chunks' && remoteBody.content.size === appeared.stat.size
    const candidates = this.#goneOfSize(gone, appeared.stat.size)
    if (!maybeRemote && candidates.length === 0) return false
    const found = this.#guarded(appeared.path, () => hashFile(crypto, files.folder, appeared.path))
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

  /** The tree as it was when files were first looked at: what this scan itself adds is not to be adopted. */
  #view(): View {
    this.#before ??= this.#context.replica.view(this.#context.replica.store)
    return this.#before
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
    const content: Content = { type: 'link', target, base: '' }
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
      const target = this.#readLink(path)
      if (target === null) return
      const content: Content = { type: 'link', target, base: this.#shownKey(id) }
      replica.transaction('lazy', (tx) => {
        this.#edited(tx, id, attributesOf(stat), { content, refs: NO_REFS })
        this.#seen(tx, id, stat, samenessOf(content))
      })
      return
    }
    if (stat.size === row.size && row.signature !== '') {
      const found = this.#guarded(path, () =>
        hashFile(this.#context.crypto, this.#context.files.folder, path),
      )
      if (!found) return
      if (found.hash === row.sameness) {
        replica.transaction('lazy', (tx) => {
          this.#edited(tx, id, attributesOf(found.stat), null)
          this.#seen(tx, id, found.stat, found.hash)
        })
        return
      }
    }
    const ingested = await this.#ingest(path)
    if (!ingested) return
    this.#whenStored((tx) => {
      const content = contentOf(ingested, this.#shownKey(id))
      this.#edited(tx, id, attributesOf(ingested.stat), { content, refs: ingested.refs })
      this.#seen(tx, id, ingested.stat, ingested.hash)
    })
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
    const deletions = gone.filter((id) => replica.view(replica.store).locate(id).status === 'shown')
    const verdict = guardDeletions(replica, deletions, this.#options.heldDeletions ?? 'hold')
    this.held = verdict === 'hold' ? deletions.length : 0
    replica.transaction('durable', (tx) => {
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

  async #ingest(path: string): Promise<Ingested | null> {
    const { crypto, files, chunker, zone } = this.#context
    const keys = zone.keysOf(zone.epoch)!
    const { signal } = this.#options
    const context = {
      crypto,
      chunker,
      chunkSecret: keys.chunkSecret.bytes(),
      uploader: this.uploader,
      signal,
      progress: (bytes: number) => {
        this.#bytes += bytes
        this.#report()
      },
    }
    try {
      const ingested = await ingestFile(context, files.folder, path)
      if (!ingested)
        this.#problem(path, 'it kept changing while it was read; it will be synced when it is quiet')
      this.#files++
      return ingested
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      if (error.code !== 'not-found') this.#problem(path, error.message)
      return null
    }
  }

  #guarded<T>(path: string, read: () => T | null): T | null {
    try {
      const result = read()
      if (result === null)
        this.#problem(path, 'it kept changing while it was read; it will be synced when it is quiet')
      return result
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      if (error.code !== 'not-found') this.#problem(path, error.message)
      return null
    }
  }

  #readLink(path: string): string | null {
    return this.#guarded(path, () => this.#context.files.folder.readLink(path))
  }

  #problem(path: string, problem: string): void {
    this.problems.push({ path, problem })
  }

  /** Runs the change in a transaction once all chunks handed to the uploader so far are durable. */
  #whenStored(change: Change): void {
    this.uploader.whenStored(() => {
      this.#stored.push(change)
      if (this.#stored.length >= 500) this.#commitStored()
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

/**
 * A change the person made to what the disk shows of a record. Where the record has moved on meanwhile, the two
 * are settled; the disk row keeps what it shows as its base until the result is on the disk.
 */
export function localEdit(
  context: DriveContext,
  tx: StoreWriter,
  id: RecordId,
  edit: (body: RecordBody) => RecordBody,
  refs?: Refs,
): void {
  const { replica } = context
  const effective = replica.effective(tx, id)
  if (!effective) return
  const row = tables.disk.get(tx, id)
  if (!row || row.version === effective.key) {
    replica.putPending(tx, id, edit(effective.body), { ...(refs && { refs }) })
    const now = replica.effective(tx, id)!.key
    if (row && now !== effective.key) replica.putDisk(tx, id, { ...row, version: now })
    return
  }
  const base = tables.base.get(tx, id) ?? null
  const ours = edit(base ?? effective.body)
  const sealed = tables.outboxSealed.get(tx, id) ?? tables.sealed.get(tx, id)!
  const theirs = { body: effective.body, refs: decodeSealed(sealed).refs }
  settle(
    context,
    tx,
    id,
    { base, ours: { body: ours, refs: refs ?? refsOf(ours, theirs.refs) }, theirs },
    null,
  )
  // The row keeps the version it was made from, which never counts again: what it shows is its base.
  tables.base.put(tx, id, ours)
  replica.touch(tx, id)
}

/** The chunks of a body whose list is short are its entries; a longer list is that of the other side. */
function refsOf(body: RecordBody, other: Refs): Refs {
  if (body.content?.type !== 'chunks') return NO_REFS
  if (body.content.list.depth > 0) return other
  return { depth: 0, ids: [...new Set(body.content.list.entries.map((entry) => entry.id))] }
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

function contentOf(ingested: Ingested, base: string): Content {
  const { hash, size, list } = ingested
  return { type: 'chunks', hash, size, list, base }
}

function attributesOf(stat: Stat): Attributes {
  return { ...NO_ATTRIBUTES, mtime: stat.mtime, executable: stat.type === 'file' && stat.executable }
}

export function folderRow(
  parent: RecordId,
  name: string,
  attributes: Attributes,
  stat: Stat,
  version: string,
): DiskRow {
  const { identity, signature } = stat
  return { kind: 'folder', parent, name, sameness: '', attributes, size: 0, identity, signature, version }
}

export function fileRow(
  parent: RecordId,
  name: string,
  sameness: string,
  stat: Stat,
  version: string,
): DiskRow {
  const { size, identity, signature } = stat
  return {
    kind: 'file',
    parent,
    name,
    sameness,
    attributes: attributesOf(stat),
    size,
    identity,
    signature,
    version,
  }
}
