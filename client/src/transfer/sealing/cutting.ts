/** One file being read from its start to its end: cut into chunks, and hashed as a whole. */
import { type ChunkerKey, cutLength } from '@pileus/core/content/chunker'
import type { Crypto, Sha256 } from '@pileus/core/crypto/crypto'
import { type Digest, idFromBytes } from '@pileus/core/ids/ids'
import { CHUNK_MAX_BYTES } from '@pileus/core/limits'
import type { Area, FileReader, Stat } from '../../files/files.ts'
import type { Outcome } from './sealing.ts'

const EMPTY = new Uint8Array(0)

/** Close it, whatever happens. Every call throws FileError when the disk refuses. */
export class Cutting implements Disposable {
  /** What was there when the reading began. */
  readonly before: Stat
  readonly #crypto: Crypto
  readonly #chunker: ChunkerKey
  readonly #area: Area
  readonly #path: string
  readonly #reader: FileReader
  #sha256: Sha256 | null = null
  #hash: Digest | null = null
  /** Read, and not yet cut: more must follow to tell where. */
  #rest: Uint8Array = EMPTY
  #position = 0

  constructor(crypto: Crypto, chunker: ChunkerKey, area: Area, path: string) {
    this.#crypto = crypto
    this.#chunker = chunker
    this.#area = area
    this.#path = path
    this.#reader = area.read(path)
    try {
      this.before = this.#reader.stat()
    } catch (error) {
      this.#reader.close()
      throw error
    }
  }

  /** True once all of the file was read and cut. */
  get ended(): boolean {
    return this.#hash !== null
  }

  /**
   * Reads on into a buffer: the file's next chunks stand at its start one after another, of these lengths. A buffer
   * of CHUNK_MAX_BYTES, or of the file's size, holds one at least, unless the file is at its end.
   */
  next(into: Uint8Array): number[] {
    into.set(this.#rest)
    let filled = this.#rest.length
    let last = this.#position >= this.before.size
    while (filled < into.length && !last) {
      const read = this.#reader.read(into.subarray(filled), this.#position)
      filled += read
      this.#position += read
      // A file that grew is read again anyway, and one that shrank ends early.
      last = read === 0 || this.#position >= this.before.size
    }
    this.#digest(into.subarray(this.#rest.length, filled), last)
    return this.#cut(into.subarray(0, filled), last)
  }

  /** How the reading went, once it has ended: whether the file is what it was, and the path still names it. */
  outcome(): Outcome {
    const now = this.#area.stat(this.#path)
    const { signature } = this.before
    if (this.#reader.stat().signature === signature && now?.signature === signature) {
      return { type: 'sealed', hash: this.#hash!, stat: this.before }
    }
    return { type: 'changed', size: now?.size ?? 0 }
  }

  [Symbol.dispose](): void {
    this.#reader.close()
  }

  #digest(read: Uint8Array, last: boolean): void {
    if (last && this.#sha256 === null) {
      this.#hash = idFromBytes('digest', this.#crypto.sha256(read))
      return
    }
    this.#sha256 ??= this.#crypto.createSha256()
    this.#sha256.update(read)
    if (last) this.#hash = idFromBytes('digest', this.#sha256.digest())
  }

  #cut(bytes: Uint8Array, last: boolean): number[] {
    const lengths: number[] = []
    let start = 0
    while (start < bytes.length) {
      // With less than the longest chunk at hand, a cut not found may yet come: then it is looked for again.
      const length = cutLength(this.#chunker, bytes.subarray(start), last)
      if (length === 0) break
      lengths.push(length)
      start += length
    }
    this.#keep(bytes.subarray(start))
    return lengths
  }

  /** Copied, since the buffer it stands in is not ours. */
  #keep(rest: Uint8Array): void {
    if (rest.length > this.#rest.buffer.byteLength) this.#rest = new Uint8Array(CHUNK_MAX_BYTES)
    this.#rest = new Uint8Array(this.#rest.buffer, 0, rest.length)
    this.#rest.set(rest)
  }
}
