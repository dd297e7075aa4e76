/** A person at one device, who edits in a folder of their own, and a ledger of what has to be there in the end. */
import { createCipheriv, createHash } from 'node:crypto'
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Chance } from '../world/random.ts'

const SMALL_MAX_BYTES = 6_000
const MIDDLE_MAX_BYTES = 120_000
const LARGE_MAX_BYTES = 3_000_000
/** Fewer are deleted at once than the guard holds back. */
const DELETED_AT_ONCE = 5

export class Person {
  /** Path below the synced folder → SHA-256 of what was saved there last. */
  readonly ledger = new Map<string, string>()
  /** Edits so far, and the bytes of all that was ever saved. */
  edits = 0
  bytes = 0
  readonly #root: string
  readonly #name: string
  readonly #chance: Chance
  readonly #folders: string[] = []
  readonly #untouched = new Set<string>()
  #names = 0

  /** `name` is the top folder that is theirs alone. */
  constructor(root: string, name: string, chance: Chance) {
    this.#root = root
    this.#name = name
    this.#chance = chance
  }

  /** A tree of so many files, most of them small. */
  fill(files: number): void {
    for (let n = 0; n < files; n++) {
      if (n % 100 === 0) this.#makeFolder()
      this.#write(this.#newPath(), this.#size())
    }
  }

  /** One file of this size, which later edits leave alone. */
  fillOne(bytes: number): void {
    const path = `${this.#name}, large`
    this.#write(path, bytes)
    this.#untouched.add(path)
  }

  /** Some of everything that people do: new files, new contents, renames, deletions, moved folders. */
  edit(): void {
    const chance = this.#chance
    this.edits++
    if (this.#folders.length === 0 || chance.happens(0.2)) this.#makeFolder()
    for (let n = 1 + chance.below(40); n > 0; n--) this.#write(this.#newPath(), this.#size())
    for (const path of this.#some(10)) this.#write(path, this.#size())
    for (const path of this.#some(10)) this.#move(path, this.#newPath())
    for (const path of this.#some(DELETED_AT_ONCE)) this.#remove(path)
    if (chance.happens(0.5)) this.#moveFolder()
  }

  #size(): number {
    const chance = this.#chance
    const kind = chance.fraction()
    return chance.below(kind < 0.9 ? SMALL_MAX_BYTES : kind < 0.995 ? MIDDLE_MAX_BYTES : LARGE_MAX_BYTES)
  }

  #newPath(): string {
    return `${this.#chance.pick(this.#folders)}/${++this.#names}.bin`
  }

  /** Fewer than `limit` of the files there are. */
  #some(limit: number): Set<string> {
    const paths = [...this.ledger.keys()].filter((path) => !this.#untouched.has(path))
    if (paths.length === 0) return new Set()
    return new Set(Array.from({ length: this.#chance.below(limit) }, () => this.#chance.pick(paths)))
  }

  #makeFolder(): void {
    // Sometimes inside another one.
    const above =
      this.#folders.length > 0 && this.#chance.happens(0.3) ? this.#chance.pick(this.#folders) : this.#name
    const path = `${above}/folder ${++this.#names}`
    mkdirSync(join(this.#root, path), { recursive: true })
    this.#folders.push(path)
  }

  #write(path: string, bytes: number): void {
    const content = noise(this.#chance, bytes)
    writeFileSync(join(this.#root, path), content)
    this.ledger.set(path, createHash('sha256').update(content).digest('hex'))
    this.bytes += bytes
  }

  #move(from: string, to: string): void {
    renameSync(join(this.#root, from), join(this.#root, to))
    this.ledger.set(to, this.ledger.get(from)!)
    this.ledger.delete(from)
  }

  #remove(path: string): void {
    rmSync(join(this.#root, path))
    this.ledger.delete(path)
  }

  #moveFolder(): void {
    const from = this.#chance.pick(this.#folders)
    const to = `${this.#name}/moved ${++this.#names}`
    renameSync(join(this.#root, from), join(this.#root, to))
    const under = `${from}/`
    for (const [index, path] of this.#folders.entries())
      if (path === from || path.startsWith(under)) this.#folders[index] = to + path.slice(from.length)
    for (const [path, hash] of [...this.ledger]) {
      if (!path.startsWith(under)) continue
      this.ledger.delete(path)
      this.ledger.set(to + path.slice(from.length), hash)
    }
  }
}

/** A keystream: fast, and equal to no other. */
function noise(chance: Chance, bytes: number): Buffer {
  const cipher = createCipheriv('aes-128-ctr', chance.bytes(16), Buffer.alloc(16))
  return cipher.update(Buffer.alloc(bytes))
}
