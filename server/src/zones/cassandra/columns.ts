/** Columns of the Cassandra tables ↔ the port's types. Casts stand here only: columns are written from parsed ids. */
import type cassandra from 'cassandra-driver'
import type { Row } from '../../cassandra/database.ts'
import { hexOf } from '../../columns.ts'
import { stepOf, versionOf } from '../rows.ts'
import type { CommitStep, StoredVersion } from '../zones.ts'

/** A whole number, of either of the driver's types. All of ours are below 2^53. */
export function numberIn(column: unknown): number {
  return typeof column === 'number' ? column : (column as cassandra.types.Long).toNumber()
}

/** The bytes, without the network buffer they came in. */
export function bytesIn(column: unknown): Uint8Array {
  return new Uint8Array(column as Buffer)
}

export function hexIn<T extends string = string>(column: unknown): T {
  return hexOf(column as Buffer) as T
}

/** A version's place in the tables, and what it weighs there. */
export interface Place {
  readonly bucket: number
  readonly sequence: number
  readonly commit: string
  readonly bytes: number
}

/** The columns that `versionIn` reads. */
export const VERSION_COLUMNS =
  'sequence, commit, record, facts, seal, refs_depth, refs, leaf, batch_id, leaf_index, stored_at, replaced_by'

export function versionIn(row: Row): StoredVersion {
  return versionOf({
    sequence: numberIn(row.sequence),
    record: row.record,
    facts: bytesIn(row.facts),
    seal: bytesIn(row.seal),
    refs_depth: row.refs_depth,
    refs: row.refs,
    leaf: row.leaf,
    batch_id: row.batch_id,
    leaf_index: row.leaf_index,
    stored_at: numberIn(row.stored_at),
  })
}

export function stepIn(row: Row): CommitStep {
  return stepOf({ ...row, sequence: numberIn(row.sequence), old_leaf: row.old_leaf ?? null })
}

/** Partitions of a zone's indexes, by the first byte of an id: 256 of chunks and packs, fewer of records. */
export function chunkPart(id: string): number {
  return Number.parseInt(id.slice(0, 2), 16)
}

/** 64 partitions: 20 million versions of a zone fit under 100 MB each. */
export function recordPart(id: string): number {
  return Number.parseInt(id.slice(0, 2), 16) % 64
}

const WEEK_MS = 7 * 86_400_000

export function weekOf(milliseconds: number): number {
  return Math.floor(milliseconds / WEEK_MS)
}
