/** Sealing one file in one go, in the thread that calls. */
import { sealChunkInto, storedChunkBytes } from '@pileus/core/content/chunk'
import type { ChunkerKey } from '@pileus/core/content/chunker'
import type { Crypto } from '@pileus/core/crypto/crypto'
import { CHUNK_MAX_BYTES } from '@pileus/core/limits'
import { type Area, FileError } from '../../files/files.ts'
import { Cutting } from './cutting.ts'
import type { ChunkPiece, Outcome, SourceFile } from './sealing.ts'

export interface SealingTools {
  readonly crypto: Crypto
  readonly chunker: ChunkerKey
  readonly chunkSecret: Uint8Array
  readonly area: Area
}

/** Room for two of the longest chunks, so that what is left of one reading is moved seldom. */
const READ_BYTES = 2 * CHUNK_MAX_BYTES

/** A buffer that serves for file after file, as large as the largest needed so far. */
export class ReadBuffer {
  #bytes = new Uint8Array(0)

  /** For a file of `size` bytes. What it held before is still in it. */
  of(size: number): Uint8Array {
    const needed = Math.min(size, READ_BYTES)
    if (this.#bytes.length < needed) this.#bytes = new Uint8Array(needed)
    return this.#bytes.subarray(0, needed)
  }
}

/**
 * Reads and seals a file. `place` gives room for the next chunk; when it gives null there is none, and the file is
 * said to have changed. What the disk refuses is an outcome too.
 */
export function* sealFile(
  tools: SealingTools,
  file: SourceFile,
  buffer: ReadBuffer,
  place: (bytes: number) => Uint8Array | null,
): Generator<ChunkPiece, Outcome> {
  try {
    using cutting = new Cutting(tools.crypto, tools.chunker, tools.area, file.path)
    const { size } = cutting.before
    while (!cutting.ended) {
      const bytes = buffer.of(size)
      let start = 0
      for (const length of cutting.next(bytes)) {
        const into = place(storedChunkBytes(length))
        if (!into) return { type: 'changed', size }
        const data = bytes.subarray(start, start + length)
        yield {
          type: 'chunk',
          entry: sealChunkInto(tools.crypto, tools.chunkSecret, data, into),
          bytes: into,
        }
        start += length
      }
    }
    return cutting.outcome()
  } catch (error) {
    if (error instanceof FileError) return { type: 'failed', error }
    throw error
  }
}
