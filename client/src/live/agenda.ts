/**
 * What a live drive has to do next, and when: hints wait for a moment of quiet, many of them become one look at
 * everything, and a file that is saved again and again is not read again and again.
 */
import type { Announcement } from '@pileus/core/protocol/live'
import type { Hints } from '../drive/hinted.ts'

/** Since the last event of a name. Reading is safe at any time (R12); waiting saves versions nobody wants. */
const QUIET_MS = 4
/** For a name that was taken up a moment ago. */
const QUIET_AGAIN_MS = 250
const RECENT_MS = 2_000
/** A name that is never quiet is looked at after this long all the same. */
const UNQUIET_MAX_MS = 3_000
/** More names at once are a burst: events may have been lost in it, so everything is looked at. */
const BURST_NAMES = 1_000
const BURST_QUIET_MS = 250
/** More that wait, as while a large change is brought to the disk, are not kept: the server is asked once for all. */
const ANNOUNCEMENTS_KEPT = 50

export type Work = { readonly kind: 'everything' } | { readonly kind: 'hinted'; readonly hints: Hints }

interface Waiting {
  readonly folder: string
  readonly identity: string | undefined
  readonly name: string | null
  readonly since: number
  last: number
  due: number
}

interface Rest {
  readonly until: number
  readonly quietMs: number
}

/** Where a folder is now that was told by this name, and has this identity where that is known. */
export type PathOf = (told: string, identity: string | undefined) => string

/** Times are milliseconds of one clock. */
export class Agenda {
  readonly #pathOf: PathOf
  #names = new Map<string, Waiting>()
  #recent = new Map<string, number>()
  #announcements: Announcement[] = []
  #burstSince: number | null = null
  #everythingAt: number | null = null
  #askAt: number | null = null
  #resting = new Map<string, Rest>()

  constructor(pathOf: PathOf = (told) => told) {
    this.#pathOf = pathOf
  }

  /** Something may have happened to this name, or to anything below this folder. */
  changed(folder: string, name: string | null, now: number, identity?: string): void {
    if (this.#burstSince !== null) {
      this.#everythingAt = Math.min(this.#burstSince + UNQUIET_MAX_MS, now + BURST_QUIET_MS)
      return
    }
    const key = keyOf(folder, name)
    const waiting = this.#names.get(key)
    const since = waiting?.since ?? now
    const quiet =
      now - (this.#recent.get(key) ?? Number.NEGATIVE_INFINITY) < RECENT_MS ? QUIET_AGAIN_MS : QUIET_MS
    const due = Math.min(since + UNQUIET_MAX_MS, now + quiet)
    if (waiting) Object.assign(waiting, { last: now, due })
    else this.#names.set(key, { folder, identity, name, since, last: now, due })
    if (this.#names.size > BURST_NAMES) {
      this.#names.clear()
      this.#burstSince = since
      this.#everythingAt = now + BURST_QUIET_MS
    }
  }

  announced(announcement: Announcement): void {
    this.#announcements.push(announcement)
    if (this.#announcements.length <= ANNOUNCEMENTS_KEPT) return
    this.#announcements = []
    this.#askAt = 0
  }

  /** The server is to be asked at this time, or earlier. */
  askAt(time: number): void {
    this.#askAt = Math.min(this.#askAt ?? time, time)
  }

  /** Everything is to be looked at at this time, or earlier. */
  everythingAt(time: number): void {
    this.#everythingAt = Math.min(this.#everythingAt ?? time, time)
  }

  /** What waits is dropped, and everything looked at at this time, not earlier. */
  everythingNotBefore(time: number): void {
    this.#drop()
    this.#everythingAt = time
  }

  /**
   * This name is left alone until that time, or until nothing has happened to it for so long: a file that never stops
   * changing is read now and then only, and keeps no other waiting.
   */
  rest(folder: string, name: string, until: number, quietMs: number): void {
    this.#resting.set(keyOf(folder, name), { until, quietMs })
  }

  /** Something was told of, here or there, that nobody has looked at yet. */
  get isWaitedFor(): boolean {
    return this.#names.size > 0 || this.#announcements.length > 0 || this.#burstSince !== null
  }

  /** When there will be something to do; null: when something happens. */
  nextAt(): number | null {
    if (this.#announcements.length > 0) return 0
    const times = [...this.#names].map(([key, waiting]) => this.#dueOf(key, waiting))
    if (this.#everythingAt !== null) times.push(this.#everythingAt)
    if (this.#askAt !== null) times.push(this.#askAt)
    return times.length > 0 ? Math.min(...times) : null
  }

  /** Everything is about to be looked at: what waits is part of that. */
  takeEverything(): void {
    this.#drop()
  }

  /** Takes what is due; null when nothing is. */
  take(now: number): Work | null {
    if (this.#everythingAt !== null && this.#everythingAt <= now) {
      this.#drop()
      return { kind: 'everything' }
    }
    const scope = new Map<string, Set<string> | 'all'>()
    for (const [key, waiting] of this.#names) {
      if (this.#dueOf(key, waiting) > now) continue
      const { name } = waiting
      // It may have been moved while this waited, by what came from the server.
      const folder = this.#pathOf(waiting.folder, waiting.identity)
      this.#names.delete(key)
      this.#resting.delete(key)
      this.#remember(key, now)
      const names = scope.get(folder) ?? new Set()
      if (name === null) scope.set(folder, 'all')
      else if (names !== 'all') scope.set(folder, names.add(name))
    }
    const announcements = this.#announcements
    this.#announcements = []
    const ask = this.#askAt !== null && this.#askAt <= now
    if (ask) this.#askAt = null
    if (scope.size === 0 && announcements.length === 0 && !ask) return null
    return { kind: 'hinted', hints: { scope, announcements, ask } }
  }

  #dueOf(key: string, { last, due }: Waiting): number {
    const rest = this.#resting.get(key)
    return rest ? Math.max(due, Math.min(rest.until, last + rest.quietMs)) : due
  }

  #remember(key: string, now: number): void {
    this.#recent.delete(key)
    this.#recent.set(key, now)
    for (const [old, at] of this.#recent) {
      if (now - at < RECENT_MS) break
      this.#recent.delete(old)
    }
  }

  #drop(): void {
    this.#names.clear()
    this.#resting.clear()
    this.#announcements = []
    this.#burstSince = null
    this.#everythingAt = null
    this.#askAt = null
  }
}

function keyOf(folder: string, name: string | null): string {
  return `${folder}/${name ?? ''}`
}
