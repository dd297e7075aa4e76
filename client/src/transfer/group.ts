/** A group of chunks that are fetched, held in memory and written together: what bounds the memory of a download. */
import type { BufferPool } from '@pileus/core/bytes/buffer-pool'
import { storedChunkBytes } from '@pileus/core/content/chunk'
import type { ChunkId } from '@pileus/core/ids/ids'
import { DIRECT_READ_MIN_BYTES } from '@pileus/core/limits'
import type { ChunkEntry } from '@pileus/core/records/record'
import { Arena } from './arena.ts'
import { GROUP_BYTES } from './assembling/assembler.ts'
import { type ChunkContext, type Fetched, fetchIds } from './chunks.ts'

const GROUP_CHUNKS = 1_024

export class Group<Piece> {
  readonly pieces: Piece[] = []
  /** Where the bytes of the pieces are: nobody uses these once the group is written. */
  readonly arena: Arena
  /** With the bytes of content in each. */
  readonly #wanted = new Map<ChunkId, number>()
  #bytes = 0
  #wantedBytes = 0
  #chunks = 0

  /** `buffers` lends one of GROUP_BYTES. */
  constructor(buffers: BufferPool) {
    this.arena = new Arena(buffers)
  }

  /** Whether there is room for this chunk; there always is in an empty group. */
  fits({ id, length }: ChunkEntry): boolean {
    if (this.#chunks >= GROUP_CHUNKS) return false
    return this.#wanted.has(id) || this.#bytes + storedChunkBytes(length) <= GROUP_BYTES
  }

  /** Whether this chunk is fetched with the group, for another place where it stands. */
  wants({ id }: ChunkEntry): boolean {
    return this.#wanted.has(id)
  }

  /** Counts a chunk, to be fetched or from this disk. */
  count(entry: ChunkEntry, from: 'server' | 'disk'): void {
    this.#chunks++
    if (this.#wanted.has(entry.id)) return
    const bytes = storedChunkBytes(entry.length)
    this.#bytes += bytes
    if (from !== 'server') return
    this.#wanted.set(entry.id, entry.length)
    this.#wantedBytes += bytes
  }

  async fetch(context: ChunkContext): Promise<Fetched> {
    if (this.#wanted.size === 0) return new Map()
    const from = this.#wantedBytes < DIRECT_READ_MIN_BYTES ? 'server' : 'anywhere'
    return fetchIds(context, [...this.#wanted.keys()], (bytes) => this.arena.allocate(bytes), from)
  }

  /** Bytes of content in the chunks that came. */
  contentOf(fetched: Fetched): number {
    let content = 0
    for (const [id, length] of this.#wanted) if (fetched.get(id) instanceof Uint8Array) content += length
    return content
  }
}
