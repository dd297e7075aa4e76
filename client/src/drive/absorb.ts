/**
 * Taking up what a scan found: every change on this disk becomes a pending version of a record, its content on
 * the server first. Folders come before what is in them, deletions last.
 */
import type { RecordId } from '@pileus/core/ids/ids'
import { Problem } from '@pileus/core/protocol/problem'
import type { Content } from '@pileus/core/records/record'
import { NO_REFS } from '@pileus/core/records/refs'
import type { View } from '@pileus/core/tree/view'
import type { Appeared, Changed, PathProblem, Scan } from '../folder/scan.ts'
import { samenessOf } from '../replica/forest.ts'
import { tables } from '../replica/tables.ts'
import type { StoreWriter } from '../store/store.ts'
import type { Ingested } from '../transfer/ingest.ts'
import type { DriveContext, SyncOptions } from './context.ts'
import { GoneRows } from './gone-rows.ts'
import { KnownNodes } from './known-nodes.ts'
import { ownContent } from './local-edit.ts'
import { adoptable, NewNodes } from './new-nodes.ts'
import { type FileToTakeUp, Reading } from './reading.ts'
import { ingestWhatFits, isNoRoom } from './room.ts'
import { attributesOf, contentOf, fileRow } from './rows.ts'
import { type TextMerge, wantsTextMerge } from './settle.ts'
import { mergeTexts } from './text-merge.ts'

export interface Absorbed {
  readonly problems: readonly PathProblem[]
  /** Deletions that wait for the person. */
  readonly held: number
  readonly bytesSent: number
  readonly contentSent: number
  /** Rows that a scan of a part did not find: only a scan of everything tells whether they are gone. */
  readonly unconfirmed: number
  /** The server has no room for the contents that were not taken up; all the rest was. To be thrown once it is pushed. */
  readonly noRoom: Problem | null
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
  using reading = new Reading(context, options)
  return await new Absorption(context, scan, options, reading, committed).run()
}

/** So many files are made pending together at first; then as many again as there are. */
const FIRST_COMMIT_FILES = 250

/** A change of content that waits for its chunks to be stored. */
type Change = (tx: StoreWriter) => void

class Absorption {
  readonly #context: DriveContext
  readonly #portions: Iterable<Scan | null>
  /** The portion that is being taken up. */
  #scan: Scan = NOTHING
  readonly #options: SyncOptions
  readonly #nodes: NewNodes
  readonly #known: KnownNodes
  readonly #committed: () => void
  readonly #reading: Reading
  #viewed: { readonly view: View; readonly at: number } | null = null
  #held = 0
  #stored: Change[] = []
  #committedFiles = 0
  #noRoom: Problem | null = null
  /** Sizes of files that were not read for want of room, and not held against what is gone. */
  readonly #unread = new Set<number>()
  /** Sizes of those that were held against what is gone of this portion, and will not be against what the next tells of. */
  #tooLarge: readonly number[] = []

  constructor(
    context: DriveContext,
    portions: Iterable<Scan | null>,
    options: SyncOptions,
    reading: Reading,
    committed: () => void,
  ) {
    this.#context = context
    this.#portions = portions
    this.#nodes = new NewNodes(context)
    this.#known = new KnownNodes(context, this.#nodes)
    this.#options = options
    this.#committed = committed
    this.#reading = reading
  }

  async run(): Promise<Absorbed> {
    let gone: GoneRows | null = null
    for (const portion of this.#portions) {
      this.#options.signal?.throwIfAborted()
      if (portion) gone = await this.#takeUp(portion)
      else await this.#context.breathe()
    }
    // What was not read may be what is gone, moved: then that is no deletion, and the rest has to wait for it.
    if (gone?.hasAnyOf(this.#unread)) throw this.#noRoom ?? noRoomForMoved()
    if (gone && !this.#scan.partial)
      this.#held = this.#known.goneForGood(gone.ids, this.#options.heldDeletions)
    const { problems, uploader } = this.#reading
    const unconfirmed = gone && this.#scan.partial ? gone.size : 0
    const { bytesSent, contentSent } = uploader.counts
    return { problems, held: this.#held, bytesSent, contentSent, unconfirmed, noRoom: this.#noRoom }
  }

  /** Returns what is gone of the portion, without what was found again by its content. */
  async #takeUp(portion: Scan): Promise<GoneRows> {
    this.#scan = portion
    for (const size of this.#tooLarge) this.#unread.add(size)
    const bytes = this.#reading.expect(portion)
    this.#folders()
    const gone = new GoneRows(this.#context.replica.store, portion.gone)
    await this.#contents(gone, bytes)
    this.#commitStored()
    this.#tell()
    return gone
  }

  /**
   * Files and links, their contents first. What the account has no room for is a problem of its own; where it is the server
   * that has none, whatever follows waits.
   */
  async #contents(gone: GoneRows, bytes: number): Promise<void> {
    try {
      const tooLarge = await ingestWhatFits(this.#context, this.#reading, this.#toTakeUp(gone), bytes)
      this.#tooLarge = tooLarge.map(({ file }) => file.size)
      for (const { file, needed } of tooLarge)
        this.#reading.problems.push({ path: file.path, problem: doesNotFit(needed), noRoom: true })
    } catch (error) {
      if (!isNoRoom(error)) throw error
      this.#noRoom ??= error
      for (const { stat } of this.#scan.appeared) this.#unread.add(stat.size)
    }
  }

  /** Deletions are taken up last: what comes in the place of what may be gone must not be told before them. */
  #tell(): void {
    if (!this.#scan.missing) this.#committed()
  }

  /**
   * What must be read and sent, found out file by file as it is asked for; what needs neither is taken up on the
   * way. So files may be looked at while earlier ones are still on their way.
   */
  *#toTakeUp(gone: GoneRows): Generator<FileToTakeUp> {
    for (const appeared of this.#scan.appeared) {
      const file = appeared.stat.type === 'folder' ? null : this.#appeared(appeared, gone)
      if (file) yield file
    }
    for (const changed of this.#scan.changed) {
      const file = this.#changed(changed)
      if (file) yield file
    }
  }

  /** Folders and renames first: they need no upload, and everything else hangs in them. */
  #folders(): void {
    const { replica } = this.#context
    const folders = this.#scan.appeared.filter((a) => a.stat.type === 'folder')
    if (folders.length + this.#scan.moved.length === 0) return
    replica.transaction('lazy', (tx) => {
      for (const folder of folders) this.#nodes.addFolder(tx, folder)
      for (const moved of this.#scan.moved) this.#known.moved(tx, moved)
    })
  }

  #appeared(appeared: Appeared, gone: GoneRows): FileToTakeUp | null {
    const { replica } = this.#context
    const parent = this.#nodes.idOf(appeared.parent)
    if (appeared.stat.type === 'link') {
      const target = this.#reading.linkTarget(appeared.path)
      if (target !== null) replica.transaction('lazy', (tx) => this.#nodes.addLink(tx, appeared, target))
      return null
    }
    if (this.#recognise(appeared, parent, gone)) return null
    const takeUp = (ingested: Ingested) => {
      this.#whenStored((tx) => this.#nodes.addFile(tx, appeared, ingested))
    }
    return { path: appeared.path, size: appeared.stat.size, takeUp }
  }

  /** A file whose content is known: the remote file at this path (R4), or one that went away here: a move. */
  #recognise(appeared: Appeared, parent: RecordId, gone: GoneRows): boolean {
    const { replica } = this.#context
    const remote = this.#nodes.isMade(parent)
      ? null
      : adoptable(this.#context, replica.store, this.#view(), parent, appeared.name, 'file')
    const remoteBody = remote && replica.effective(replica.store, remote)!.body
    const maybeRemote =
      remoteBody?.content?.type === 'chunks' && remoteBody.content.size === appeared.stat.size
    const candidates = gone.ofSize(appeared.stat.size)
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
      this.#known.moved(tx, { ...appeared, id: moved, stat: found.stat })
      this.#known.edited(tx, moved, attributesOf(found.stat), null)
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

  #changed({ id, path, stat }: Changed): FileToTakeUp | null {
    const { replica } = this.#context
    const row = tables.disk.get(replica.store, id)!
    if (stat.type === 'folder') {
      replica.transaction('lazy', (tx) =>
        replica.putDisk(tx, id, { ...row, identity: stat.identity, signature: stat.signature }),
      )
      return null
    }
    if (stat.type === 'link') {
      const target = this.#reading.linkTarget(path)
      if (target === null) return null
      const content: Content = {
        type: 'link',
        target,
        base: this.#shownKey(id),
        by: this.#context.deviceName,
      }
      replica.transaction('lazy', (tx) => {
        this.#known.edited(tx, id, attributesOf(stat), { content, refs: NO_REFS })
        this.#known.seen(tx, id, stat, samenessOf(content))
      })
      return null
    }
    if (stat.size === row.size && row.signature !== '') {
      const found = this.#reading.hash(path)
      if (!found) return null
      if (found.hash === row.sameness) {
        replica.transaction('lazy', (tx) => {
          this.#known.edited(tx, id, attributesOf(found.stat), null)
          this.#known.seen(tx, id, found.stat, found.hash)
        })
        return null
      }
    }
    const own = ownContent(replica, id)
    const takeUp = (ingested: Ingested) => this.#takeUpChange(id, ingested)
    return { path, size: stat.size, takeUp, ...(own && { known: this.#reading.known(own) }) }
  }

  async #takeUpChange(id: RecordId, ingested: Ingested): Promise<void> {
    const content = contentOf(ingested, this.#shownKey(id), this.#context.deviceName)
    const text = await this.#textMerge(id, content)
    this.#whenStored((tx) => {
      this.#known.edited(tx, id, attributesOf(ingested.stat), { content, refs: ingested.refs }, text)
      this.#known.seen(tx, id, ingested.stat, ingested.hash)
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

  /** Runs the change in a transaction once all chunks handed to the uploader so far are durable. */
  #whenStored(change: Change): void {
    this.#reading.uploader.whenStored(() => {
      this.#stored.push(change)
      // Little at first, so that other devices begin soon.
      if (
        this.#stored.length < Math.min(this.#context.commitFiles, FIRST_COMMIT_FILES + this.#committedFiles)
      )
        return
      this.#commitStored()
      this.#tell()
    })
  }

  #commitStored(): void {
    const changes = this.#stored
    this.#stored = []
    this.#committedFiles += changes.length
    if (changes.length > 0) {
      this.#context.replica.transaction('lazy', (tx) => {
        for (const change of changes) change(tx)
      })
    }
  }
}

function doesNotFit(needed: number): string {
  const bytes = needed.toLocaleString('en-US')
  return `the account has no room left for its ${bytes} bytes; take it out of the folder, or ask whoever runs the server for more room`
}

function noRoomForMoved(): Problem {
  return new Problem(
    'quota-exceeded',
    'the account has no room left for what may have been moved; take out of the folder what does not fit, or ask ' +
      'whoever runs the server for more room',
  )
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
