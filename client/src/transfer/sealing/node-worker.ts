/** A thread that reads and seals files. It keeps nothing between two requests but files that are read part by part. */
import { parentPort } from 'node:worker_threads'
import { dataHash, sealChunkInto, storedChunkBytes } from '@pileus/core/content/chunk'
import { chunkerKey } from '@pileus/core/content/chunker'
import { nodeCrypto } from '@pileus/core/crypto/node'
import type { ChunkEntry } from '@pileus/core/records/record'
import { FileError } from '../../files/files.ts'
import { nodeFiles } from '../../files/node.ts'
import type { Broken } from '../threads/node-thread.ts'
import { Cutting } from './cutting.ts'
import {
  type Answer,
  type CutOn,
  type FileAnswer,
  failedMessage,
  type HashChunks,
  outcomeMessage,
  type Request,
  type SealChunks,
  type SealFiles,
  type Slots,
  type Start,
} from './node-messages.ts'
import { ReadBuffer, type SealingTools, sealFile } from './sealed-file.ts'

const port = parentPort!
let worker: SealingWorker | null = null
port.on('message', (request: Request) => {
  try {
    if (request.type === 'start') worker = new SealingWorker(request)
    else port.postMessage(worker!.answer(request))
  } catch (error) {
    port.postMessage({ type: 'broken', message: String(error) } satisfies Broken)
  }
})

class SealingWorker {
  readonly #tools: SealingTools
  readonly #slots: Slots
  readonly #buffer = new ReadBuffer()
  /** The file that is read part by part, and the last one that was. */
  #cutting: Cutting | null = null
  #reading = -1

  constructor({ keys, folder, work, slots }: Start) {
    this.#slots = slots
    const chunker = chunkerKey(nodeCrypto, keys.chunkerKey)
    const area = nodeFiles({ folder, work }).folder
    this.#tools = { crypto: nodeCrypto, chunker, chunkSecret: keys.chunkSecret, area }
  }

  answer(request: Exclude<Request, Start>): Answer {
    switch (request.type) {
      case 'files':
        return this.#files(request)
      case 'cut':
        return this.#cut(request)
      case 'hash':
        return this.#hash(request)
      case 'seal':
        return this.#seal(request)
    }
  }

  #files({ files, into }: SealFiles): Answer {
    const slot = this.#slots.sealed[into]!
    let used = 0
    const place = (bytes: number): Uint8Array | null => {
      if (used + bytes > slot.byteLength) return null
      used += bytes
      return new Uint8Array(slot, used - bytes, bytes)
    }
    const answers = files.map((file): FileAnswer => {
      const chunks = sealFile(this.#tools, file, this.#buffer, place)
      const entries: ChunkEntry[] = []
      let next = chunks.next()
      for (; !next.done; next = chunks.next()) entries.push(next.value.entry)
      return { entries, outcome: outcomeMessage(next.value) }
    })
    return { type: 'files', files: answers }
  }

  #cut({ reading, path, into }: CutOn): Answer {
    try {
      if (reading !== this.#reading) {
        this.#close()
        this.#reading = reading
        this.#cutting = new Cutting(nodeCrypto, this.#tools.chunker, this.#tools.area, path)
      }
      const cutting = this.#cutting
      if (!cutting) return { type: 'cut', lengths: [], outcome: null, ended: true }
      const lengths = cutting.next(new Uint8Array(this.#slots.read[into]!))
      if (!cutting.ended) return { type: 'cut', lengths, outcome: null, ended: false }
      const outcome = outcomeMessage(cutting.outcome())
      this.#close()
      return { type: 'cut', lengths, outcome, ended: true }
    } catch (error) {
      this.#close()
      if (!(error instanceof FileError)) throw error
      return { type: 'cut', lengths: [], outcome: failedMessage(error), ended: true }
    }
  }

  #close(): void {
    const cutting = this.#cutting
    this.#cutting = null
    cutting?.[Symbol.dispose]()
  }

  #hash({ from, places }: HashChunks): Answer {
    const read = this.#slots.read[from]!
    const hashes = places.map(({ start, length }) =>
      dataHash(nodeCrypto, new Uint8Array(read, start, length)),
    )
    return { type: 'hash', hashes }
  }

  #seal({ from, places, into }: SealChunks): Answer {
    const { chunkSecret } = this.#tools
    const [read, sealed] = [this.#slots.read[from]!, this.#slots.sealed[into]!]
    let at = 0
    const entries = places.map(({ start, length }) => {
      const data = new Uint8Array(read, start, length)
      const place = new Uint8Array(sealed, at, storedChunkBytes(length))
      at += place.length
      return sealChunkInto(nodeCrypto, chunkSecret, data, place)
    })
    return { type: 'seal', entries }
  }
}
