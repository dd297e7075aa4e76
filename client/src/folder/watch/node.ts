/**
 * Watching a real folder. On Linux each folder has an inotify watch of its own, which tells a change within a
 * millisecond; macOS and Windows watch a whole tree with one handle.
 */
import { type FSWatcher, lstatSync, readdirSync, watch } from 'node:fs'
import { join, sep } from 'node:path'
import { joinPath } from '../tree-paths.ts'
import type { Watch, WatchHeard } from './watch.ts'

const LIMITED =
  'this system watches no more folders (fs.inotify.max_user_watches), so changes in some are noticed late; raise the limit, or wait for the next full scan'

/** `root` is a path of this platform. */
export function nodeWatch(root: string): Watch {
  return {
    start(heard) {
      if (process.platform !== 'linux') return wholeTree(root, heard)
      const tree = new WatchedTree(root, heard)
      tree.add('')
      return tree
    },
  }
}

function wholeTree(root: string, heard: WatchHeard): { close(): void } {
  const watcher = watch(root, { recursive: true }, (_event, file) => {
    const path = file?.split(sep).join('/') ?? ''
    const slash = path.lastIndexOf('/')
    heard.changed(slash < 0 ? '' : path.slice(0, slash), path === '' ? null : path.slice(slash + 1))
  })
  watcher.on('error', () =>
    heard.limited('this system has stopped watching the folder; it is scanned instead'),
  )
  return watcher
}

class WatchedTree {
  readonly #root: string
  readonly #heard: WatchHeard
  readonly #watchers = new Map<string, FSWatcher>()
  #limited = false

  constructor(root: string, heard: WatchHeard) {
    this.#root = root
    this.#heard = heard
  }

  /** Watches this folder and all below it. Watched before it is listed, so that nothing comes between. */
  add(folder: string): void {
    const waiting = [folder]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (!this.#watchers.has(next) && !this.#watch(next)) continue
      for (const name of foldersIn(join(this.#root, next))) waiting.push(joinPath(next, name))
    }
  }

  #watch(folder: string): boolean {
    try {
      const watcher = watch(join(this.#root, folder), (event, name) => this.#told(folder, event, name))
      watcher.on('error', () => this.#dropTree(folder))
      this.#watchers.set(folder, watcher)
      return true
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : ''
      if ((code === 'ENOSPC' || code === 'EMFILE') && !this.#limited) {
        this.#limited = true
        this.#heard.limited(LIMITED)
      }
      // Gone again, or unreadable, which the scan says.
      return false
    }
  }

  #told(folder: string, event: string, name: string | null): void {
    if (name !== null && event === 'rename') this.#follow(joinPath(folder, name))
    this.#heard.changed(folder, name)
  }

  /** A name came, went, or is another's now: watches follow. */
  #follow(path: string): void {
    if (this.#watchers.has(path)) this.#dropTree(path)
    if (isFolder(join(this.#root, path))) this.add(path)
  }

  #dropTree(folder: string): void {
    for (const [path, watcher] of [...this.#watchers]) {
      if (path !== folder && !path.startsWith(`${folder}/`)) continue
      watcher.close()
      this.#watchers.delete(path)
    }
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }
}

function isFolder(path: string): boolean {
  try {
    return lstatSync(path).isDirectory()
  } catch {
    return false
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
