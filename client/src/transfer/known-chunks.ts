/**
 * Chunks of the version that a file had before: a new version of a long file mostly consists of them, and they need not
 * be sealed again to learn what they are called.
 */
import { isSealedUnder } from '@pileus/core/content/chunk'
import type { ChunkId, Digest } from '@pileus/core/ids/ids'
import { CHUNK_IDS_MAX } from '@pileus/core/limits'
import type { ChunkEntry } from '@pileus/core/records/record'
import { type ChunkContext, type FileContent, isListFailure, readList } from './chunks.ts'
import type { KnownChunks } from './sealing/sealing.ts'

/** Of a longer file the first ones will do: this bounds the memory. */
const KNOWN_MAX = 16 * CHUNK_IDS_MAX

/**
 * What of this content the server has, sealed under this chunk secret. The content must be one that this device sealed by
 * itself: whoever else wrote it might have named chunks by ids that are not theirs. Rejects like a call to the server.
 */
export async function knownChunks(
  context: ChunkContext,
  chunkSecret: Uint8Array,
  content: FileContent,
): Promise<KnownChunks> {
  const entries = new Map<ChunkId, ChunkEntry>()
  try {
    for await (const { id, key, hash, length } of readList(context, content)) {
      if (entries.size === KNOWN_MAX) break
      const entry = { id, key, hash, length }
      if (isSealedUnder(context.crypto, chunkSecret, entry)) entries.set(id, entry)
    }
  } catch (error) {
    // It is a short cut only.
    if (!isListFailure(error)) throw error
  }
  const ids = [...entries.keys()]
  for (let at = 0; at < ids.length; at += CHUNK_IDS_MAX) {
    const { missing } = await context.remote.missing(context.zone, ids.slice(at, at + CHUNK_IDS_MAX))
    for (const id of missing) entries.delete(id)
  }
  return new Map<Digest, ChunkEntry>([...entries.values()].map((entry) => [entry.hash, entry]))
}
