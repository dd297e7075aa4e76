/**
 * Looking at the disk: what differs from the rows of the last agreement. Reads no contents; what may have
 * changed is for `absorb` to read. Nothing here trusts a clock, only signatures (R12).
 */
import { type RecordId, ROOT } from '@pileus/core/ids/ids'
import { nameProblem } from '@pileus/core/tree/names'
import { FileError, type Files, type Stat } from '../files/files.ts'
import type { Replica } from '../replica/replica.ts'
import { type DiskRow, tables } from '../replica/tables.ts'
import type { StoreReader } from '../store/store.ts'
import { MARKER } from './marker.ts'
import { diskPath, joinPath } from './tree-paths.ts'

/** Something on the disk that no row tells of. `parent` is a row's id, or the `key` of an appeared folder. */
export interface Appeared {
  readonly path: string
  readonly parent: RecordId | Appeared
  readonly name: string
  readonly stat: Stat
}

export interface Moved {
  readonly id: RecordId
  readonly path: string
  readonly parent: RecordId | Appeared
  readonly name: string
  readonly stat: Stat
}

/** A node at its place, or at its new one, whose content or attributes may differ. */
export interface Changed {
  readonly id: RecordId
  readonly path: string
  readonly stat: Stat
}

export interface PathProblem {
  readonly path: string
  readonly problem: string
  /** It never can be synced, and nothing is to be done about it: a socket, a pipe, a device. */
  readonly leftOut?: true
  /** The account has no room for it. */
  readonly noRoom?: true
}

/** Where to look: folders by their path ('' for the top), and in each some names, or everything at any depth. */
export type Scope = ReadonlyMap<string, ReadonlySet<string> | 'all'>

export interface Scan {
  readonly appeared: Appeared[]
  readonly moved: Moved[]
  readonly changed: Changed[]
  /**
   * Rows whose node is nowhere on the disk, children before their folders; in a scan of a part, nowhere in that part:
   * it may have moved to where nobody looked.
   */
  readonly gone: RecordId[]
  /** Something is not where its row says: it has moved to where nobody looked yet, or is gone. */
  readonly missing: boolean
  /** Only a part of the folder was looked at. */
  readonly partial: boolean
  readonly problems: PathProblem[]
}

/** Nodes found to differ that are handed over together: some 3 MB of them. */
const PORTION_NODES = 5_000
/** More of them than this are too much for a look at a part. */
const PART_NODES = 10_000
/** Names looked at between two breaths, which take a tenth of a second. */
const BREATH_NAMES = 10_000

/**
 * Compares the whole folder with its rows, in portions, so that memory does not grow with the tree: only the last
 * tells what is gone. Yields null now and then, where the caller may let others run. What is taken up of a portion
 * must be in the rows before the next is asked for. Throws FileError when the folder itself cannot be read.
 */
export function scanFolder(replica: Replica, files: Files): Generator<Scan | null> {
  return new Scanner(replica, files).run()
}

/**
 * Compares a part of the folder with its rows: the names that `scope` lists, and all below folders that are new or
 * have moved. What moved within the scope, or into it, is found as a move. Where that is too much, the whole
 * folder is to be looked at instead, in portions.
 */
export function scanScope(replica: Replica, files: Files, scope: Scope): Scan | 'too-much' {
  return new Scanner(replica, files).runIn(scope)
}

/** Whose row has a name, and its signature where the folder was listed. */
interface Named {
  readonly id: RecordId
  readonly signature?: string
}

interface Portion extends Scan {
  missing: boolean
}

function emptyPortion(): Portion {
  return {
    appeared: [],
    moved: [],
    changed: [],
    gone: [],
    missing: false,
    partial: false,
    problems: [],
  }
}

class Scanner {
  readonly #replica: Replica
  readonly #from: StoreReader
  readonly #files: Files
  /** Above 0 where everything below is looked at. */
  #whole = 0
  #scan = emptyPortion()
  /** Whether the whole folder is looked at, in portions. */
  #inPortions = false
  #sinceBreath = 0
  /** Rows whose node was found, but for files of which a whole scan shows that nothing changed. */
  readonly #found = new Set<RecordId>()
  readonly #missing: RecordId[] = []
  /** Folders of a part that were looked at. */
  readonly #listed = new Set<RecordId>()

  constructor(replica: Replica, files: Files) {
    this.#replica = replica
    this.#from = replica.stored
    this.#files = files
  }

  *run(): Generator<Scan | null> {
    this.#inPortions = true
    this.#whole++
    yield* this.#folder('', ROOT, ROOT)
    for (const [id] of tables.nameless.entries(this.#from)) this.#missing.push(id as RecordId)
    yield this.#end()
  }

  runIn(scope: Scope): Scan | 'too-much' {
    const places = new Map<string, { id: RecordId; names: Set<string> | 'all' }>()
    for (const [folder, names] of scope) {
      const place = this.#nearest(folder, names)
      const before = places.get(place.path)?.names
      const all = before === 'all' || place.names === 'all'
      places.set(place.path, {
        id: place.id,
        names: all ? 'all' : new Set([...(before ?? []), ...(place.names as ReadonlySet<string>)]),
      })
    }
    // Outer folders first: what moved there may hold what is listed below.
    const outerFirst = [...places].sort(([a], [b]) => (a < b ? -1 : 1))
    for (const [path, { id, names }] of outerFirst) {
      for (const portion of this.#place(path, id, names)) if (portion !== null) return 'too-much'
    }
    return { ...this.#end(), partial: true }
  }

  #place(path: string, id: RecordId, names: ReadonlySet<string> | 'all'): Generator<Scan | null> {
    if (names === 'all') return this.#wholeFolder(path, id, id)
    return this.#replica.caseInsensitive ? this.#folder(path, id, id) : this.#names(path, id, names)
  }

  #end(): Scan {
    for (const id of this.#missing) this.#leave(id)
    this.#scan.missing = this.#scan.gone.length > 0
    return this.#scan
  }

  /** The folder, if it is the one its row tells of; else its name in the folder above that is. */
  #nearest(folder: string, names: ReadonlySet<string> | 'all') {
    let path = folder
    let wanted = names
    for (;;) {
      const id = this.#rowAt(path)
      if (id !== null) return { path, id, names: wanted }
      const slash = path.lastIndexOf('/')
      wanted = new Set([path.slice(slash + 1)])
      path = path.slice(0, Math.max(0, slash))
    }
  }

  #rowAt(path: string): RecordId | null {
    if (path === '') return ROOT
    let id: RecordId = ROOT
    for (const name of path.split('/')) {
      const next = this.#replica.diskAt(this.#from, id, name)
      if (!next) return null
      id = next
    }
    const row = tables.disk.get(this.#from, id)
    const stat = this.#quietStat(path)
    return row?.kind === 'folder' && stat?.type === 'folder' && stat.identity === row.identity ? id : null
  }

  #quietStat(path: string): Stat | null {
    try {
      return this.#files.folder.stat(path)
    } catch (error) {
      if (error instanceof FileError) return null
      throw error
    }
  }

  *#names(path: string, id: RecordId, names: ReadonlySet<string>): Generator<Scan | null> {
    if (this.#listed.has(id)) return
    const rows = new Map<string, Named>()
    for (const name of names) {
      const row = this.#replica.diskAt(this.#from, id, name)
      if (row) rows.set(name, { id: row })
    }
    for (const name of names) {
      if (path !== '' || name !== MARKER) yield* this.#entry(joinPath(path, name), name, id, rows)
    }
  }

  /** Everything below a folder, whatever was asked for. */
  *#wholeFolder(path: string, row: RecordId | null, parent: RecordId | Appeared): Generator<Scan | null> {
    this.#whole++
    yield* this.#folder(path, row, parent)
    this.#whole--
  }

  /** `row` is the folder's row id, null for one that has none; `parent` is what its children hang in. */
  *#folder(path: string, row: RecordId | null, parent: RecordId | Appeared): Generator<Scan | null> {
    if (row !== null && this.#isListed(row)) return
    const listing = this.#list(path)
    if (!listing) return
    for (const name of listing.undecodable) {
      this.#problem(joinPath(path, name), 'its name is not valid UTF-8, so it is not synced; rename it')
    }
    const rows = new Map<string, Named>(row && this.#replica.diskNamed(this.#from, row))
    for (const name of listing.names) {
      if (path === '' && name === MARKER) continue
      yield* this.#entry(joinPath(path, name), name, parent, rows)
      yield* this.#handOver()
    }
    for (const { id } of rows.values()) this.#missing.push(id)
  }

  /** A folder may have been told of itself and as part of another, or by two spellings: looked at twice, what is in it would be there twice. */
  #isListed(folder: RecordId): boolean {
    const isListed = this.#listed.has(folder)
    if (!this.#inPortions) this.#listed.add(folder)
    return isListed
  }

  *#handOver(): Generator<Scan | null> {
    const { appeared, moved, changed } = this.#scan
    const most = this.#inPortions ? PORTION_NODES : PART_NODES
    if (appeared.length + moved.length + changed.length >= most) {
      const portion = this.#scan
      portion.missing = this.#missing.length > 0
      this.#scan = emptyPortion()
      yield portion
    } else if (++this.#sinceBreath >= BREATH_NAMES) {
      this.#sinceBreath = 0
      yield null
    }
  }

  #list(path: string): { names: string[]; undecodable: string[] } | null {
    try {
      return this.#files.folder.list(path)
    } catch (error) {
      if (!(error instanceof FileError) || path === '') throw error
      // What cannot be read is not gone (R11).
      if (error.code !== 'not-found') this.#problem(path, `${error.message}; nothing below it was synced`)
      return null
    }
  }

  /** Of a folder that may be none any more. */
  #namesIn(path: string): string[] {
    try {
      return this.#files.folder.list(path).names
    } catch (error) {
      if (error instanceof FileError) return []
      throw error
    }
  }

  *#entry(
    path: string,
    name: string,
    parent: RecordId | Appeared,
    rows: Map<string, Named>,
  ): Generator<Scan | null> {
    const named = rows.get(name)
    const rowId = named?.id
    rows.delete(name)
    const stat = this.#stat(path)
    if (stat === 'unreadable') return
    if (stat === null) {
      if (rowId) this.#missing.push(rowId)
      return
    }
    if (named && this.#isAsItWas(named, stat)) return
    if (stat.type === 'other') {
      this.#scan.problems.push({ path, problem: 'it is a socket, pipe or device', leftOut: true })
      return
    }
    const refused = nameProblem(name)
    if (refused) {
      this.#problem(path, `its name cannot be synced: ${refused}; rename it`)
      return
    }
    const row = rowId && tables.disk.get(this.#from, rowId)
    if (rowId && row && this.#stillIs(rowId, row, stat)) yield* this.#known(rowId, row, path, stat)
    else {
      if (rowId) this.#missing.push(rowId)
      yield* this.#unknown(path, name, parent, stat)
    }
  }

  #stat(path: string): Stat | null | 'unreadable' {
    try {
      return this.#files.folder.stat(path)
    } catch (error) {
      if (!(error instanceof FileError)) throw error
      this.#problem(path, error.message)
      return 'unreadable'
    }
  }

  /** As most files are when everything is looked at: nothing else of their rows is needed. They are not kept in mind either. */
  #isAsItWas({ id, signature }: Named, stat: Stat): boolean {
    return this.#inPortions && stat.type === 'file' && signature === stat.signature && !this.#found.has(id)
  }

  /**
   * A path keeps its node, since editors replace files by new ones; but a folder that is now another row's
   * folder was renamed.
   */
  #stillIs(id: RecordId, row: DiskRow, stat: Stat): boolean {
    if (row.kind !== stat.type || this.#found.has(id)) return false
    if (stat.type !== 'folder' || row.identity === stat.identity || row.identity === '') return true
    const other = tables.diskIdentity.get(this.#from, stat.identity)
    return other === undefined || other === id
  }

  *#known(id: RecordId, row: DiskRow, path: string, stat: Stat): Generator<Scan | null> {
    const replaced = row.identity !== stat.identity
    const changed = stat.type === 'folder' ? replaced : row.signature !== stat.signature
    if (changed) this.#scan.changed.push({ id, path, stat })
    this.#found.add(id)
    if (stat.type === 'folder' && (replaced || this.#whole > 0 || this.#wasUnread(path)))
      yield* this.#wholeFolder(path, id, id)
  }

  /** What could not be read may hold anything by now. */
  #wasUnread(path: string): boolean {
    return tables.problem.get(this.#from, path) !== undefined
  }

  *#unknown(path: string, name: string, parent: RecordId | Appeared, stat: Stat): Generator<Scan | null> {
    const id = this.#movedHere(stat)
    if (id) {
      this.#found.add(id)
      this.#scan.moved.push({ id, path, parent, name, stat })
      const row = tables.disk.get(this.#from, id)!
      if (stat.type === 'folder') yield* this.#wholeFolder(path, id, id)
      else if (row.signature !== stat.signature) this.#scan.changed.push({ id, path, stat })
      return
    }
    const appeared: Appeared = { path, parent, name, stat }
    this.#scan.appeared.push(appeared)
    if (stat.type === 'folder') yield* this.#wholeFolder(path, null, appeared)
  }

  /** The row whose file or folder this is, if it is no longer where the row says. */
  #movedHere(stat: Stat): RecordId | null {
    const id = tables.diskIdentity.get(this.#from, stat.identity)
    const row = id && tables.disk.get(this.#from, id)
    if (!id || !row || row.kind !== stat.type || this.#found.has(id)) return null
    const at = diskPath(this.#from, id)
    if (at === null) return id
    // Where case is ignored the old spelling still answers: only a listing shows which one it is.
    const folder = at.slice(0, Math.max(0, at.length - row.name.length - 1))
    const there = this.#namesIn(folder).includes(row.name) ? this.#stat(at) : null
    if (there === null) return id
    // Another file took its path: the path keeps the node, except for folders, which are what they hold.
    if (there === 'unreadable' || there.identity === stat.identity) return null
    return stat.type === 'folder' ? id : null
  }

  #leave(id: RecordId): void {
    if (this.#found.has(id)) return
    this.#found.add(id)
    for (const child of this.#replica.diskChildren(this.#from, id)) this.#leave(child)
    this.#scan.gone.push(id)
  }

  #problem(path: string, problem: string): void {
    this.#scan.problems.push({ path, problem })
  }
}
