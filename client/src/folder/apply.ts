/**
 * Doing the planner's actions on the disk. Each checks right before it acts that the disk is what its row says,
 * and leaves alone what is not. Order within a transaction: the change, made durable, then the rows; a crash in
 * between is found by the next scan, which recognises what is already as wanted.
 */
import { type RecordId, ROOT } from '@pileus/core/ids/ids'
import { type Action, type Disk, planDisk, type Want } from '@pileus/core/plan/plan'
import type { View } from '@pileus/core/tree/view'
import { type DriveContext, labelNow, type SyncOptions } from '../drive/context.ts'
import { FileError, type Location } from '../files/files.ts'
import { affectedNodes, allNodes } from '../replica/affected.ts'
import { samenessOf, treeNode } from '../replica/forest.ts'
import { type DiskRow, tables } from '../replica/tables.ts'
import type { StoreReader, StoreWriter } from '../store/store.ts'
import { type Assembly, assembleFiles, type FileContent } from '../transfer/download.ts'
import {
  childLocation,
  DiskMoved,
  expectAsRow,
  expectFree,
  giveBack,
  locationOf,
  PARKED,
  parentOf,
  parkedPath,
  sameFile,
  stagingPath,
  stashPath,
  statAt,
} from './place.ts'
import type { PathProblem } from './scan.ts'

export interface Applied {
  /** Actions done. */
  readonly done: number
  readonly bytesReceived: number
  readonly problems: readonly PathProblem[]
  /** The disk was not as expected somewhere: scan again. */
  readonly again: boolean
}

/** Actions that change the disk without content, in one transaction. */
const GROUP_ACTIONS = 500

/** Brings the disk to the view. `everything` looks at all nodes, not at those that were touched. */
export async function applyView(
  context: DriveContext,
  options: SyncOptions,
  everything = false,
): Promise<Applied> {
  const { replica } = context
  const { store } = replica
  const view = replica.view(store)
  const dirty = everything ? allNodes(store) : affectedNodes(replica, store, view)
  const actions = planDisk(dirty, diskOf(context, store), wantOf(context, store, view))
  const applier = new Applier(context, options, view)
  await applier.run(actions)
  replica.transaction('durable', (tx) => {
    // What could not be done stays touched, and so is tried again.
    for (const [id] of [...tables.touched.entries(tx)])
      if (!applier.left.has(id as RecordId)) tables.touched.delete(tx, id)
    for (const [key] of [...tables.touchedName.entries(tx)]) tables.touchedName.delete(tx, key)
    for (const id of applier.left) tables.touched.put(tx, id, '')
    for (const id of dirty) if (!applier.left.has(id)) settleVersion(context, tx, id)
  })
  return {
    done: applier.done,
    bytesReceived: applier.bytesReceived,
    problems: applier.problems,
    again: applier.again,
  }
}

/** The row shows the effective version where nothing more was to do. */
function settleVersion(context: DriveContext, tx: StoreWriter, id: RecordId): void {
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
  }
}

function wantOf({ replica }: DriveContext, from: StoreReader, view: View): Want {
  return (id) => {
    const located = view.locate(id)
    if (located.status !== 'shown') return undefined
    const body = replica.effective(from, id)!.body
    const { kind, sameness } = treeNode(id, body)
    const { parent, name } = located
    return { kind, parent, name, sameness, attributes: body.attributes, aliases: view.aliases(id) }
  }
}

type FileAction = Extract<Action, { do: 'create' | 'update' }>

class Applier {
  done = 0
  bytesReceived = 0
  again = false
  readonly problems: PathProblem[] = []
  /** Nodes whose actions could not be done. */
  readonly left = new Set<RecordId>()
  readonly #context: DriveContext
  readonly #options: SyncOptions
  readonly #view: View
  readonly #newFolders: RecordId[] = []
  #files: FileAction[] = []
  #filesDone = 0
  /** Directories that changed in the running transaction. */
  #changed = new Map<string, Location>()

  constructor(context: DriveContext, options: SyncOptions, view: View) {
    this.#context = context
    this.#options = options
    this.#view = view
  }

  async run(actions: readonly Action[]): Promise<void> {
    let group: Action[] = []
    for (const action of actions) {
      this.#options.signal?.throwIfAborted()
      if ((action.do === 'create' || action.do === 'update') && this.#isFile(action.id)) {
        this.#files.push(action)
        continue
      }
      // Nothing is removed before all that comes is in place.
      if (action.do === 'remove' && this.#files.length > 0) {
        this.#doGroup(group)
        group = []
        await this.#doFiles()
      }
      group.push(action)
      if (group.length >= GROUP_ACTIONS) {
        this.#doGroup(group)
        group = []
      }
    }
    this.#doGroup(group)
    await this.#doFiles()
    this.#dateFolders()
  }

  #isFile(id: RecordId): boolean {
    return this.#context.replica.effective(this.#context.replica.store, id)?.body.kind === 'file'
  }

  #doGroup(actions: readonly Action[]): void {
    if (actions.length === 0) return
    this.#inTransaction((tx) => {
      for (const action of actions) this.#attempt(action.id, () => this.#do(tx, action))
    })
  }

  /** Effects first, then durable, then the rows. */
  #inTransaction(work: (tx: StoreWriter) => void): void {
    this.#changed = new Map()
    this.#context.replica.transaction('lazy', (tx) => {
      work(tx)
      this.#context.files.sync([...this.#changed.values()])
    })
  }

  #attempt(id: RecordId, act: () => void): void {
    try {
      act()
      this.done++
    } catch (error) {
      if (error instanceof DiskMoved) this.again = true
      else if (error instanceof FileError && error.code !== 'full') {
        if (error.code === 'exists' || error.code === 'not-found' || error.code === 'not-empty')
          this.again = true
        this.problems.push({ path: error.path, problem: error.message })
      } else throw error
      this.left.add(id)
    }
  }

  #do(tx: StoreWriter, action: Action): void {
    switch (action.do) {
      case 'relabel':
        this.#relabel(tx, action.id, action.from)
        break
      case 'park':
        this.#park(tx, action.id)
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

  #park(tx: StoreWriter, id: RecordId): void {
    const { row, location } = this.#node(tx, id)
    expectAsRow(this.#context.files, location, row)
    this.#rename(location, { area: 'work', path: parkedPath(id) })
    this.#restat(tx, id, { ...row, parent: PARKED, name: id }, { area: 'work', path: parkedPath(id) })
  }

  #move(tx: StoreWriter, { id, parent, name, over }: Extract<Action, { do: 'move' }>): void {
    const { row, location } = this.#node(tx, id)
    const target = childLocation(this.#folder(tx, parent), name)
    expectAsRow(this.#context.files, location, row)
    if (over) this.#stashOver(tx, over, target)
    else if (!this.#sameSpot(location, target)) expectFree(this.#context.files, target)
    this.#rename(location, target)
    this.#restat(tx, id, { ...row, parent, name }, target)
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
    const target = childLocation(this.#folder(tx, parent), name)
    if (over) this.#remove(tx, over)
    expectFree(files, target)
    const area = files[target.area]
    const kind = body.kind === 'folder' ? 'folder' : 'link'
    if (kind === 'folder') {
      area.makeDirectory(target.path)
      this.#newFolders.push(id)
    } else this.#writeLink(id, body.content, body.attributes.mtime, target)
    this.#changed.set(`${target.area}/${target.path}`, target)
    this.#note(parentOf(target))
    const { attributes } = body
    const row = { kind, parent, name, sameness: samenessOf(body.content), attributes, version: key } as const
    this.#restat(tx, id, { ...row, size: 0, identity: '', signature: '' }, target)
  }

  #writeLink(id: RecordId, content: unknown, mtime: number, target: Location): void {
    const { files } = this.#context
    const link = content as { target: string }
    const staging: Location = { area: 'work', path: stagingPath(id) }
    if (statAt(files, staging)) files.work.removeFile(staging.path)
    files.work.makeLink(staging.path, link.target)
    files.work.setModified(staging.path, mtime)
    files.transfer('rename', staging, target)
  }

  #updateLink(tx: StoreWriter, id: RecordId): void {
    const { replica } = this.#context
    const { row, location } = this.#node(tx, id)
    const { body, key } = replica.effective(tx, id)!
    expectAsRow(this.#context.files, location, row)
    this.#writeLink(id, body.content, body.attributes.mtime, location)
    this.#note(parentOf(location))
    const { attributes } = body
    this.#restat(tx, id, { ...row, sameness: samenessOf(body.content), attributes, version: key }, location)
  }

  #attributes(tx: StoreWriter, id: RecordId): void {
    const { files, replica } = this.#context
    const { row, location } = this.#node(tx, id)
    const { body, key } = replica.effective(tx, id)!
    expectAsRow(files, location, row)
    const area = files[location.area]
    if (row.kind === 'file' && row.attributes.executable !== body.attributes.executable) {
      area.setExecutable(location.path, body.attributes.executable)
    }
    area.setModified(location.path, body.attributes.mtime)
    this.#changed.set(`${location.area}/${location.path}`, location)
    this.#restat(tx, id, { ...row, attributes: body.attributes, version: key }, location)
  }

  /** A removed file rests in the stash; a folder goes when it is empty, so never with something unknown in it. */
  #remove(tx: StoreWriter, id: RecordId): void {
    const { files, replica } = this.#context
    const { row, location } = this.#node(tx, id)
    const before = statAt(files, location)
    if (before === null) {
      replica.putDisk(tx, id, null)
      return
    }
    expectAsRow(files, location, row)
    if (row.kind === 'folder') files[location.area].removeDirectory(location.path)
    else {
      const stash = stashPath(files, id)
      this.#rename(location, { area: 'work', path: stash })
      const after = files.work.stat(stash)
      if (!sameFile(before, after)) {
        giveBack(files, { area: 'work', path: stash }, location, labelNow(this.#context))
        this.again = true
      } else
        tables.stash.put(tx, stash, {
          record: id,
          path: location.path,
          size: row.size,
          mtime: before.mtime,
          version: row.version,
        })
    }
    this.#note(parentOf(location))
    replica.putDisk(tx, id, null)
  }

  /** Keeps what is about to be replaced, by a second link: the name never stands empty. */
  #stashOver(tx: StoreWriter, over: RecordId, target: Location): void {
    const { files, replica } = this.#context
    const { row, location } = this.#node(tx, over)
    if (location.path !== target.path || location.area !== target.area) throw new DiskMoved(target.path)
    const before = expectAsRow(files, location, row)
    const stash = stashPath(files, over)
    files.transfer('link', location, { area: 'work', path: stash })
    tables.stash.put(tx, stash, {
      record: over,
      path: location.path,
      size: row.size,
      mtime: before.mtime,
      version: row.version,
    })
    replica.putDisk(tx, over, null)
  }

  async #doFiles(): Promise<void> {
    const actions = new Map(this.#files.map((action) => [action.id, action]))
    this.#files = []
    if (actions.size === 0) return
    const { crypto, files, remote, zone } = this.#context
    const context = {
      crypto,
      remote,
      zone: zone.zone,
      work: files.work,
      signal: this.#options.signal,
      progress: (bytes: number) => {
        this.bytesReceived += bytes
        this.#report()
      },
    }
    for await (const results of assembleFiles(context, this.#assemblies(actions.values()))) {
      const whole: FileAction[] = []
      for (const { assembly, failure } of results) {
        const action = actions.get(assembly.label)!
        if (failure === null) whole.push(action)
        else {
          this.problems.push({
            path: this.#wantedPath(action),
            problem: `its content cannot be restored: ${failure}`,
          })
          this.left.add(action.id)
        }
      }
      this.#placeFiles(whole)
    }
  }

  *#assemblies(actions: Iterable<FileAction>): Iterable<Assembly<RecordId>> {
    const { replica } = this.#context
    const { store } = replica
    for (const { id } of actions) {
      const body = replica.effective(store, id)!.body
      const content = body.content as FileContent
      // A conflict copy is made of what the record it was split from still holds here.
      const near = tables.disk.get(store, id) ? id : body.conflictOf
      const row = near ? tables.disk.get(store, near) : undefined
      const shown = near ? (replica.shownBody(store, near)?.content ?? null) : null
      const location = row?.kind === 'file' && near ? locationOf(store, near) : null
      const usable = location && shown?.type === 'chunks' && shown.hash === row!.sameness
      const earlier = usable
        ? { area: this.#context.files[location.area], path: location.path, content: shown }
        : null
      yield { label: id, path: stagingPath(id), content, earlier }
    }
  }

  /** Makes the assembled files durable as a group, then brings each to its place, then the rows. */
  #placeFiles(actions: readonly FileAction[]): void {
    const { files, replica } = this.#context
    const { store } = replica
    for (const { id } of actions) {
      const { attributes } = replica.effective(store, id)!.body
      if (attributes.executable) files.work.setExecutable(stagingPath(id), true)
      files.work.setModified(stagingPath(id), attributes.mtime)
    }
    files.sync(actions.map(({ id }) => ({ area: 'work', path: stagingPath(id) })))
    this.#inTransaction((tx) => {
      for (const action of actions) this.#attempt(action.id, () => this.#placeFile(tx, action))
    })
    this.#filesDone += actions.length
    this.#report()
  }

  #placeFile(tx: StoreWriter, action: FileAction): void {
    const { files, replica } = this.#context
    const { body, key } = replica.effective(tx, action.id)!
    const staging: Location = { area: 'work', path: stagingPath(action.id) }
    const row = tables.disk.get(tx, action.id)
    const target =
      action.do === 'update'
        ? this.#node(tx, action.id).location
        : childLocation(this.#folder(tx, action.parent), action.name)
    const { attributes } = body
    const shown = {
      kind: 'file',
      sameness: samenessOf(body.content),
      attributes,
      version: key,
      size: 0,
      identity: '',
      signature: '',
    } as const
    if (action.do === 'create') {
      if (action.over) this.#stashOver(tx, action.over, target)
      else expectFree(files, target)
      this.#rename(staging, target)
      this.#restat(tx, action.id, { ...shown, parent: action.parent, name: action.name }, target)
      return
    }
    this.#replace(tx, action.id, row!, staging, target)
    this.#restat(tx, action.id, { ...shown, parent: row!.parent, name: row!.name }, target)
  }

  /** R10: the victim is linked into the stash, replaced in one step, and looked at again. */
  #replace(tx: StoreWriter, id: RecordId, row: DiskRow, staging: Location, target: Location): void {
    const { files } = this.#context
    const before = expectAsRow(files, target, row)
    const stash: Location = { area: 'work', path: stashPath(files, id) }
    files.transfer('link', target, stash)
    const linked = statAt(files, stash)
    if (!sameFile(before, linked)) {
      files.work.removeFile(stash.path)
      throw new DiskMoved(target.path)
    }
    this.#rename(staging, target)
    if (!sameFile(before, statAt(files, stash))) {
      giveBack(files, stash, target, labelNow(this.#context))
      this.again = true
      return
    }
    tables.stash.put(tx, stash.path, {
      record: id,
      path: target.path,
      size: row.size,
      mtime: before.mtime,
      version: row.version,
    })
  }

  /** Folders are dated when all that came with them is inside; later changes inside are theirs. */
  #dateFolders(): void {
    if (this.#newFolders.length === 0) return
    const { files, replica } = this.#context
    replica.transaction('lazy', (tx) => {
      for (const id of this.#newFolders) {
        const row = tables.disk.get(tx, id)
        const location = row && locationOf(tx, id)
        if (!row || location?.area !== 'folder' || statAt(files, location)?.type !== 'folder') continue
        files.folder.setModified(location.path, row.attributes.mtime)
      }
    })
  }

  #node(tx: StoreReader, id: RecordId): { row: DiskRow; location: Location } {
    const row = tables.disk.get(tx, id)
    const location = row && locationOf(tx, id)
    if (!row || !location) throw new DiskMoved(id)
    return { row, location }
  }

  #folder(tx: StoreReader, id: RecordId): Location {
    return id === ROOT ? { area: 'folder', path: '' } : this.#node(tx, id).location
  }

  #rename(from: Location, to: Location): void {
    this.#context.files.transfer('rename', from, to)
    this.#note(parentOf(from))
    this.#note(parentOf(to))
  }

  #note(directory: Location): void {
    this.#changed.set(`${directory.area}/${directory.path}`, directory)
  }

  #restat(tx: StoreWriter, id: RecordId, row: DiskRow, at: Location): void {
    const stat = statAt(this.#context.files, at)
    if (!stat) throw new DiskMoved(at.path)
    const { size, identity, signature } = stat
    this.#context.replica.putDisk(tx, id, { ...row, size, identity, signature })
  }

  #wantedPath(action: FileAction): string {
    const parts: string[] = []
    for (let at = action.id; at !== ROOT; ) {
      const located = this.#view.locate(at)
      if (located.status !== 'shown') break
      parts.push(located.name)
      at = located.parent
    }
    return parts.reverse().join('/')
  }

  #report(): void {
    this.#options.progress?.({ phase: 'downloading', files: this.#filesDone, bytes: this.bytesReceived })
  }
}
