/**
 * One synced folder on one device. A sync observes (server, disk), makes what it saw records, pushes, plans from
 * the records and brings the disk to them; it ends when nothing is left to do, and may be cut anywhere.
 */
import { chunkerKey } from '@pileus/core/content/chunker'
import { type RecordId, ROOT } from '@pileus/core/ids/ids'
import type { View } from '@pileus/core/tree/view'
import { FileError, type Files, type Stat } from '../files/files.ts'
import { applyView } from '../folder/apply.ts'
import { checkMarker, writeMarker } from '../folder/marker.ts'
import { dropPartials, keepPartials, prepareWork, unpark } from '../folder/place.ts'
import { type PathProblem, type Scan, scanFolder } from '../folder/scan.ts'
import { noteStashed, stashedNow, tidyStash } from '../folder/stash.ts'
import { diskPath } from '../folder/tree-paths.ts'
import { Replica } from '../replica/replica.ts'
import { getMeta, putMeta, tables } from '../replica/tables.ts'
import type { Store } from '../store/store.ts'
import { inlineAssembler } from '../transfer/assembling/inline.ts'
import { inlineSealing } from '../transfer/sealing/inline.ts'
import { type DriveContext, type DriveZone, labelNow, type SyncOptions } from './context.ts'
import { type Done, nothingDone } from './done.ts'
import { type HintedReport, type Hints, syncHinted } from './hinted.ts'
import { forgetProblem, noteProblem, problemsIn } from './problems.ts'
import { pull } from './pull.ts'
import { send, takeUpBeforePull } from './send.ts'

/** What waits for the person. */
export interface Attention {
  /** Deletions that wait for an answer (R11). */
  readonly heldDeletions: number
  /** Paths that could not be synced when they were last looked at, and why. */
  readonly problems: readonly PathProblem[]
  /** Conflicts that wait for the person to choose. */
  readonly conflicts: readonly string[]
}

export interface SyncReport extends Attention, Readonly<Done> {}

export interface DriveStatus extends Attention {
  /** Files, folders and links on this disk that are synced. */
  readonly nodes: number
  /** Changes not yet on the server. */
  readonly pending: number
}

export interface ListedNode {
  readonly name: string
  readonly kind: 'file' | 'folder' | 'link'
  /** Bytes; null for folders. */
  readonly size: number | null
  /** Microseconds since 1970. */
  readonly mtime: number
  readonly executable: boolean
  /** Where a link points. */
  readonly target: string | null
}

/** A sync did not come to rest: the disk or the server kept changing. */
export class NotQuiet extends Error {
  constructor() {
    super(
      'files or the server kept changing during the sync, so it stopped before everything was equal; run it again',
    )
    this.name = 'NotQuiet'
  }
}

/** Rounds of observing and acting before a sync gives up on coming to rest. */
const MAX_ROUNDS = 12

/** Rounds in a row without any effect after which waiting for the disk has no point. */
const IDLE_ROUNDS = 2

interface Round {
  /** There is more to do. */
  readonly again: boolean
  /** Something on the disk is in the way. */
  readonly blocked: boolean
  readonly problems: readonly PathProblem[]
  readonly held: number
}

type Made = 'replica' | 'chunker' | 'chunkerKey'
type HasDefault = 'commitFiles' | 'openSealing' | 'openAssembler'

export interface DriveParts
  extends Omit<DriveContext, Made | HasDefault>,
    Partial<Pick<DriveContext, HasDefault>> {
  readonly store: Store
}

/**
 * The rows of new files lie all over the database's pages, so fewer and larger commits write less; what a crash
 * loses of them is read again, not sent again.
 */
const COMMIT_FILES = 2_000

/** Opens the drive of a folder whose store and zone are open. Does not touch the folder. */
export function openDrive(parts: DriveParts): Drive {
  const { store, crypto, random, zone, files } = parts
  const replica = new Replica({
    store,
    crypto,
    random,
    zone: zone.zone,
    keys: () => currentKeys(zone),
    caseInsensitive: files.caseInsensitive(),
  })
  // Chunk boundaries come from the first epoch, so that a new epoch does not store everything anew.
  const key = (zone.keysOf(1) ?? currentKeys(zone)).chunkerKey
  const made = { replica, chunker: chunkerKey(crypto, key.bytes()), chunkerKey: key }
  const engines = {
    openSealing: inlineSealing(crypto, files.folder),
    openAssembler: inlineAssembler(crypto, files.work),
  }
  return new Drive({ commitFiles: COMMIT_FILES, ...engines, ...parts, ...made })
}

function currentKeys(zone: DriveZone) {
  const keys = zone.keysOf(zone.epoch)
  if (!keys) throw new Error(`the key of epoch ${zone.epoch} of zone ${zone.zone} is not open`)
  return keys
}

export class Drive {
  readonly #context: DriveContext

  constructor(context: DriveContext) {
    this.#context = context
  }

  /** Marks the folder as the synced one, for `link`. Throws FolderLost when it bears another zone's marker. */
  mark(): void {
    writeMarker(this.#context.files, this.#context.zone.zone)
  }

  /**
   * Syncs until device and server agree and nothing is left to do. Rejects with FolderLost, Problem, Unreachable,
   * FileError (disk full), NotQuiet or the signal's reason; whatever was done until then stays done.
   */
  async syncOnce(options: SyncOptions = {}): Promise<SyncReport> {
    const { files, replica, zone } = this.#context
    checkMarker(files, zone.zone)
    prepareWork(files)
    keepPartials(files)
    unpark(files, replica.store, labelNow(this.#context))
    noteStashed(this.#context.crypto, files, replica)
    const total = nothingDone()
    const older = stashedNow(files)
    let idle = 0
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const before = total.pulled + total.pushed + total.applied
      const done = await this.#round(options, total, round === 0)
      idle = total.pulled + total.pushed + total.applied > before ? 0 : idle + 1
      // What stands in the way may be an edit that the next scan takes up; else it is for the person.
      if (done.again || (done.blocked && idle < IDLE_ROUNDS)) continue
      const newer = [...stashedNow(files)].filter((path) => !older.has(path))
      if (tidyStash(files, replica, new Set(newer), labelNow(this.#context)) > 0) continue
      dropPartials(files)
      this.#remember(done.problems)
      const conflicts = this.#conflicts()
      replica.store.rest?.()
      return { ...total, heldDeletions: done.held, problems: done.problems, conflicts }
    }
    throw new NotQuiet()
  }

  /** Observe, push, apply. */
  async #round(options: SyncOptions, total: Done, first: boolean): Promise<Round> {
    const { files, replica } = this.#context
    const wasCut = first && tables.touched.count(replica.store) + tables.touchedName.count(replica.store) > 0
    if (!wasCut) total.pulled += await pull(this.#context, options)
    options.progress?.({ phase: 'scanning', files: 0, bytes: 0 })
    checkMarker(files, this.#context.zone.zone)
    const take = wasCut ? takeUpBeforePull : send
    const { absorbed, again } = await take(this.#context, this.#look(), options, total)
    checkMarker(files, this.#context.zone.zone)
    const applied = await applyView(this.#context, options, first && options.everything === true)
    total.applied += applied.done
    total.bytesReceived += applied.bytesReceived
    total.contentReceived += applied.contentReceived
    if (absorbed.noRoom) throw absorbed.noRoom
    const problems = [...absorbed.problems, ...applied.problems]
    const named = new Set(problems.map(({ path }) => path))
    problems.push(...applied.blocked.filter(({ path }) => !named.has(path)))
    const more = again || applied.again || tables.outbox.count(replica.store) > 0
    if (!more) replica.transaction('durable', (tx) => putMeta(tx, 'run', (getMeta(tx, 'run') ?? 0) + 1))
    return { again: more, blocked: applied.blocked.length > 0, problems, held: absorbed.held }
  }

  /** A folder that goes away while it is looked at seems to hold nothing: that is no deletion. */
  *#look(): Generator<Scan | null> {
    const { files, replica, zone } = this.#context
    for (const portion of scanFolder(replica, files)) {
      if (portion !== null) checkMarker(files, zone.zone)
      yield portion
    }
  }

  #remember(problems: readonly PathProblem[]): void {
    const { replica } = this.#context
    replica.transaction('lazy', (tx) => {
      for (const { path } of problemsIn(tx)) forgetProblem(tx, path)
      for (const problem of problems) noteProblem(tx, problem)
    })
  }

  #conflicts(): string[] {
    return conflictPaths(this.#context.replica)
  }

  /** What a live sync does about hints alone. Rejects like `syncOnce`; the stash is left to that. */
  syncHinted(hints: Hints, options: SyncOptions = {}): Promise<HintedReport> {
    return syncHinted(this.#context, hints, options)
  }

  /** What waits for the person; of the paths so many. */
  attention(most: number): Attention {
    const { replica } = this.#context
    const { store } = replica
    const heldDeletions = tables.held.count(store)
    return { heldDeletions, problems: problemsIn(store, most), conflicts: conflictPaths(replica, most) }
  }

  /**
   * Where the folder is that was told by this path and has this identity (`Stat.identity`): there still, or where the
   * rows of this disk have it since. The path itself where neither is so.
   */
  folderNow(told: string, identity: string): string {
    const { files, replica } = this.#context
    if (statQuietly(files, told)?.identity === identity) return told
    const id = tables.diskIdentity.get(replica.store, identity)
    return (id !== undefined && diskPath(replica.store, id)) || told
  }

  status(): DriveStatus {
    return driveStatus(this.#context.replica)
  }

  /** What a folder holds by this device's replica, by name. Throws FileError 'not-found'. */
  list(path: string): ListedNode[] {
    return listPath(this.#context.replica, path)
  }
}

function statQuietly(files: Files, path: string): Stat | null {
  try {
    return files.folder.stat(path)
  } catch (error) {
    if (error instanceof FileError) return null
    throw error
  }
}

export function driveStatus(replica: Replica): DriveStatus {
  const { store } = replica
  return {
    nodes: tables.disk.count(store),
    pending: tables.outbox.count(store),
    heldDeletions: tables.held.count(store),
    problems: problemsIn(store),
    conflicts: conflictPaths(replica),
  }
}

/** Whether this device ever heard what the account holds. */
export function hasHeard({ store }: Replica): boolean {
  return getMeta(store, 'cursor') !== undefined
}

export function listPath(replica: Replica, path: string): ListedNode[] {
  const view = replica.view(replica.store)
  let folder = ROOT
  for (const name of path.split('/').filter((part) => part !== '' && part !== '.')) {
    const next = view.lookup(folder, name)
    if (!next) throw new FileError('not-found', 'list', path)
    folder = next
  }
  const self = folder === ROOT ? null : replica.effective(replica.store, folder)!.body
  if (self && self.kind !== 'folder') return [listed(replica, folder, self.place.name)]
  const nodes = view.children(folder).map(({ id, name }) => listed(replica, id, name))
  return nodes.sort((a, b) => (a.name < b.name ? -1 : 1))
}

function listed(replica: Replica, id: RecordId, name: string): ListedNode {
  const { kind, content, attributes } = replica.effective(replica.store, id)!.body
  return {
    name,
    kind: kind === 'folder' || kind === 'link' ? kind : 'file',
    size: content?.type === 'chunks' ? content.size : null,
    mtime: attributes.mtime,
    executable: attributes.executable,
    target: content?.type === 'link' ? content.target : null,
  }
}

/** Paths of conflict copies nobody has dealt with, and of what shows another name than its own (R3, R9): so many of them. */
function conflictPaths(replica: Replica, most = Number.POSITIVE_INFINITY): string[] {
  const { store } = replica
  const view = replica.view(store)
  const paths = new Set<string>()
  for (const table of [tables.copies, tables.renamed]) {
    for (const [id] of table.entries(store)) {
      if (paths.size === most) break
      const path = shownPath(view, id as RecordId)
      if (path !== null) paths.add(path)
    }
  }
  return [...paths].sort()
}

function shownPath(view: View, id: RecordId): string | null {
  const parts: string[] = []
  for (let at = id; at !== ROOT; ) {
    const located = view.locate(at)
    if (located.status !== 'shown') return null
    parts.unshift(located.name)
    at = located.parent
  }
  return parts.join('/')
}
