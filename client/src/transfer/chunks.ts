/** Chunks from the server: fetched together, opened where they lie. */
import { ChunkCorrupt, openChunk, openChunkInPlace } from '@pileus/core/content/chunk'
import { ListMalformed, type PlacedEntry, readChunkList } from '@pileus/core/content/list'
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { ChunkId, ZoneId } from '@pileus/core/ids/ids'
import { Problem } from '@pileus/core/protocol/problem'
import type { ChunkEntry, Content } from '@pileus/core/records/record'
import { type Allocate, type Remote, Unreachable } from '../remote/remote.ts'

export type FileContent = Extract<Content, { type: 'chunks' }>

export interface ChunkContext {
  readonly remote: Remote
  readonly crypto: Crypto
  readonly zone: ZoneId
  readonly signal: AbortSignal | undefined
  /** Called with stored bytes that arrived. */
  readonly progress: (bytes: number) => void
}

/** Stored bytes by id, or why there are none. */
export type Fetched = ReadonlyMap<ChunkId, Uint8Array | string>

/** Fetches these chunks; when the server cannot give all at once, one by one, so that only the bad ones fail. */
export async function fetchIds(
  context: ChunkContext,
  ids: readonly ChunkId[],
  allocate?: Allocate,
): Promise<Fetched> {
  const fetched = new Map<ChunkId, Uint8Array | string>()
  try {
    for await (const { id, bytes } of context.remote.fetch(context.zone, ids, allocate)) {
      fetched.set(id, bytes)
      context.progress(bytes.length)
    }
    return fetched
  } catch (error) {
    context.signal?.throwIfAborted()
    if (ids.length === 1) {
      if (error instanceof Unreachable && !error.midway) throw error
      if (!(error instanceof Problem || error instanceof Unreachable)) throw error
      return new Map([[ids[0]!, error.message]])
    }
    if (error instanceof Unreachable && !error.midway) throw error
  }
  for (const id of ids) {
    if (!fetched.has(id)) fetched.set(id, (await fetchIds(context, [id], allocate)).get(id)!)
  }
  return fetched
}

/** The entries of a file's chunk list. Throws what `isListFailure` knows when the list cannot be read. */
export function readList(context: ChunkContext, content: FileContent): AsyncIterable<PlacedEntry> {
  return readChunkList(context.crypto, content, async (entry) => {
    const bytes = (await fetchIds(context, [entry.id])).get(entry.id)!
    if (typeof bytes === 'string') throw new Unreadable(bytes)
    return bytes
  })
}

/** Whether one list cannot be read, which says nothing about others. */
export function isListFailure(error: unknown): error is Error {
  return error instanceof Unreadable || error instanceof ListMalformed || error instanceof ChunkCorrupt
}

/** Opens the chunks of one group, each where it lies, once. */
export class Opener {
  readonly #context: ChunkContext
  readonly #chunks: Fetched
  readonly #opened = new Map<ChunkId, Uint8Array>()

  constructor(context: ChunkContext, chunks: Fetched) {
    this.#context = context
    this.#chunks = chunks
  }

  /** The data of this entry. Rejects with Unreadable when the server cannot give the chunk, or with ChunkCorrupt. */
  async open(entry: ChunkEntry): Promise<Uint8Array> {
    const known = this.#opened.get(entry.id)
    if (known?.length === entry.length) return known
    const bytes = this.#chunks.get(entry.id)
    if (!(bytes instanceof Uint8Array)) throw new Unreadable(bytes ?? NOT_SENT)
    // The same stored bytes may stand for data of another length (CNT-13), and are open already.
    if (known) return this.#openAgain(entry)
    try {
      const data = openChunkInPlace(this.#context.crypto, entry, bytes)
      this.#opened.set(entry.id, data)
      return data
    } catch (error) {
      if (!(error instanceof ChunkCorrupt)) throw error
      return this.#openAgain(entry)
    }
  }

  /** The server hashes a chunk that is asked for alone: it finds another copy, or says that it has none. */
  async #openAgain(entry: ChunkEntry): Promise<Uint8Array> {
    const bytes = (await fetchIds(this.#context, [entry.id])).get(entry.id)!
    if (typeof bytes === 'string') throw new Unreadable(bytes)
    return openChunk(this.#context.crypto, entry, bytes)
  }
}

const NOT_SENT = 'the server did not send one of its chunks'

/** A chunk that the server cannot give. */
export class Unreadable extends Error {}
