/** How stored things count against a quota. */
import type { SealedRecord } from '@pileus/core/records/sealed'
import type { StoredBatch } from './zones.ts'

const CHUNK_ID_BYTES = 32

/** Bytes of one stored record version. */
export function versionBytes(record: SealedRecord): number {
  return record.facts.length + record.seal.length + CHUNK_ID_BYTES * record.refs.ids.length
}

/** Bytes of one stored batch, without its records. */
export function batchBytes({ signed, leaves, outcome }: StoredBatch): number {
  return signed.header.length + signed.signature.length + leaves.length + outcome.length
}
