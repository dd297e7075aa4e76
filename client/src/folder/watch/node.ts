/**
 * Watching a real folder. On Linux each folder has an inotify watch of its own, which tells a change within a
 * millisecond; macOS and Windows watch a whole tree with one handle.
 */
import { type FSWatcher, lstatSync, readdirSync, readFileSync, statSync, watch } from 'node:fs'
import { basename, join, sep } from 'node:path'
import { identityOf } from '../../files/node-stat.ts'
import { joinPath } from '../tree-paths.ts'
import { Leaving } from './node-leaving.ts'
import type { Watch, WatchHeard, Watching } from './watch.ts'

/** inotify_add_watch(2) and inotify_init(2): which limit of the system was reached. */
const LIMITS: Readonly<Record<string, string>> = {
  ENOSPC: limited('fs.inotify.max_user_watches', 1_048_576),
  EMFILE: limited('fs.inotify.max_user_instances', 1_024),
}

function limited(setting: string, enough: number): string {
  return `this system watches no more folders, so changes in some are found up to a minute late: raise its limit, for example with \`sudo sysctl ${setting}=${enough}\``
}

/** `root` is a path of this platform. */
export function nodeWatch(root: string): Watch {
  return {
    start(heard) {
      const watching =
        process.platform === 'linux' ? new WatchedTree(root, heard) : new WholeTree(root, heard)
      watching.renew(true)
      return watching
    },
  }
}

class WholeTree implements Watching {
  readonly #root: string
  readonly #heard: WatchHeard
  #watcher: FSWatcher | null = null

  constructor(root: string, heard: WatchHeard) {
    this.#root = root
    this.#heard = heard
  }

  renew(anew: boolean): void {
    if (anew) this.close()
    if (this.#watcher) return
    try {
      this.#watcher = watch(this.#root, { recursive: true }, (_event, file) => {
        const path = file?.split(sep).join('/') ?? ''
        const slash = path.lastIndexOf('/')
        this.#heard.changed(slash < 0 ? '' : path.slice(0, slash), path === '' ? null : path.slice(slash + 1))
      })
      this.#watcher.on('error', () => {
        this.close()
        this.#heard.lost()
      })
    } catch {
      // Not there, which the scan says; it is tried again with every scan.
    }
  }

  close(): void {
    this.#watcher?.close()
    this.#watcher = null
  }
}

interface WatchedFolder {
  /** Its path in the synced folder. */
  readonly folder: string
  readonly watcher: FSWatcher
  readonly identity: string
  /** Another file system is mounted there: nothing on it is synced, only its going is of interest. */
  readonly mounted: boolean
}

/** inotify tells neither that a folder is mounted over, nor that what was mounted twice is gone from here. */
const MOUNTS = '/proc/self/mountinfo'
const TICK_MS = 3_000

/** inotify(7): what comes while so many events wait is lost, and nobody is told. */
const QUEUE = '/proc/sys/fs/inotify/max_queued_events'
const USUAL_QUEUE = 16_384

class WatchedTree implements Watching {
  readonly #root: string
  readonly #heard: WatchHeard
  readonly #timer = setInterval(() => this.#tick(), TICK_MS).unref()
  #mounts = mountsNow()
  readonly #manyEvents = queueLength() / 2
  /** Events of one turn of the event loop: all that waited in the queue, but for those of watches that were closed. */
  #eventsNow = 0
  readonly #watched = new Map<string, WatchedFolder>()
  readonly #leaving = new Leaving()
  /** The topmost folders that are not watched, with whether a limit is the reason. */
  readonly #missed = new Map<string, boolean>()
  #limited = false

  constructor(root: string, heard: WatchHeard) {
    this.#root = root
    this.#heard = heard
  }

  renew(anew: boolean): void {
    if (anew) this.#leave('')
    for (const folder of this.#replaced()) if (this.#isReplaced(folder)) this.#follow(folder)
    const missed = anew ? [''] : [...this.#missed.keys()]
    this.#missed.clear()
    for (const folder of missed) this.#add(folder)
    if (!this.#limited || [...this.#missed.values()].includes(true)) return
    this.#limited = false
    this.#heard.limited(null)
  }

  #tick(): void {
    this.#leaving.tick()
    this.#lookAtMounts()
  }

  #lookAtMounts(): void {
    const mounts = mountsNow()
    if (mounts === this.#mounts) return
    this.#mounts = mounts
    for (const folder of this.#replaced()) {
      // What was followed meanwhile, below another, is watched as it is now.
      if (this.#isReplaced(folder)) this.#gone(folder)
      if (folder === '') return
    }
  }

  /** Folders that are other ones than when they were watched, outer ones first. */
  #replaced(): string[] {
    return [...this.#watched.keys()].filter((folder) => this.#isReplaced(folder)).sort()
  }

  #isReplaced(folder: string): boolean {
    const watched = this.#watched.get(folder)
    return watched !== undefined && statAt(join(this.#root, folder))?.identity !== watched.identity
  }

  /**
   * Watches this folder and all below it; returns those that were not watched before, by this name or another. Watched
   * before it is listed, so that nothing comes between.
   */
  #add(folder: string): WatchedFolder[] {
    const added: WatchedFolder[] = []
    const waiting = [folder]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const known = this.#watched.get(next)
      const watched = known ?? this.#watch(next)
      if (!watched || watched.mounted) continue
      if (!known && !this.#leaving.has(watched.identity)) added.push(watched)
      for (const name of foldersIn(join(this.#root, next))) waiting.push(joinPath(next, name))
    }
    return added
  }

  #watch(folder: string): WatchedFolder | null {
    try {
      const path = join(this.#root, folder)
      const stats = lstatSync(path, { bigint: true })
      const identity = identityOf(stats)
      const mounted = folder !== '' && stats.dev !== statSync(this.#root, { bigint: true }).dev
      const watcher = watch(path, (event, name) => {
        this.#count()
        if (this.#watched.get(folder)?.watcher === watcher) this.#told(folder, identity, event, name)
        else this.#heard.changed(folder, name, identity)
      })
      watcher.on('error', () => this.#failed(folder))
      const watched = { folder, watcher, identity, mounted }
      this.#watched.set(folder, watched)
      return watched
    } catch (error) {
      const limit = LIMITS[error instanceof Error && 'code' in error ? String(error.code) : '']
      // Else gone again, or unreadable, which the scan says.
      this.#missed.set(folder, limit !== undefined)
      if (limit !== undefined && !this.#limited) {
        this.#limited = true
        this.#heard.limited(limit)
      }
      return null
    }
  }

  #failed(folder: string): void {
    this.#leave(folder)
    this.#missed.set(folder, false)
  }

  /** Where the queue may have been full, anything may have happened since. */
  #count(): void {
    if (this.#eventsNow++ === 0)
      setImmediate(() => {
        if (this.#eventsNow > this.#manyEvents) this.#heard.lost()
        this.#eventsNow = 0
      })
  }

  #told(folder: string, identity: string, event: string, name: string | null): void {
    const path = join(this.#root, folder)
    if (this.#watched.get(folder)?.mounted && statAt(path)?.identity === identity) return
    if (event === 'rename' && name !== null) {
      // About the watched folder itself inotify says its own name: it was moved, removed or unmounted.
      if (name === basename(path) && statAt(join(path, name)) === null) {
        this.#gone(folder)
        return
      }
      this.#follow(joinPath(folder, name))
    }
    this.#heard.changed(folder, name, identity)
  }

  #gone(folder: string): void {
    if (folder === '') {
      this.#heard.lost()
      return
    }
    this.#follow(folder)
    const slash = folder.lastIndexOf('/')
    this.#heard.changed(folder.slice(0, Math.max(0, slash)), folder.slice(slash + 1))
  }

  /**
   * A name came, went, or is another's now: watches follow. What came into a folder before it was watched is told by nobody,
   * and may have come after a look at it.
   */
  #follow(path: string): void {
    if (this.#watched.has(path)) this.#leave(path)
    this.#missed.delete(path)
    if (!statAt(join(this.#root, path))?.isFolder) return
    for (const { folder, identity } of this.#add(path)) this.#heard.changed(folder, null, identity)
  }

  #leave(folder: string): void {
    for (const [path, { identity, watcher }] of [...this.#watched]) {
      if (folder !== '' && path !== folder && !path.startsWith(`${folder}/`)) continue
      this.#leaving.add(identity, watcher)
      this.#watched.delete(path)
    }
  }

  close(): void {
    clearInterval(this.#timer)
    this.#leave('')
    this.#leaving.close()
  }
}

function queueLength(): number {
  try {
    return Number(readFileSync(QUEUE, 'utf8')) || USUAL_QUEUE
  } catch {
    return USUAL_QUEUE
  }
}

/** Every mount as a text; '' where the system does not tell. */
function mountsNow(): string {
  try {
    return readFileSync(MOUNTS, 'utf8')
  } catch {
    return ''
  }
}

/** What is there now; null when nothing is, or it cannot be looked at. */
function statAt(path: string): { readonly identity: string; readonly isFolder: boolean } | null {
  try {
    const stats = lstatSync(path, { bigint: true })
    return { identity: identityOf(stats), isFolder: stats.isDirectory() }
  } catch {
    return null
  }
}

function foldersIn(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
  } catch {
    return []
  }
}
