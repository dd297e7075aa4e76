/** Columns of the zones database ↔ the port's types. Casts stand here only: columns are written from parsed ids. */
import type { BatchId, ChunkId, Digest, RecordId } from '@pileus/core/ids/ids'
import { blob, hexOf } from '../columns.ts'
import type { CommitStep, Head, StoredBatch, StoredVersion } from './zones.ts'

export type Row = Record<string, unknown>

const ID_BYTES = 32

/** Chunk ids one after another. */
export function packIds(ids: readonly ChunkId[]): Uint8Array {
  return blob(ids.join(''))
}

function unpackIds(bytes: Uint8Array): ChunkId[] {
  const ids: ChunkId[] = []
  for (let at = 0; at < bytes.length; at += ID_BYTES) ids.push(id<ChunkId>(bytes.subarray(at, at + ID_BYTES)))
  return ids
}

export function headOf(row: Row): Head {
  return {
    incarnation: row.incarnation as number,
    sequence: row.sequence as number,
    chain: id<Digest>(row.chain),
    setState: row.set_state as Uint8Array,
    setHash: id<Digest>(row.set_hash),
    logLength: row.log_length as number,
    logHead: id<Digest>(row.log_head),
    generation: row.generation as number,
    floor: row.floor as number,
    storedBytes: row.stored_bytes as number,
  }
}

export function versionOf(row: Row): StoredVersion {
  return {
    sequence: row.sequence as number,
    id: id<RecordId>(row.record),
    record: {
      facts: row.facts as Uint8Array,
      seal: row.seal as Uint8Array,
      refs: { depth: row.refs_depth as number, ids: unpackIds(row.refs as Uint8Array) },
    },
    leaf: id<Digest>(row.leaf),
    batch: id<BatchId>(row.batch_id),
    leafIndex: row.leaf_index as number,
    storedAt: row.stored_at as number,
  }
}

export function batchOf(row: Row): StoredBatch {
  return {
    id: id<BatchId>(row.id),
    signed: { header: row.header as Uint8Array, signature: row.signature as Uint8Array },
    leaves: row.leaves as Uint8Array,
    outcome: row.outcome as Uint8Array,
    sequence: row.sequence as number,
  }
}

export function stepOf(row: Row): CommitStep {
  return {
    sequence: row.sequence as number,
    record: id<RecordId>(row.record),
    oldLeaf: row.old_leaf === null ? null : id<Digest>(row.old_leaf),
    newLeaf: id<Digest>(row.new_leaf),
    chain: id<Digest>(row.chain),
  }
}

function id<T>(column: unknown): T {
  return hexOf(column as Uint8Array) as T
}
