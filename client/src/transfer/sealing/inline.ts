/** Sealing in the thread that asks: for little work, and where nothing may depend on when a thread gets its turn. */
import { chunkerKey } from '@pileus/core/content/chunker'
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { Area } from '../../files/files.ts'
import { ReadBuffer, type SealingTools, sealFile } from './sealed-file.ts'
import type { OpenSealing, Piece, Sealing, SealingKeys, SourceFile } from './sealing.ts'

/** Sealing of the files of this area. */
export function inlineSealing(crypto: Crypto, area: Area): OpenSealing {
  return (keys) => new InlineSealing(crypto, area, keys)
}

class InlineSealing implements Sealing {
  readonly #tools: SealingTools
  readonly #read = new ReadBuffer()
  #sealed = new Uint8Array(0)

  constructor(crypto: Crypto, area: Area, { chunkSecret, chunkerKey: key }: SealingKeys) {
    this.#tools = { crypto, area, chunkSecret, chunker: chunkerKey(crypto, key) }
  }

  async *seal<F extends SourceFile>(files: Iterable<F>, signal?: AbortSignal): AsyncGenerator<Piece<F>> {
    const place = (bytes: number) => {
      signal?.throwIfAborted()
      return this.#place(bytes)
    }
    for (const file of files) {
      signal?.throwIfAborted()
      const outcome = yield* sealFile(this.#tools, file, this.#read, place)
      yield { type: 'end', file, outcome }
    }
  }

  [Symbol.dispose](): void {}

  #place(bytes: number): Uint8Array {
    if (this.#sealed.length < bytes) this.#sealed = new Uint8Array(bytes)
    return this.#sealed.subarray(0, bytes)
  }
}
