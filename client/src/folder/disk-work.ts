/** What every change of the disk has in common: where things are, what must be made durable, what could not be done. */
import { type RecordId, ROOT } from '@pileus/core/ids/ids'
import type { DriveContext } from '../drive/context.ts'
import { FileError, type Location } from '../files/files.ts'
import { type DiskRow, tables } from '../replica/tables.ts'
import type { StoreReader, StoreWriter } from '../store/store.ts'
import { DiskMoved, expectAsRow, locationOf, parentOf, stashPath, statAt } from './place.ts'
import type { PathProblem } from './scan.ts'

export class DiskWork {
  /** Actions done. */
  done = 0
  /** The disk was not as expected somewhere: scan again. */
  again = false
  readonly problems: PathProblem[] = []
  /** Nodes whose actions could not be done. */
  readonly left = new Set<RecordId>()
  readonly context: DriveContext
  /** What changed in the running transaction, to be made durable before its rows. */
  #changed = new Map<string, Location>()

  constructor(context: DriveContext) {
    this.context = context
  }

  /** Effects first, then durable, then the rows. */
  inTransaction(work: (tx: StoreWriter) => void): void {
    this.#changed = new Map()
    this.context.replica.transaction('lazy', (tx) => {
      work(tx)
      this.context.files.sync([...this.#changed.values()])
    })
  }

  attempt(id: RecordId, act: () => void): void {
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

  /** Keeps what is about to be replaced, by a second link: the name never stands empty. */
  stashOver(tx: StoreWriter, over: RecordId, target: Location): void {
    const { files, replica } = this.context
    const { row, location } = this.node(tx, over)
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

  node(tx: StoreReader, id: RecordId): { row: DiskRow; location: Location } {
    const row = tables.disk.get(tx, id)
    const location = row && locationOf(tx, id)
    if (!row || !location) throw new DiskMoved(id)
    return { row, location }
  }

  folder(tx: StoreReader, id: RecordId): Location {
    return id === ROOT ? { area: 'folder', path: '' } : this.node(tx, id).location
  }

  rename(from: Location, to: Location): void {
    this.context.files.transfer('rename', from, to)
    this.note(parentOf(from))
    this.note(parentOf(to))
  }

  note(directory: Location): void {
    this.#changed.set(`${directory.area}/${directory.path}`, directory)
  }

  restat(tx: StoreWriter, id: RecordId, row: DiskRow, at: Location): void {
    const stat = statAt(this.context.files, at)
    if (!stat) throw new DiskMoved(at.path)
    const { size, identity, signature } = stat
    this.context.replica.putDisk(tx, id, { ...row, size, identity, signature })
  }
}
