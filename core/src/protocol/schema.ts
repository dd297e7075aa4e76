/** The pieces messages are made of: each is a schema and, by `Static`, a type. */
import type { Static, TSchema } from 'typebox'
import {
  type AccountId,
  type BatchId,
  type ChunkId,
  type DeviceId,
  type Digest,
  ID_BYTES,
  type PackId,
  type RecordId,
  type ZoneId,
} from '../ids/ids.ts'
import { CHUNK_IDS_MAX, RECORD_MAX_BYTES, REFS_INLINE_IDS, REFS_MAX_DEPTH } from '../limits.ts'
import { Type } from './json-schema.ts'

export type { Static, TSchema }
export { Type }

/** An object with exactly these properties. */
export function exact<P extends Parameters<typeof Type.Object>[0]>(properties: P, description?: string) {
  return Type.Object(properties, { additionalProperties: false, ...(description && { description }) })
}

/** A byte string: raw in CBOR, base64url without padding in JSON (see `codec.ts`). */
export function bytes(limits: { min?: number; max: number }, description?: string) {
  const { min = 0, max } = limits
  return Type.Refine(
    Type.Unsafe<Uint8Array>({
      'x-bytes': true,
      'x-min-bytes': min,
      'x-max-bytes': max,
      contentEncoding: 'base64url',
      ...(description && { description }),
    }),
    (value) => value instanceof Uint8Array && value.length >= min && value.length <= max,
    () => `must be a byte string of ${min} to ${max} bytes`,
  )
}

function id<T>(kind: keyof typeof ID_BYTES) {
  return Type.Unsafe<T>(Type.String({ pattern: `^[0-9a-f]{${ID_BYTES[kind] * 2}}$` }))
}

export const ZoneIdText = id<ZoneId>('zone')
export const RecordIdText = id<RecordId>('record')
export const DeviceIdText = id<DeviceId>('device')
export const AccountIdText = id<AccountId>('account')
export const ChunkIdText = id<ChunkId>('chunk')
export const PackIdText = id<PackId>('pack')
export const BatchIdText = id<BatchId>('batch')
export const DigestText = id<Digest>('digest')

/** A count, sequence number or size; 0 to 2^53 - 1. */
export const Count = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

export const ChunkIds = Type.Array(ChunkIdText, { maxItems: CHUNK_IDS_MAX })

export const RefsMessage = exact({
  depth: Type.Integer({ minimum: 0, maximum: REFS_MAX_DEPTH }),
  ids: Type.Unsafe<readonly ChunkId[]>(Type.Array(ChunkIdText, { maxItems: REFS_INLINE_IDS })),
})

export const SealedRecordMessage = exact({
  facts: bytes({ min: 1, max: RECORD_MAX_BYTES }),
  seal: bytes({ min: 1, max: RECORD_MAX_BYTES }),
  refs: RefsMessage,
})
