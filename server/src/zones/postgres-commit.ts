/** Commits and pruning on PostgreSQL. */
import { blob } from '../columns.ts'
import type { PostgresDatabase } from '../postgres/database.ts'
import { replacing } from './replaced.ts'
import { packIds } from './rows.ts'
import type { Commit, Zones } from './zones.ts'

/**
 * Everything of a commit in one statement. The zone's row is changed first, and locked by that until the end: of several
 * commits on the same head the others wait, look at the row again and find that it moved.
 */
const COMMIT = `
  WITH moved AS (
    UPDATE zones SET sequence = $6, chain = $7, set_state = $8, set_hash = $9, stored_bytes = stored_bytes + $10
    WHERE id = $1 AND incarnation = $2 AND sequence = $3 AND generation = $4 AND log_length = $5 RETURNING no),
  batch AS (
    INSERT INTO batches SELECT no, b.* FROM moved,
    unnest($11::bytea[], $12::bytea[], $13::bytea[], $14::bytea[], $15::bytea[], $16::bigint[]) b),
  replaced AS (
    UPDATE versions SET replaced_at = r.at FROM moved, unnest($17::bytea[], $18::bigint[]) r (record, at)
    WHERE versions.zone = moved.no AND versions.record = r.record AND replaced_at IS NULL),
  version AS (
    INSERT INTO versions SELECT no, v.*, NULL FROM moved,
    unnest($19::bigint[], $20::bytea[], $21::bytea[], $22::bytea[], $23::integer[], $24::bytea[], $25::bytea[],
           $26::bytea[], $27::integer[], $28::bigint[]) v),
  step AS (
    INSERT INTO steps SELECT no, s.* FROM moved,
    unnest($29::bigint[], $30::bytea[], $31::bytea[], $32::bytea[], $33::bytea[]) s)
  SELECT no FROM moved`

/** Rows that another server prunes at this moment are skipped; only what was deleted here is given back here. */
const PRUNE = `
  WITH old AS (
    SELECT v.zone, v.sequence FROM versions v JOIN zones z ON z.no = v.zone
    WHERE z.id = $1 AND v.replaced_at < $2 ORDER BY v.replaced_at LIMIT $3 FOR UPDATE OF v SKIP LOCKED),
  gone AS (
    DELETE FROM versions v USING old WHERE v.zone = old.zone AND v.sequence = old.sequence
    RETURNING octet_length(facts) + octet_length(seal) + octet_length(refs) AS bytes),
  back AS (
    UPDATE zones SET stored_bytes = stored_bytes - (SELECT coalesce(sum(bytes), 0) FROM gone)
    WHERE id = $1 AND EXISTS (SELECT FROM gone))
  SELECT count(*) AS count FROM gone`

export function commits(db: PostgresDatabase): Pick<Zones, 'commit' | 'prune'> {
  return {
    async commit(commit) {
      const { count } = await db.query(COMMIT, [
        ...headValues(commit),
        ...batchValues(commit),
        ...replacedValues(commit),
        ...versionValues(commit),
        ...stepValues(commit),
      ])
      return count === 1 ? 'committed' : 'moved'
    },
    async prune(zone, replacedBefore, limit) {
      const { rows } = await db.query(PRUNE, [blob(zone), Math.floor(replacedBefore), limit])
      return rows[0]!.count as number
    },
  }
}

function headValues({ zone, expected, head, addedBytes }: Commit) {
  const { incarnation, sequence, generation, logLength } = expected
  const after = [head.sequence, blob(head.chain), head.setState, blob(head.setHash), addedBytes]
  return [blob(zone), incarnation, sequence, generation, logLength, ...after]
}

function batchValues({ batches }: Commit) {
  return [
    batches.map(({ id }) => blob(id)),
    batches.map(({ signed }) => signed.header),
    batches.map(({ signed }) => signed.signature),
    batches.map(({ leaves }) => leaves),
    batches.map(({ outcome }) => outcome),
    batches.map(({ sequence }) => sequence),
  ]
}

function replacedValues(commit: Commit) {
  const versions = replacing(commit)
  return [versions.map(({ id }) => blob(id)), versions.map(({ storedAt }) => Math.round(storedAt))]
}

function versionValues({ versions }: Commit) {
  return [
    versions.map(({ sequence }) => sequence),
    versions.map(({ id }) => blob(id)),
    versions.map(({ record }) => record.facts),
    versions.map(({ record }) => record.seal),
    versions.map(({ record }) => record.refs.depth),
    versions.map(({ record }) => packIds(record.refs.ids)),
    versions.map(({ leaf }) => blob(leaf)),
    versions.map(({ batch }) => blob(batch)),
    versions.map(({ leafIndex }) => leafIndex),
    versions.map(({ storedAt }) => Math.round(storedAt)),
  ]
}

function stepValues({ steps }: Commit) {
  return [
    steps.map(({ sequence }) => sequence),
    steps.map(({ record }) => blob(record)),
    steps.map(({ oldLeaf }) => oldLeaf && blob(oldLeaf)),
    steps.map(({ newLeaf }) => blob(newLeaf)),
    steps.map(({ chain }) => blob(chain)),
  ]
}
