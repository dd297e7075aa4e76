/** What every change of the disk has in common: where things are, what must be made durable, what could not be done. */
import { type RecordId, ROOT } from '@pileus/core/ids/ids'
import type { Action } from '@pileus/core/plan/plan'
import type { Content, RecordBody } from '@pileus/core/records/record'
import { conflictName } from '@pileus/core/tree/names'
import type { View } from '@pileus/core/tree/view'
import { type DriveContext, labelNow } from '../drive/context.ts'
import { FileError, type Location, type Stat } from '../files/files.ts'
import { type DiskRow, tables } from '../replica/tables.ts'
import type { StoreReader, StoreWriter } from '../store/store.ts'
import {
  childLocation,
  DiskMoved,
  expectAsRow,
  giveBack,
  locationOf,
  PARKED,
  parentOf,
  parkedPath,
  sameFile,
  stagingPath,
  stashPath,
  statAt,
  unparkOne,
} from './place.ts'
import type { PathProblem } from './scan.ts'
import { diskPath } from './tree-paths.ts'

const BLOCKED =
  'what lies here on this disk cannot be synced, so the change that came for it waits; see to it and sync again'

export class DiskWork {
  /** Actions done. */
  done = 0
  /** The disk changed under a change of ours: scan again. */
  again = false
  readonly problems: PathProblem[] = []
  /** Where the disk was not as expected: to scan again, and to tell the person if that does not help. */
  readonly blocked: PathProblem[] = []
  /** Nodes whose actions could not be done. */
  readonly left = new Set<RecordId>()
  /** Rows, as they were, of nodes that were parked. */
  readonly #parked = new Map<RecordId, DiskRow>()
  readonly context: DriveContext
  /** The tree as it is wanted, of which paths are told. */
  view: View
  /** What changed in the running transaction, to be made durable before its rows. */
  #changed = new Map<string, Location>()

  constructor(context: DriveContext, view: View) {
    this.context = context
    this.view = view
  }

  /** Effects first, then durable, then the rows: also of what was done until the disk was full, which is thrown after that. */
  inTransaction(work: (tx: StoreWriter) => void): void {
    this.#changed = new Map()
    let full: FileError | null = null
    this.context.replica.transaction('lazy', (tx) => {
      try {
        work(tx)
      } catch (error) {
        if (!(error instanceof FileError)) throw error
        full = error
      }
      this.context.files.sync([...this.#changed.values()])
    })
    if (full) throw full
  }

  attempt(action: Action, act: () => void): void {
    if (this.check(action, act)) this.done++
  }

  /**
   * False where the disk refuses or is not as expected: this node, and what it was to replace or stand for, is left
   * for later.
   */
  check(action: Action, expect: () => void): boolean {
    const { id } = action
    try {
      expect()
      return true
    } catch (error) {
      if (error instanceof DiskMoved) this.blocked.push({ path: this.pathOf(id), problem: BLOCKED })
      else if (error instanceof FileError && error.code !== 'full') {
        const { code } = error
        const unexpected = code === 'exists' || code === 'not-found' || code === 'not-empty'
        const problem = `it cannot be changed on this disk: ${error.reason}`
        ;(unexpected ? this.blocked : this.problems).push({ path: this.pathOf(id), problem })
      } else throw error
      this.left.add(id)
      if ('over' in action && action.over) this.left.add(action.over)
      if (action.do === 'relabel') this.left.add(action.from)
      return false
    }
  }

  /** Where this node shows, or stands on the disk if it is to go. */
  pathOf(id: RecordId): string {
    const parts: string[] = []
    for (let at = id; at !== ROOT; ) {
      const located = this.view.locate(at)
      if (located.status !== 'shown')
        return parts.join('/') || (diskPath(this.context.replica.store, id) ?? '')
      parts.unshift(located.name)
      at = located.parent
    }
    return parts.join('/')
  }

  /**
   * R10, R13: brings what is at `from` to `target` in the place of `victim`, in one step. The victim is linked into
   * the stash first and looked at again afterwards: what a program wrote to it meanwhile goes back to the person.
   */
  replace(tx: StoreWriter, victim: RecordId, from: Location, target: Location): void {
    const { files, replica } = this.context
    const { row, location } = this.node(tx, victim)
    const respelled = location.path !== target.path
    const oneName = replica.caseInsensitive && replica.nameKey(location.path) === replica.nameKey(target.path)
    if (location.area !== target.area || (respelled && !oneName)) throw new DiskMoved(target.path)
    const before = expectAsRow(files, location, row)
    const stash: Location = { area: 'work', path: stashPath(files, victim) }
    files.transfer('link', location, stash)
    let removed = false
    try {
      // Another file may have the name since then: what is not in the stash must not be replaced.
      const isStashed = [stash, location].every((at) => sameFile(before, statAt(files, at)))
      if (!isStashed) throw new DiskMoved(target.path)
      // Such a disk might keep the spelling of what is replaced.
      if (respelled) {
        files[location.area].removeFile(location.path)
        removed = true
      }
      this.rename(from, target)
    } catch (error) {
      // A simulated or real end of the process leaves both; the next run knows what the second link is.
      if (error instanceof FileError || error instanceof DiskMoved)
        this.#undoStash(stash, removed ? location : null)
      throw error
    }
    if (sameFile(before, statAt(files, stash))) this.stashed(tx, victim, row, location, stash.path, before)
    else {
      giveBack(files, stash, target, labelNow(this.context))
      this.again = true
    }
  }

  /** Notes what the stash holds since a moment ago. */
  stashed(tx: StoreWriter, record: RecordId, row: DiskRow, from: Location, stash: string, stat: Stat): void {
    const { size, version } = row
    tables.stash.put(tx, stash, { record, path: from.path, size, mtime: stat.mtime, version })
  }

  /** `removed` is where this took it away; elsewhere it is as the person left it. */
  #undoStash(stash: Location, removed: Location | null): void {
    const { files } = this.context
    if (removed && !statAt(files, removed)) files.transfer('rename', stash, removed)
    else files.work.removeFile(stash.path)
  }

  /** Brings a node out of the folder for a moment: its name is wanted by another, whose name it wants. */
  park(tx: StoreWriter, id: RecordId): void {
    const { row, location } = this.node(tx, id)
    const before = expectAsRow(this.context.files, location, row)
    const parked: Location = { area: 'work', path: parkedPath(id) }
    this.rename(location, parked)
    this.#parked.set(id, row)
    this.restat(tx, id, { ...row, parent: PARKED, name: id }, parked, before)
  }

  /**
   * What was parked and could not go on, since somebody took the name that it was to have, comes back to its folder: by a name
   * that is free, and known as such, so that nobody is told of a move.
   */
  bringBack(): void {
    const { files, replica } = this.context
    for (const [id, row] of this.#parked) {
      const folder = locationOf(replica.store, row.parent)
      if (tables.disk.get(replica.store, id)?.parent !== PARKED || folder?.area !== 'folder') continue
      const name = this.#freeName(row, folder)
      replica.transaction('durable', (tx) => replica.putDisk(tx, id, { ...row, name }))
      unparkOne(files, replica.store, id, labelNow(this.context))
    }
    this.#parked.clear()
  }

  #freeName({ parent, name }: DiskRow, folder: Location): string {
    const { files, replica } = this.context
    const { by, day } = labelNow(this.context)
    const isTaken = (name: string) =>
      replica.diskAt(replica.store, parent, name) !== undefined ||
      statAt(files, childLocation(folder, name)) !== null
    let free = name
    for (let number = 1; isTaken(free); number++) free = conflictName(name, by, day, number)
    return free
  }

  node(tx: StoreReader, id: RecordId): { row: DiskRow; location: Location } {
    const row = tables.disk.get(tx, id)
    const location = row && locationOf(tx, id)
    if (!row || !location) throw new DiskMoved(id)
    return { row, location }
  }

  folder(tx: StoreReader, id: RecordId): Location {
    return id === ROOT ? { area: 'folder', path: '' } : this.node(tx, id).location
  }

  /** Makes a link beside: its place is to be looked at right before it goes there, and making it takes a moment. */
  stageLink(id: RecordId, { content, attributes }: RecordBody): Location {
    const { files } = this.context
    const { target } = content as Extract<Content, { type: 'link' }>
    const staging: Location = { area: 'work', path: stagingPath(id) }
    if (statAt(files, staging)) files.work.removeFile(staging.path)
    files.work.makeLink(staging.path, target)
    files.work.setModified(staging.path, attributes.mtime)
    return staging
  }

  rename(from: Location, to: Location): void {
    this.context.files.transfer('rename', from, to)
    this.note(parentOf(from))
    this.note(parentOf(to))
  }

  note(directory: Location): void {
    this.#changed.set(`${directory.area}/${directory.path}`, directory)
  }

  /**
   * The row tells of what was brought to this place. `brought` is how it was before: whoever wrote to it meanwhile did so
   * unseen, so then it has to be read.
   */
  restat(tx: StoreWriter, id: RecordId, row: DiskRow, at: Location, brought: Stat | null = null): void {
    const stat = statAt(this.context.files, at)
    if (!stat) throw new DiskMoved(at.path)
    const isSame = brought === null || row.kind === 'folder' || sameFile(brought, stat)
    this.again ||= !isSame
    const { size, identity } = brought ?? stat
    this.context.replica.putDisk(tx, id, { ...row, size, identity, signature: isSame ? stat.signature : '' })
  }
}
