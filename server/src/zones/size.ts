/** How stored things count against a quota. */
import type { SealedRecord } from '@pileus/core/records/sealed'
import type { StoredBatch } from './zones.ts'

const CHUNK_ID_BYTES = 32

/** Bytes of one stored record version. */
export function versionBytes(record: SealedRecord): number {
  return record.facts.length + record.seal.length + CHUNK_ID_BYTES * record.refs.ids.length
}

/** An id as text with its length, and the names of a version's fields, in CBOR. */
const ID_ON_THE_WIRE_BYTES = 66
const FIELDS_ON_THE_WIRE_BYTES = 192

/** At most what a version takes in a CBOR message: what pages are bounded by. */
export function wireBytes({ facts, seal, refs }: SealedRecord): number {
  return facts.length + seal.length + ID_ON_THE_WIRE_BYTES * refs.ids.length + FIELDS_ON_THE_WIRE_BYTES
}

/** Bytes of one stored batch, without its records. */
export function batchBytes({ signed, leaves, outcome }: StoredBatch): number {
  return signed.header.length + signed.signature.length + leaves.length + outcome.length
}
