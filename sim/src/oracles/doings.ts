/**
 * What people did must stand, and what nobody touched must stay: from one rest to the next, by paths alone. What one
 * person did while the others did nothing must be exactly what everybody has afterwards.
 */
import type { Seen } from '../world/disk-tree.ts'

type Tree = ReadonlyMap<string, Seen>

/** Names that clash on some disk, and what the program renames by itself, are told by other oracles. */
const RENAMED = /conflicted copy/

/** Of a name that would be too long so, the beginning is left: whose it is stands behind that, in 32 digits. */
const CUT = /^(.*)~[0-9a-f]{32} \([^/]*conflicted copy/su

export class Doings {
  #base: Tree
  /** Path, folded → who touched it. */
  #touched = new Map<string, Set<string>>()
  /** Path as it was → who deleted it. */
  #deleted = new Map<string, string>()
  #actors = new Set<string>()
  #expected: Tree | null = null
  /** Something happened that may bring back what was deleted, and undo what was done. */
  #setBack = false

  /** How names are composed that were there or came since, by the name. */
  readonly #spellings: Map<string, string>
  /**
   * A name came that was there composed in another way. Where its deletion is held it is that of what was made under it anew,
   * and keeps its spelling.
   */
  #respelled = false

  /** Names of folders that somebody deleted once: one that lives on for what is in it goes with the last of that (R6). */
  readonly #ghosts: Set<string>

  /** `base` is what everybody has; `before` is what was told until then. */
  constructor(base: Tree, before?: Doings) {
    this.#base = base
    this.#spellings = new Map([...base.keys()].map((path) => [path.normalize('NFC'), path]))
    this.#ghosts = before ? before.#ghosts : new Set()
  }

  acted(who: string): boolean {
    return this.#actors.has(who)
  }

  /** Somebody did something to this path: it was made, changed, moved from or to. */
  touch(who: string, path: string): void {
    const key = folded(path)
    const by = this.#touched.get(key) ?? new Set()
    this.#touched.set(key, by.add(who))
    this.#actors.add(who)
    for (const at of prefixes(path)) {
      this.#deleted.delete(at)
      const before = this.#spellings.get(at.normalize('NFC'))
      this.#respelled ||= before !== undefined && before !== at
      this.#spellings.set(at.normalize('NFC'), at)
    }
  }

  /** Somebody deleted this, and these are all paths that went with it. */
  remove(who: string, path: string, below: Iterable<string>): void {
    this.touch(who, path)
    for (const each of [path, ...below]) {
      this.#deleted.set(each, who)
      this.#ghosts.add(nameOf(each))
    }
  }

  /** At the last rest. */
  wasThere(path: string): boolean {
    return this.#base.has(path)
  }

  /** Others did something there, or may have made the program give it back the name that it had before a conflict. */
  isTouchedByOthers(path: string, who: string): boolean {
    return RENAMED.test(path) || this.#isTouchedByOthers(path, who)
  }

  setBack(): void {
    this.#setBack = true
  }

  #difference(a: Tree, b: Tree): string | null {
    return differenceOf(a, b, this.#ghosts)
  }

  /** After a person's doing: how their folder looks now. */
  seenAfter(who: string, tree: Tree): void {
    this.#actors.add(who)
    this.#expected = this.#actors.size === 1 ? tree : null
  }

  /** Before a person's doing: whether anybody but them has changed their folder. Returns what is wrong. */
  checkBefore(who: string, tree: Tree): string | null {
    if (this.#setBack || this.#expected === null || !this.#actors.has(who)) return null
    if (hasTwins(tree) || hasTwins(this.#expected)) return null
    const wrong = this.#difference(this.#expected, tree)
    return wrong && `${who} alone did something, and their folder changed by itself: ${wrong}`
  }

  /** At rest. Returns what is wrong. */
  check(tree: Tree): string | null {
    if (this.#setBack) return null
    if (this.#actors.size === 0) {
      const wrong = this.#difference(this.#base, tree)
      return wrong && `nobody did anything, and something changed: ${wrong}`
    }
    if (this.#expected && !hasTwins(this.#expected) && !this.#respelled) {
      const wrong = this.#difference(this.#expected, tree)
      return wrong && `only ${[...this.#actors]} did something, and it did not come to be: ${wrong}`
    }
    for (const [path, seen] of this.#base) {
      if (RENAMED.test(path)) continue
      if (!this.#isTouched(path)) {
        const now = tree.get(path)
        if (!same(seen, now) && !isGhost(path, seen, now, this.#ghosts))
          return `nobody touched ${JSON.stringify(path)}: it was ${show(seen)} and is ${show(now)}`
      }
    }
    for (const [path, who] of this.#deleted) {
      if (
        tree.has(path) &&
        !this.#isTouchedByOthers(path, who) &&
        this.#base.has(path) &&
        !RENAMED.test(path)
      )
        if (!this.#hadNamesake(path))
          // What had another name only because of this one shows its own now.
          return `${who} deleted ${JSON.stringify(path)} and nobody else touched it: it is there, ${show(tree.get(path))}`
    }
    return null
  }

  #isTouched(path: string): boolean {
    return prefixes(folded(path)).some((at) => this.#touched.has(at))
  }

  #hadNamesake(path: string): boolean {
    const dot = path.lastIndexOf('.')
    const stem = dot > path.lastIndexOf('/') + 1 ? path.slice(0, dot) : path
    return [...this.#base.keys()].some((other) => {
      const cut = CUT.exec(other)?.[1]
      return other.startsWith(`${stem} (`) || (cut !== undefined && isBeginning(cut, stem))
    })
  }

  /** It, what it lies in, or what lies in it. */
  #isTouchedByOthers(path: string, who: string): boolean {
    const key = folded(path)
    const within = `${key}/`
    for (const [at, by] of this.#touched) {
      const related = at === key || key.startsWith(`${at}/`) || at.startsWith(within)
      if (related && [...by].some((one) => one !== who)) return true
    }
    return false
  }
}

function folded(path: string): string {
  return path.normalize('NFC').toLowerCase()
}

/** The path itself and all folders above it. */
function prefixes(path: string): string[] {
  const parts = path.split('/')
  return parts.map((_, n) => parts.slice(0, n + 1).join('/'))
}

/** Of the name alone: both lie in one folder. */
function isBeginning(cut: string, path: string): boolean {
  return path.startsWith(cut) && !path.slice(cut.length).includes('/')
}

function hasTwins(tree: Tree): boolean {
  const seen = new Set<string>()
  for (const path of tree.keys()) {
    const key = folded(path)
    if (seen.has(key) || RENAMED.test(path)) return true
    seen.add(key)
  }
  return false
}

/** Folders with a name of `ghosts` may be missing in the second. */
export function differenceOf(a: Tree, b: Tree, ghosts: ReadonlySet<string> = new Set()): string | null {
  for (const [path, seen] of a) {
    const now = b.get(path)
    if (!same(seen, now) && !isGhost(path, seen, now, ghosts))
      return `${JSON.stringify(path)} was ${show(seen)} and is ${show(now)}`
  }
  for (const [path, seen] of b)
    if (!a.has(path)) return `${JSON.stringify(path)} was not there and is ${show(seen)}`
  return null
}

function isGhost(path: string, seen: Seen, now: Seen | undefined, ghosts: ReadonlySet<string>): boolean {
  return seen.kind === 'folder' && now === undefined && ghosts.has(nameOf(path))
}

function nameOf(path: string): string {
  return folded(path.slice(path.lastIndexOf('/') + 1))
}

function same(a: Seen, b: Seen | undefined): boolean {
  if (a.kind !== b?.kind) return false
  switch (a.kind) {
    case 'folder':
      return true
    case 'link':
      return b.kind === 'link' && a.target === b.target
    case 'file':
      return b.kind === 'file' && a.hash === b.hash && a.mtime === b.mtime && a.executable === b.executable
  }
}

function show(seen: Seen | undefined): string {
  if (!seen) return 'not there'
  return seen.kind === 'file'
    ? `a file ${seen.hash.slice(0, 8)} of ${seen.mtime}${seen.executable ? ' x' : ''}`
    : JSON.stringify(seen)
}
