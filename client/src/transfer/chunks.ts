/** Chunks from the server, fetched together. */
import { ChunkCorrupt, openChunk } from '@pileus/core/content/chunk'
import { ListMalformed, type PlacedEntry, readChunkList } from '@pileus/core/content/list'
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { ChunkId, ZoneId } from '@pileus/core/ids/ids'
import { Problem, type ProblemCode } from '@pileus/core/protocol/problem'
import type { ChunkEntry, Content } from '@pileus/core/records/record'
import { type Allocate, type Remote, type Source, Unreachable } from '../remote/remote.ts'

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

/** Refusals that say something of one chunk: the others may come all the same. */
const OF_ONE_CHUNK: readonly ProblemCode[] = ['not-found', 'damaged-storage', 'chunk-corrupt', 'internal']

function isOfOneChunk(error: unknown): error is Error {
  return error instanceof Unreachable
    ? error.midway
    : error instanceof Problem && OF_ONE_CHUNK.includes(error.code)
}

/**
 * Fetches these chunks; when the server cannot give all at once, one by one, so that only the bad ones fail. Rejects where it
 * gives none.
 */
export async function fetchIds(
  context: ChunkContext,
  ids: readonly ChunkId[],
  allocate?: Allocate,
  from: Source = 'server',
): Promise<Fetched> {
  const fetched = new Map<ChunkId, Uint8Array | string>()
  try {
    for await (const { id, bytes } of context.remote.fetch(context.zone, ids, allocate, from)) {
      fetched.set(id, bytes)
      context.progress(bytes.length)
    }
    return fetched
  } catch (error) {
    context.signal?.throwIfAborted()
    if (!isOfOneChunk(error)) throw error
    if (ids.length === 1) return new Map([[ids[0]!, error.message]])
  }
  for (const id of ids) {
    if (!fetched.has(id)) fetched.set(id, (await fetchIds(context, [id], allocate)).get(id)!)
  }
  return fetched
}

/** What is kept of the nodes of lists: those of some GiB of content. */
const KEPT_BYTES = 4 * 1024 * 1024

/** Nodes of one version's list, which the next version's mostly shares. The first ones are kept. */
export class KeptNodes {
  readonly #nodes = new Map<ChunkId, Uint8Array>()
  #bytes = 0

  get(id: ChunkId): Uint8Array | undefined {
    return this.#nodes.get(id)
  }

  keep(id: ChunkId, bytes: Uint8Array): void {
    if (this.#bytes + bytes.length > KEPT_BYTES) return
    this.#bytes += bytes.length
    this.#nodes.set(id, bytes)
  }
}

/**
 * The entries of a file's chunk list; nodes that were kept are not fetched. Throws what `isListFailure` knows when the
 * list cannot be read.
 */
export function readList(
  context: ChunkContext,
  content: FileContent,
  kept: KeptNodes = new KeptNodes(),
): AsyncIterable<PlacedEntry> {
  return readChunkList(context.crypto, content, async ({ id }) => {
    const known = kept.get(id)
    if (known) return known
    const bytes = (await fetchIds(context, [id])).get(id)!
    if (typeof bytes === 'string') throw new Unreadable(bytes)
    kept.keep(id, bytes)
    return bytes
  })
}

/** Whether one list cannot be read, which says nothing about others. */
export function isListFailure(error: unknown): error is Error {
  return error instanceof Unreadable || error instanceof ListMalformed || error instanceof ChunkCorrupt
}

/**
 * The data of a chunk that could not be opened, fetched once more: the server hashes a chunk that is asked for alone, and
 * finds another copy, or says that it has none. Rejects with Unreadable then, or with ChunkCorrupt.
 */
export async function fetchAgain(context: ChunkContext, entry: ChunkEntry): Promise<Uint8Array> {
  const bytes = (await fetchIds(context, [entry.id])).get(entry.id)!
  if (typeof bytes === 'string') throw new Unreadable(bytes)
  return openChunk(context.crypto, entry, bytes)
}

/** A chunk that the server cannot give. */
export class Unreadable extends Error {}
