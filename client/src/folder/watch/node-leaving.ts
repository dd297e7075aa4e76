/**
 * Watches of folders that are not where they were watched any more. They are closed a while later: what still waits to be told
 * of such a folder would be lost with its watch, also where it is watched again by this name or another, since inotify
 * has one watch for both.
 */
import type { FSWatcher } from 'node:fs'

/** By `Stat.identity` of their folders. */
type Watchers = Map<string, FSWatcher[]>

export class Leaving {
  #lately: Watchers = new Map()
  #before: Watchers = new Map()

  add(identity: string, watcher: FSWatcher): void {
    const others = this.#lately.get(identity)
    if (others) others.push(watcher)
    else this.#lately.set(identity, [watcher])
  }

  /** Whether this folder was watched until a while ago: nothing that happened in it went unheard. */
  has(identity: string): boolean {
    return this.#lately.has(identity) || this.#before.has(identity)
  }

  /** Closes what came before the last tick. */
  tick(): void {
    close(this.#before)
    this.#before = this.#lately
    this.#lately = new Map()
  }

  close(): void {
    this.tick()
    this.tick()
  }
}

function close(watchers: Watchers): void {
  for (const watcher of [...watchers.values()].flat()) watcher.close()
}
