/** Doing parts in the thread that calls: what all engines of assembling come to. */
import { ChunkCorrupt, openChunkInPlace } from '@pileus/core/content/chunk'
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { Area } from '../../files/files.ts'
import type { Part, Written } from './assembler.ts'
import { Assembling } from './assembling.ts'

type Chunk = Extract<Part, { do: 'chunk' }>

export class PartWriter implements Disposable {
  readonly #crypto: Crypto
  readonly #work: Area
  #file: Assembling | null = null

  constructor(crypto: Crypto, work: Area) {
    this.#crypto = crypto
    this.#work = work
  }

  /** Whether a file was begun and has not ended. */
  get isWithinFile(): boolean {
    return this.#file !== null
  }

  /** Throws FileError when the disk refuses. */
  write(parts: readonly Part[]): Written {
    const ended: (string | null)[] = []
    /** By where they lie: a chunk that stands in several places is opened once. */
    const opened = new Map<Uint8Array, Uint8Array>()
    for (const [index, part] of parts.entries()) {
      switch (part.do) {
        case 'begin':
          this.#file = new Assembling(this.#crypto, this.#work, part.file)
          break
        case 'data':
          this.#file!.write(part.data)
          break
        case 'chunk': {
          if (this.#file!.failed) break
          const data = this.#open(opened, part)
          if (data === null) return { ended, damaged: index }
          this.#file!.write(data)
          break
        }
        case 'fail':
          this.#file!.fail(part.why)
          break
        case 'end':
          ended.push(this.#file!.end())
          this.#file = null
      }
    }
    return { ended, damaged: null }
  }

  [Symbol.dispose](): void {
    this.#file?.[Symbol.dispose]()
    this.#file = null
  }

  /** Null when it cannot be opened. */
  #open(opened: Map<Uint8Array, Uint8Array>, { entry, bytes }: Chunk): Uint8Array | null {
    const known = opened.get(bytes)
    // The same stored bytes may stand for data of another length (CNT-13), and are open already.
    if (known) return known.length === entry.length ? known : null
    try {
      const data = openChunkInPlace(this.#crypto, entry, bytes)
      opened.set(bytes, data)
      return data
    } catch (error) {
      if (error instanceof ChunkCorrupt) return null
      throw error
    }
  }
}
