/** Chunks and packs: asking what is missing, uploading, fetching. */
import { ADDRESS_MAX_CHARACTERS, CHUNK_IDS_MAX, STORED_CHUNK_MAX_BYTES } from '../limits.ts'
import { ChunkIds, ChunkIdText, Count, exact, type Static, Type } from './schema.ts'

/** POST /api/v1/zones/:zone/chunks/missing */
export const MissingRequest = exact({ ids: ChunkIds })
export const MissingResponse = exact({ missing: ChunkIds, generation: Count })

/** PUT /api/v1/zones/:zone/packs/:pack, body as in content/pack.ts; answered once it is durable and indexed. */
export const PackStored = exact({ chunks: Count, storedBytes: Count })

/** POST /api/v1/zones/:zone/chunks/fetch, answered as a pack of these chunks in the order asked. */
export const FetchRequest = exact({
  ids: Type.Array(ChunkIds.items, { minItems: 1, maxItems: CHUNK_IDS_MAX }),
})

/**
 * POST /api/v1/zones/:zone/chunks/direct, of a FetchRequest: packs that hold these chunks, each with the address of its bytes
 * and the chunks in it, by offset. Empty where the server gives no addresses.
 */
export const DirectReads = exact({
  packs: Type.Array(
    exact({
      address: Type.String({ minLength: 1, maxLength: ADDRESS_MAX_CHARACTERS }),
      chunks: Type.Array(
        exact({
          id: ChunkIdText,
          offset: Count,
          length: Type.Integer({ minimum: 1, maximum: STORED_CHUNK_MAX_BYTES }),
        }),
        { minItems: 1, maxItems: CHUNK_IDS_MAX },
      ),
    }),
    { maxItems: CHUNK_IDS_MAX },
  ),
})

export type MissingResponse = Static<typeof MissingResponse>
export type FetchRequest = Static<typeof FetchRequest>
export type DirectReads = Static<typeof DirectReads>
