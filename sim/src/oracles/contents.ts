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

/** Contents by hash; null where they are those that somebody saved. */
export type Found = ReadonlyMap<string, Uint8Array | null>

export class Contents {
  /** By hash, in the order of saving. */
  readonly saved = new Map<string, Saved>()
  /** Contents that somebody saw on their own disk when they replaced or deleted them. */
  readonly #givenUp = new Set<string>()
  readonly #linesGivenUp = new Set<string>()
  /** Whatever programs wrote, whole or not. */
  readonly #written = new Set<string>()
  readonly #linesWritten = new Set<string>()
  /** By hash: how often somebody put a file that was there in the place of another. */
  readonly #putAbout = new Map<string, number>()
  /** What was in everybody's folder at a rest → when that was last so, in milliseconds. */
  readonly #current = new Map<string, number>()

  save(bytes: Uint8Array, where: string): void {
    this.wrote(bytes)
    const hash = contentHash(bytes)
    this.#givenUp.delete(hash)
    const known = this.saved.get(hash)
    if (known) known.times++
    else this.saved.set(hash, { where, bytes, lines: linesOf(bytes), times: 1 })
  }

  /** A program left this in a file, perhaps in the middle of writing. */
  wrote(bytes: Uint8Array): void {
    this.#written.add(contentHash(bytes))
    for (const line of linesOf(bytes)) this.#linesWritten.add(line)
  }

  /** Call before the person overwrites what is at this path, with what takes its place, or deletes it. */
  giveUp(files: MemoryFiles, path: string, instead?: Uint8Array): void {
    const stat = files.folder.stat(path)
    if (stat?.type === 'file') this.replaced(readAll(files, path), instead)
    if (stat?.type === 'folder' || path === '') {
      for (const name of files.folder.list(path).names)
        this.giveUp(files, path === '' ? name : `${path}/${name}`)
    }
  }

  /** A program had these bytes before it, and put others instead, or none. */
  replaced(bytes: Uint8Array, instead?: Uint8Array): void {
    this.#givenUp.add(contentHash(bytes))
    const kept = new Set(instead && linesOf(instead))
    for (const line of linesOf(bytes)) if (!kept.has(line)) this.#linesGivenUp.add(line)
  }

  /** The person put the file at this path there in the place of another, whose name it has now. */
  putAbout(files: MemoryFiles, path: string): void {
    const hash = contentHash(readAll(files, path))
    this.#putAbout.set(hash, (this.#putAbout.get(hash) ?? 0) + 1)
  }

  /** Whether more than one person saved these bytes, or put them in the place of others, or one did more than once. */
  isCommon(hash: string): boolean {
    return (this.saved.get(hash)?.times ?? 2) > 1 || (this.#putAbout.get(hash) ?? 0) > 1
  }

  /** Saved contents that are in none of these, whole or by their lines, and that nobody gave up. */
  missing(found: Found): string[] {
    return this.#lacking(found, () => false)
  }

  /**
   * The same of what lies in folders: what nobody took away is where people see it, not in history alone. Of what was
   * saved more than once it cannot be told which of them was taken away.
   */
  hidden(onDisks: Found): string[] {
    return this.#lacking(onDisks, ({ times }) => times > 1)
  }

  #lacking(found: Found, excused: (saved: Saved) => boolean): string[] {
    const lines = this.#linesIn(found)
    const isKept = (line: string) => lines.has(line) || this.#linesGivenUp.has(line)
    const lost: string[] = []
    for (const [hash, saved] of this.saved) {
      if (found.has(hash) || this.#givenUp.has(hash) || excused(saved)) continue
      if (saved.lines.length === 0 || !saved.lines.every(isKept)) lost.push(saved.where)
    }
    return lost
  }

  #linesIn(found: Found): Set<string> {
    const lines = new Set<string>()
    for (const [hash, bytes] of found) {
      const known = bytes ?? this.saved.get(hash)?.bytes
      if (known) for (const line of linesOf(known)) lines.add(line)
    }
    return lines
  }

  /** Contents that no program ever wrote, and that are no texts of lines that some did. */
  invented(found: Found): string[] {
    const made: string[] = []
    for (const [hash, bytes] of found) {
      if (bytes === null || bytes.length === 0 || this.#written.has(hash)) continue
      const text = new TextDecoder().decode(bytes)
      const lines = text.split(/(?<=\n)/)
      const isMerge =
        bytes[0] === COLON && lines.every((line) => this.#linesWritten.has(line.replace(/\n$/, '')))
      if (!isMerge) made.push(JSON.stringify(text.slice(0, 40)))
    }
    return made
  }

  /** All this is in everybody's folder at this time. */
  rested(hashes: Iterable<string>, now: number): void {
    for (const hash of hashes) this.#current.set(hash, now)
  }

  /** What was there is not to be had from history any more: the server that kept it was set back. */
  forgetHistory(): void {
    this.#current.clear()
  }

  /** Contents that were in everybody's folder since then and are not found any more (R7). */
  forgotten(found: Found, since: number): string[] {
    const lost: string[] = []
    for (const [hash, last] of this.#current) {
      if (last < since) this.#current.delete(hash)
      else if (!found.has(hash)) lost.push(this.saved.get(hash)?.where ?? hash)
    }
    return lost
  }
}

const COLON = 0x3a

/** Text written by `words` has lines that begin with a mark. */
function linesOf(bytes: Uint8Array): string[] {
  if (bytes[0] !== COLON) return []
  return new TextDecoder()
    .decode(bytes)
    .split('\n')
    .filter((line) => line !== '')
}
