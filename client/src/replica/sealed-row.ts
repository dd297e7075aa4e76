/** Sealed records as the local database keeps them. */
import { decodeCbor, encodeCbor } from '@pileus/core/bytes/cbor'
import type { ChunkId } from '@pileus/core/ids/ids'
import type { SealedRecord } from '@pileus/core/records/sealed'

export function encodeSealed(sealed: SealedRecord): Uint8Array {
  return encodeCbor([sealed.facts, sealed.seal, sealed.refs.depth, sealed.refs.ids as ChunkId[]])
}

export function decodeSealed(bytes: Uint8Array): SealedRecord {
  const [facts, seal, depth, ids] = decodeCbor(bytes) as [Uint8Array, Uint8Array, number, ChunkId[]]
  return { facts, seal, refs: { depth, ids } }
}
