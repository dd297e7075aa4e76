/** Files on a real disk. Linux and macOS; calls are synchronous because their order is the point. */
import {
  chmodSync,
  closeSync,
  constants,
  type Dir,
  fstatSync,
  fsync,
  fsyncSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  opendirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  statfsSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import {
  type Area,
  FileError,
  type FileReader,
  type Files,
  type FileWriter,
  type Location,
  type Stat,
} from './files.ts'
import { attempt, codeOf, fileError } from './node-errors.ts'
import { DiskReader, DiskWriter } from './node-handles.ts'
import { microseconds, statOf } from './node-stat.ts'

const fsyncLater = promisify(fsync)

/**
 * The disk of this device. `folder` and `work` are absolute paths on one file system; `work` is created,
 * private to this user, when it is not there.
 *
 * Nothing is opened, listed or changed through a symbolic link inside an area: such a call throws
 * FileError 'not-directory'. Nor is it below another file system that is mounted there, which may go at any time and
 * would seem to have lost all it held: 'cross-device'. `stat` alone may look through both, for speed.
 */
export function nodeFiles(places: { readonly folder: string; readonly work: string }): Files {
  attempt('create the folder', places.work, () => mkdirSync(places.work, { recursive: true, mode: 0o700 }))
  const disk = { folder: new DiskArea(places.folder), work: new DiskArea(places.work) }
  let insensitive: boolean | undefined
  return {
    folder: disk.folder,
    work: disk.work,
    transfer: (mode, from, to) => transfer(mode, disk, from, to),
    sync: (locations) => {
      const paths = new Set(locations.map((location) => disk[location.area].at(location.path)))
      for (const path of paths) syncPath(path)
    },
    syncTogether: async (locations) => {
      const paths = [...new Set(locations.map((location) => disk[location.area].at(location.path)))]
      for (let start = 0; start < paths.length; start += OPEN_AT_ONCE)
        await syncPaths(paths.slice(start, start + OPEN_AT_ONCE))
    },
    freeBytes: () =>
      attempt('measure the free room of', places.work, () => {
        const stats = statfsSync(places.work)
        return stats.bavail * stats.bsize
      }),
    caseInsensitive: () => (insensitive ??= foldsCase(places.folder, places.work)),
  }
}

class DiskArea implements Area {
  readonly #top: string
  /** Of the file system that the top was last seen on. */
  #device: number | null = null
  constructor(top: string) {
    this.#top = top
  }

  at(path: string): string {
    return path === '' ? this.#top : `${this.#top}/${path}`
  }

  /** The absolute path, after checking that each folder on the way to it is one, and of this file system. */
  guarded(path: string, action: string): string {
    let end = path.indexOf('/')
    while (end !== -1) {
      this.#expectFolder(path.slice(0, end), action)
      end = path.indexOf('/', end + 1)
    }
    return this.at(path)
  }

  #expectFolder(path: string, action: string): void {
    const stats = attempt(action, path, () => lstatSync(this.at(path)))
    if (!stats.isDirectory()) throw new FileError('not-directory', action, path)
    if (stats.dev === this.#device) return
    // The top may have been mounted anew.
    this.#device = attempt(action, '', () => statSync(this.#top).dev)
    if (stats.dev !== this.#device) throw new FileError('cross-device', action, path)
  }

  stat(path: string): Stat | null {
    try {
      // The top itself may be reached through a link: that is the person's way of naming it.
      const stats =
        path === ''
          ? statSync(this.#top, { bigint: true, throwIfNoEntry: false })
          : lstatSync(this.at(path), { bigint: true, throwIfNoEntry: false })
      return stats === undefined ? null : statOf(stats)
    } catch (error) {
      if (codeOf(error) === 'ENOTDIR') return null
      throw fileError(error, 'look at', path)
    }
  }

  list(path: string): { names: string[]; undecodable: string[] } {
    const target = this.guarded(path, 'list')
    return attempt('list', path, () => {
      if (path !== '') this.#expectFolder(path, 'list')
      const names = readdirSync(target)
      // U+FFFD is what an undecodable byte is shown as; only then are the bytes worth a second look.
      return names.some((name) => name.includes('\ufffd')) ? listBytes(target) : { names, undecodable: [] }
    })
  }

  makeDirectory(path: string): void {
    this.#change('create the folder', path, (at) => mkdirSync(at))
  }

  removeDirectory(path: string): void {
    this.#change('remove the folder', path, (at) => rmdirSync(at))
  }

  removeFile(path: string): void {
    this.#change('remove', path, (at) => {
      // unlink answers EPERM for a folder on some systems, and removes it for root on others.
      if (lstatSync(at).isDirectory()) throw new FileError('is-directory', 'remove', path)
      unlinkSync(at)
    })
  }

  makeLink(path: string, target: string): void {
    this.#change('create the link', path, (at) => symlinkSync(target, at))
  }

  readLink(path: string): string {
    return this.#change('read the link', path, (at) => readlinkSync(at))
  }

  read(path: string): FileReader {
    const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
    return this.#change('read', path, (at) => {
      // Not blocking, so that a named pipe in the folder cannot hold up a scan.
      const descriptor = openSync(at, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
      const stats = fstatSync(descriptor)
      if (stats.isFile()) return new DiskReader(descriptor, path)
      closeSync(descriptor)
      throw new FileError(stats.isDirectory() ? 'is-directory' : 'not-file', 'read', path)
    })
  }

  create(path: string): FileWriter {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
    return this.#change(
      'create',
      path,
      (at) => new DiskWriter(openSync(at, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o666), path),
    )
  }

  setModified(path: string, microseconds: number): void {
    this.#change('set the time of', path, (at) => setModified(at, microseconds))
  }

  setExecutable(path: string, executable: boolean): void {
    this.#change('set the mode of', path, (at) => {
      const stats = lstatSync(at)
      if (!stats.isFile()) throw new FileError('not-file', 'set the mode of', path)
      const mode = stats.mode & 0o7777
      // Whoever may read it may run it, as the umask once decided.
      chmodSync(at, executable ? mode | ((mode & 0o444) >> 2) : mode & ~0o111)
    })
  }

  #change<T>(action: string, path: string, act: (at: string) => T): T {
    const at = this.guarded(path, action)
    return attempt(action, path, () => act(at))
  }
}

type Disk = Readonly<Record<Location['area'], DiskArea>>

function transfer(mode: 'link' | 'rename', disk: Disk, from: Location, to: Location): void {
  const action = mode === 'link' ? 'link' : 'move'
  const source = disk[from.area].guarded(from.path, action)
  const target = disk[to.area].guarded(to.path, action)
  if (mode === 'link') {
    attempt(action, to.path, () => linkSync(source, target))
    return
  }
  attempt(action, from.path, () => {
    const there = lstatSync(target, { bigint: true, throwIfNoEntry: false })
    if (there === undefined) return renameSync(source, target)
    const moved = lstatSync(source, { bigint: true })
    const same = there.ino === moved.ino && there.dev === moved.dev
    if (!same) {
      // rename(2) would silently replace an empty folder.
      if (there.isDirectory()) throw new FileError('is-directory', action, to.path)
      return renameSync(source, target)
    }
    // Two names of one file: rename(2) would do nothing and leave both.
    if (moved.nlink > 1n && !moved.isDirectory() && !oneEntry(source, target)) unlinkSync(source)
    else renameSync(source, target)
  })
}

/** Whether two paths of one file are one entry of one folder, spelled in two ways on a disk that folds case. */
function oneEntry(a: string, b: string): boolean {
  const folder = lstatSync(dirname(a), { bigint: true })
  const other = lstatSync(dirname(b), { bigint: true })
  if (folder.ino !== other.ino || folder.dev !== other.dev) return false
  if (basename(a) === basename(b)) return true
  const names = readdirSync(dirname(a))
  return !(names.includes(basename(a)) && names.includes(basename(b)))
}

/** Descriptors that a group may hold open; the system's own limit is 1,024 on many machines. */
const OPEN_AT_ONCE = 256

function syncPath(path: string): void {
  syncing(path, () => {
    const descriptor = openToSync(path)
    try {
      fsyncSync(descriptor)
    } finally {
      closeSync(descriptor)
    }
  })
}

/** Measured on ext4: 500 small files in 50 ms, one after another in 150 ms to 1.5 s. */
async function syncPaths(paths: readonly string[]): Promise<void> {
  const syncs = paths.map(async (path) => {
    const descriptor = syncing(path, () => openToSync(path))
    if (descriptor === undefined) return
    try {
      await fsyncLater(descriptor)
    } catch (error) {
      syncing(path, () => {
        throw error
      })
    } finally {
      closeSync(descriptor)
    }
  })
  // All have ended before the first failure is told: no descriptor stays open behind it.
  for (const sync of await Promise.allSettled(syncs)) if (sync.status === 'rejected') throw sync.reason
}

function openToSync(path: string): number {
  return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
}

function syncing<T>(path: string, act: () => T): T | undefined {
  try {
    return act()
  } catch (error) {
    // A link is as durable as the folder that names it; a pipe or socket has nothing to sync.
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EINVAL'].includes(codeOf(error))) return undefined
    throw fileError(error, 'make durable', path)
  }
}

/**
 * Node takes seconds as a double and cuts it to nanoseconds or microseconds: aim inside the microsecond,
 * look, and aim again where rounding left it. Times the file system cannot hold stay as near as it gets.
 */
function setModified(path: string, wanted: number): void {
  for (const aim of [5e-7, 0, 1e-6, -5e-7]) {
    // As text: Node takes a negative number for "now".
    const seconds = String(wanted / 1e6 + aim)
    lutimesSync(path, seconds, seconds)
    if (microseconds(lstatSync(path, { bigint: true }).mtimeNs) === wanted) return
  }
}

function listBytes(path: string): { names: string[]; undecodable: string[] } {
  const names: string[] = []
  const undecodable: string[] = []
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  for (const bytes of readdirSync(path, { encoding: 'buffer' })) {
    try {
      names.push(strict.decode(bytes))
    } catch {
      undecodable.push(bytes.toString('utf8'))
    }
  }
  return { names, undecodable }
}

/**
 * Whether two spellings are one name in the folder, which may differ from other folders of its disk (ext4 folds where it
 * is told to). Shown by a name that is there; by trying in `work` where none has letters.
 */
function foldsCase(folder: string, work: string): boolean {
  const name = nameWithLetters(folder)
  if (name !== null) return isSame(join(folder, name), join(folder, otherCase(name)))
  const probe = join(work, `probe-${process.pid}`)
  return attempt('write in', work, () => {
    closeSync(openSync(probe, 'w'))
    try {
      return isSame(probe, join(work, otherCase(basename(probe))))
    } finally {
      unlinkSync(probe)
    }
  })
}

/** Null also of a folder that is not there: the next look at it says so. */
function nameWithLetters(folder: string): string | null {
  let entries: Dir
  try {
    entries = opendirSync(folder)
  } catch {
    return null
  }
  try {
    for (let entry = entries.readSync(); entry; entry = entries.readSync())
      if (/[a-z]/i.test(entry.name)) return entry.name
    return null
  } finally {
    entries.closeSync()
  }
}

function otherCase(name: string): string {
  return name.replace(/[a-z]/gi, (letter) => {
    const lower = letter.toLowerCase()
    return letter === lower ? letter.toUpperCase() : lower
  })
}

function isSame(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => lstatSync(path, { bigint: true, throwIfNoEntry: false }))
  return one !== undefined && other !== undefined && one.ino === other.ino && one.dev === other.dev
}
