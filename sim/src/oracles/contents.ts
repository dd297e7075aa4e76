/**
 * Oracle (b): what every person saved, and what they saw when they replaced it, kept apart from the program, so that a
 * loss cannot hide behind the program's own idea of what was there.
 */
import type { MemoryFiles } from '@pileus/client/files/memory'
import { contentHash, readAll } from '../world/disk-tree.ts'

interface Saved {
  readonly where: string
  readonly bytes: Uint8Array
  /** Lines nobody else ever wrote, where it is text: a merge may leave them in another content. */
  readonly lines: readonly string[]
  times: number
}

export class Contents {
  /** By hash, in the order of saving. */
  readonly saved = new Map<string, Saved>()
  /** Contents that somebody saw on their own disk when they replaced or deleted them. */
  readonly #givenUp = new Set<string>()
  readonly #linesGivenUp = new Set<string>()

  save(bytes: Uint8Array, where: string): void {
    const hash = contentHash(bytes)
    this.#givenUp.delete(hash)
    const known = this.saved.get(hash)
    if (known) known.times++
    else this.saved.set(hash, { where, bytes, lines: linesOf(bytes), times: 1 })
  }

  /** Call before the person overwrites or deletes what is at this path. */
  giveUp(files: MemoryFiles, path: string): void {
    const stat = files.folder.stat(path)
    if (stat?.type === 'file') {
      const bytes = readAll(files, path)
      this.#givenUp.add(contentHash(bytes))
      for (const line of linesOf(bytes)) this.#linesGivenUp.add(line)
    }
    if (stat?.type === 'folder' || path === '') {
      for (const name of files.folder.list(path).names)
        this.giveUp(files, path === '' ? name : `${path}/${name}`)
    }
  }

  /** Whether more than one person saved these bytes, or one did more than once. */
  isCommon(hash: string): boolean {
    return (this.saved.get(hash)?.times ?? 2) > 1
  }

  /** Saved contents that are in none of these, whole or by their lines, and that nobody gave up. */
  missing(found: ReadonlyMap<string, Uint8Array | null>): string[] {
    const lines = new Set<string>()
    for (const [hash, bytes] of found) {
      const known = bytes ?? this.saved.get(hash)?.bytes
      if (known) for (const line of linesOf(known)) lines.add(line)
    }
    const isKept = (line: string) => lines.has(line) || this.#linesGivenUp.has(line)
    const lost: string[] = []
    for (const [hash, saved] of this.saved) {
      if (found.has(hash) || this.#givenUp.has(hash)) continue
      if (saved.lines.length === 0 || !saved.lines.every(isKept)) lost.push(saved.where)
    }
    return lost
  }
}

/** Text written by `words` has lines that begin with a mark. */
function linesOf(bytes: Uint8Array): string[] {
  if (bytes[0] !== 0x3a) return []
  return new TextDecoder()
    .decode(bytes)
    .split('\n')
    .filter((line) => line !== '')
}
