/** Chunks and packs: asking what is missing, uploading, fetching. */
import { CHUNK_IDS_MAX } from '../limits.ts'
import { ChunkIds, Count, exact, type Static, Type } from './schema.ts'

/** POST /api/v1/zones/:zone/chunks/missing */
export const MissingRequest = exact({ ids: ChunkIds })
export const MissingResponse = exact({ missing: ChunkIds, generation: Count })

/** PUT /api/v1/zones/:zone/packs/:pack, body as in content/pack.ts; answered once it is durable and indexed. */
export const PackStored = exact({ chunks: Count, storedBytes: Count })

/** POST /api/v1/zones/:zone/chunks/fetch, answered as a pack of these chunks in the order asked. */
export const FetchRequest = exact({
  ids: Type.Array(ChunkIds.items, { minItems: 1, maxItems: CHUNK_IDS_MAX }),
})

export type MissingResponse = Static<typeof MissingResponse>
export type FetchRequest = Static<typeof FetchRequest>
