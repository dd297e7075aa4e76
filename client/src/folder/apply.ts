/**
 * Doing the planner's actions on the disk. Each checks right before it acts that the disk is what its row says,
 * and leaves alone what is not. Order within a transaction: the change, made durable, then the rows; a crash in
 * between is found by the next scan, which recognises what is already as wanted.
 */
import type { RecordId } from '@pileus/core/ids/ids'
import { type Action, type Disk, planDisk, type Want } from '@pileus/core/plan/plan'
import type { View } from '@pileus/core/tree/view'
import { type DriveContext, labelNow, type SyncOptions } from '../drive/context.ts'
import { FileError, type Location, type Stat } from '../files/files.ts'
import { affectedNodes, NONE_YET, type TouchedSoFar, touchEverything } from '../replica/affected.ts'
import { samenessOf, treeNode } from '../replica/forest.ts'
import { tables } from '../replica/tables.ts'
import type { StoreReader, StoreWriter } from '../store/store.ts'
import { FileWork } from './apply-files.ts'
import { DiskWork } from './disk-work.ts'
import {
  childLocation,
  DiskMoved,
  expectAsRow,
  expectFree,
  giveBack,
  locationOf,
  parentOf,
  parkedPath,
  sameFile,
  stashPath,
  statAt,
  unparkOne,
} from './place.ts'
import type { PathProblem } from './scan.ts'

export interface Applied {
  /** Actions done. */
  readonly done: number
  readonly bytesReceived: number
  readonly contentReceived: number
  readonly problems: readonly PathProblem[]
  /** The disk changed meanwhile: scan again. */
  readonly again: boolean
  /** Where the disk was not as expected: scan again, and say so when that finds nothing. */
  readonly blocked: readonly PathProblem[]
}

/** The coarsest times of a disk in use (FAT). */
const COARSE_MICROSECONDS = 2_000_000

/** Actions that change the disk without content, in one transaction. */
const GROUP_ACTIONS = 500

/**
 * Touched names, or records, that are brought to the disk together: so few that their rows are all remembered while
 * they are looked at again and again, and that memory does not grow with the change.
 */
const PORTION_TOUCHED = 1_000

/** Brings the disk to the view. `everything` looks at all nodes, not at those that were touched. */
export async function applyView(
  context: DriveContext,
  options: SyncOptions,
  everything = false,
): Promise<Applied> {
  const { replica } = context
  if (everything) touchEverything(replica)
  const work = new DiskWork(context, replica.view(replica.store))
  using files = new FileWork(work, options)
  const applier = new Applier(work, files, options)
  for (let at: TouchedSoFar | null = NONE_YET; at; ) at = await applyPortion(applier, work, at)
  applier.dateFolders()
  return {
    done: work.done,
    bytesReceived: files.bytesReceived,
    contentReceived: files.contentReceived,
    problems: work.problems,
    again: work.again,
    blocked: work.blocked,
  }
}

/** Does what a portion of the touched asks for; returns where the next begins. */
async function applyPortion(
  applier: Applier,
  work: DiskWork,
  at: TouchedSoFar,
): Promise<TouchedSoFar | null> {
  const { context } = work
  const { replica } = context
  const { store } = replica
  const view = replica.view(store)
  const { nodes, records, names, next } = affectedNodes(replica, store, view, at, PORTION_TOUCHED)
  if (nodes.size + records.length + names.length === 0) return next
  work.view = view
  await applier.run(planDisk(nodes, diskOf(context, store), wantOf(context, store, view)))
  replica.transaction('durable', (tx) => {
    // What could not be done stays touched, and so is tried again.
    for (const id of records) if (!work.left.has(id)) tables.touched.delete(tx, id)
    for (const key of names) tables.touchedName.delete(tx, key)
    for (const id of work.left) tables.touched.put(tx, id, '')
    for (const id of nodes)
      if (!work.left.has(id) && !isAway(context, tx, id)) settleVersion(context, tx, id, view)
  })
  return next
}

/** The row shows the effective version where nothing more was to do: never one in which it should be gone. */
function settleVersion(context: DriveContext, tx: StoreWriter, id: RecordId, view: View): void {
  if (view.locate(id).status === 'hidden') return
  const row = tables.disk.get(tx, id)
  const effective = context.replica.effective(tx, id)
  if (row && effective && row.version !== effective.key)
    context.replica.putDisk(tx, id, { ...row, version: effective.key })
}

function diskOf({ replica }: DriveContext, from: StoreReader): Disk {
  return {
    node: (id) => tables.disk.get(from, id),
    children: (folder) => replica.diskChildren(from, folder),
    at: (folder, name) => replica.diskAt(from, folder, name),
    nameKey: (name) => (replica.caseInsensitive ? replica.nameKey(name) : name),
  }
}

/**
 * A person took it away, and its deletion is held (R11): there is nothing on the disk to bring anywhere. When the deletion
 * is answered for, or its record changes, its row goes, and it is planned for anew.
 */
function isAway({ files }: DriveContext, from: StoreReader, id: RecordId): boolean {
  if (tables.held.get(from, id) === undefined) return false
  const row = tables.disk.get(from, id)
  if (!row) return false
  // The folder that it was in may be gone from the rows before it.
  const location = locationOf(from, id)
  return location === null || statAt(files, location)?.identity !== row.identity
}

function wantOf(context: DriveContext, from: StoreReader, view: View): Want {
  const { replica } = context
  return (id) => {
    const located = view.locate(id)
    if (located.status === 'hidden') return undefined
    if (isAway(context, from, id)) return { ...tables.disk.get(from, id)!, aliases: [] }
    if (located.status !== 'shown') return undefined
    const body = replica.effective(from, id)!.body
    const { kind, sameness } = treeNode(id, body)
    const { parent, name } = located
    return { kind, parent, name, sameness, attributes: body.attributes, aliases: view.aliases(id) }
  }
}

class Applier {
  readonly #context: DriveContext
  readonly #options: SyncOptions
  readonly #work: DiskWork
  readonly #files: FileWork

  constructor(work: DiskWork, files: FileWork, options: SyncOptions) {
    this.#context = work.context
    this.#work = work
    this.#files = files
    this.#options = options
  }

  async run(actions: readonly Action[]): Promise<void> {
    let group: Action[] = []
    for (const action of actions) {
      this.#options.signal?.throwIfAborted()
      if ((action.do === 'create' || action.do === 'update') && this.#isFile(action.id)) {
        this.#files.add(action)
        continue
      }
      // Nothing is removed before all that comes is in place.
      if (action.do === 'remove' && this.#files.waiting > 0) {
        this.#doGroup(group)
        group = []
        await this.#files.run()
      }
      group.push(action)
      if (group.length >= GROUP_ACTIONS) {
        this.#doGroup(group)
        group = []
      }
    }
    this.#doGroup(group)
    await this.#files.run()
    this.#work.bringBack()
  }

  #isFile(id: RecordId): boolean {
    return this.#context.replica.effective(this.#context.replica.store, id)?.body.kind === 'file'
  }

  #doGroup(actions: readonly Action[]): void {
    if (actions.length === 0) return
    this.#work.inTransaction((tx) => {
      for (const action of actions) this.#work.attempt(action, () => this.#do(tx, action))
    })
  }

  #do(tx: StoreWriter, action: Action): void {
    switch (action.do) {
      case 'relabel':
        this.#relabel(tx, action.id, action.from)
        break
      case 'park':
        this.#work.park(tx, action.id)
        break
      case 'move':
        this.#move(tx, action)
        break
      case 'create':
        this.#create(tx, action)
        break
      case 'update':
        this.#updateLink(tx, action.id)
        break
      case 'attributes':
        this.#attributes(tx, action.id)
        break
      case 'remove':
        this.#remove(tx, action.id)
    }
  }

  #relabel(tx: StoreWriter, id: RecordId, from: RecordId): void {
    const { replica } = this.#context
    const row = tables.disk.get(tx, from)
    if (!row) throw new DiskMoved(from)
    const children = [...replica.diskChildren(tx, from)]
    replica.putDisk(tx, from, null)
    replica.putDisk(tx, id, { ...row, version: replica.effective(tx, id)!.key })
    for (const child of children) replica.putDisk(tx, child, { ...tables.disk.get(tx, child)!, parent: id })
  }

  #move(tx: StoreWriter, { id, parent, name, over }: Extract<Action, { do: 'move' }>): void {
    const { row, location } = this.#work.node(tx, id)
    const target = childLocation(this.#work.folder(tx, parent), name)
    const before = expectAsRow(this.#context.files, location, row)
    if (over) {
      this.#work.replace(tx, over, location, target)
      this.#context.replica.putDisk(tx, over, null)
    } else if (this.#sameSpot(location, target)) {
      this.#respell(tx, id, location, target, name)
    } else {
      expectFree(this.#context.files, target)
      this.#work.rename(location, target)
    }
    this.#work.restat(tx, id, { ...row, parent, name }, target, before)
  }

  /**
   * Where case is ignored, Linux takes both spellings for one name and keeps the old: then the node leaves the folder
   * in between. After a crash there `unpark` brings it back. Whoever takes the name in that moment keeps it.
   */
  #respell(tx: StoreWriter, id: RecordId, from: Location, target: Location, name: string): void {
    const { files } = this.#context
    this.#work.rename(from, target)
    if (files[target.area].list(parentOf(target).path).names.includes(name)) return
    const parked: Location = { area: 'work', path: parkedPath(id) }
    this.#work.rename(from, parked)
    try {
      expectFree(files, target)
      this.#work.rename(parked, target)
    } catch (error) {
      if (error instanceof FileError || error instanceof DiskMoved)
        unparkOne(files, tx, id, labelNow(this.#context))
      throw error
    }
  }

  /** Two spellings of one name on a disk that ignores case. */
  #sameSpot(a: Location, b: Location): boolean {
    const { files, replica } = this.#context
    if (!replica.caseInsensitive || replica.nameKey(a.path) !== replica.nameKey(b.path)) return false
    return statAt(files, a)?.identity === statAt(files, b)?.identity
  }

  #create(tx: StoreWriter, { id, parent, name, over }: Extract<Action, { do: 'create' }>): void {
    const { files, replica } = this.#context
    const { body, key } = replica.effective(tx, id)!
    const target = childLocation(this.#work.folder(tx, parent), name)
    if (over) this.#remove(tx, over)
    expectFree(files, target)
    const kind = body.kind === 'folder' ? 'folder' : 'link'
    let brought: Stat | null = null
    if (kind === 'folder') {
      files[target.area].makeDirectory(target.path)
      tables.undated.put(tx, id, '')
    } else {
      const link = this.#work.stageLink(id, body)
      brought = statAt(files, link)
      expectFree(files, target)
      files.transfer('rename', link, target)
    }
    this.#work.note(target)
    this.#work.note(parentOf(target))
    const { attributes } = body
    const row = { kind, parent, name, sameness: samenessOf(body.content), attributes, version: key } as const
    this.#work.restat(tx, id, { ...row, size: 0, identity: '', signature: '' }, target, brought)
  }

  #updateLink(tx: StoreWriter, id: RecordId): void {
    const { files, replica } = this.#context
    const { row, location } = this.#work.node(tx, id)
    const { body, key } = replica.effective(tx, id)!
    expectAsRow(files, location, row)
    const link = this.#work.stageLink(id, body)
    const brought = statAt(files, link)
    expectAsRow(files, location, row)
    files.transfer('rename', link, location)
    this.#work.note(parentOf(location))
    const shown = { ...row, sameness: samenessOf(body.content), attributes: body.attributes, version: key }
    this.#work.restat(tx, id, shown, location, brought)
  }

  #attributes(tx: StoreWriter, id: RecordId): void {
    const { files, replica } = this.#context
    const { row, location } = this.#work.node(tx, id)
    const { body, key } = replica.effective(tx, id)!
    const before = expectAsRow(files, location, row)
    const area = files[location.area]
    const { mtime, executable } = body.attributes
    // The time first: whatever is written from then on has another.
    area.setModified(location.path, mtime)
    if (row.kind === 'file' && row.attributes.executable !== executable)
      area.setExecutable(location.path, executable)
    const now = statAt(files, location)
    // Some disks keep times to the second or two.
    const isSet = now !== null && Math.abs(now.mtime - mtime) <= COARSE_MICROSECONDS
    this.#work.note(location)
    this.#work.restat(tx, id, { ...row, attributes: body.attributes, version: key }, location, {
      ...before,
      mtime: isSet ? now.mtime : mtime,
    })
  }

  /** A removed file rests in the stash; a folder goes when it is empty, so never with something unknown in it. */
  #remove(tx: StoreWriter, id: RecordId): void {
    const { files, replica } = this.#context
    const { row, location } = this.#work.node(tx, id)
    const before = statAt(files, location)
    if (before === null) {
      replica.putDisk(tx, id, null)
      return
    }
    expectAsRow(files, location, row)
    if (row.kind === 'folder') files[location.area].removeDirectory(location.path)
    else {
      this.#expectKeeper(tx, id)
      const stash = stashPath(files, id)
      this.#work.rename(location, { area: 'work', path: stash })
      const after = files.work.stat(stash)
      if (!sameFile(before, after)) {
        giveBack(files, { area: 'work', path: stash }, location, labelNow(this.#context))
        this.#work.again = true
      } else this.#work.stashed(tx, id, row, location, stash, before)
    }
    this.#work.note(parentOf(location))
    replica.putDisk(tx, id, null)
  }

  /**
   * What is one with another file here (R4) goes only while that is there: a person may just have taken it away, and meant
   * to keep this. Throws DiskMoved.
   */
  #expectKeeper(tx: StoreWriter, id: RecordId): void {
    const located = this.#work.view.locate(id)
    if (located.status !== 'alias') return
    const row = tables.disk.get(tx, located.of)
    const location = row && locationOf(tx, located.of)
    if (location) expectAsRow(this.#context.files, location, row)
  }

  /** Folders are dated when all that came with them is inside; later changes inside are theirs. */
  dateFolders(): void {
    const { files, replica } = this.#context
    const undated = [...tables.undated.entries(replica.store)].map(([id]) => id as RecordId)
    if (undated.length === 0) return
    replica.transaction('lazy', (tx) => {
      for (const id of undated) {
        tables.undated.delete(tx, id)
        const row = tables.disk.get(tx, id)
        const mtime = replica.effective(tx, id)?.body.attributes.mtime
        const location = row && locationOf(tx, id)
        if (mtime === undefined || location?.area !== 'folder') continue
        const stat = statAt(files, location)
        if (stat?.type === 'folder' && stat.mtime !== mtime) files.folder.setModified(location.path, mtime)
      }
    })
  }
}
