/**
 * Forgetting replaced versions on Cassandra. Which ones and how many bytes they give back is decided by one change of the
 * head, which names them; then they are removed. So they are given back once, whoever is cut off in between.
 */
import type { ZoneId } from '@pileus/core/ids/ids'
import { type CassandraDatabase, inParallel } from '../../cassandra/database.ts'
import { blob } from '../../columns.ts'
import type { Zones } from '../zones.ts'
import { hexIn, numberIn, recordPart, weekOf } from './columns.ts'
import { type Heads, newId } from './heads.ts'
import type { Pruned } from './last-change.ts'

/** An empty week is dropped from the list when it is older than this beyond the time that versions are kept. */
const WEEKS_LISTED = 8
const OLD =
  'SELECT at, sequence, bucket, commit, record, bytes FROM replaced WHERE zone = ? AND week = ? AND at < ? LIMIT ?'

export function pruning(db: CassandraDatabase, heads: Heads): Pick<Zones, 'prune'> {
  return {
    async prune(zone, replacedBefore, limit) {
      let count = 0
      const after = await heads.change(zone, newId(), async (head) => {
        const { versions, bytes } = await oldest(db, zone, Math.floor(replacedBefore), limit)
        count = versions.length
        if (count === 0) return null
        return { head: { storedBytes: head.storedBytes - bytes }, last: { kind: 'prune', versions } }
      })
      return after ? count : 0
    },
  }
}

async function oldest(db: CassandraDatabase, zone: ZoneId, before: number, limit: number) {
  const versions: Pruned[] = []
  let bytes = 0
  const weeks = await db.rows('SELECT week FROM replaced_weeks WHERE zone = ? AND week <= ?', [
    blob(zone),
    weekOf(before),
  ])
  for (const { week } of weeks) {
    if (versions.length >= limit) break
    const rows = await db.rows(OLD, [blob(zone), week, before, limit - versions.length])
    for (const row of rows) {
      bytes += numberIn(row.bytes)
      versions.push({
        bucket: numberIn(row.bucket),
        sequence: numberIn(row.sequence),
        commit: hexIn(row.commit),
        record: hexIn(row.record),
        at: numberIn(row.at),
      })
    }
    if (rows.length === 0 && (week as number) < weekOf(before) - WEEKS_LISTED) {
      await db.write('DELETE FROM replaced_weeks WHERE zone = ? AND week = ?', [blob(zone), week])
    }
  }
  return { versions, bytes }
}

/** Removes what the head gave back; the row that led here goes last. */
export async function followPrune(
  db: CassandraDatabase,
  zone: ZoneId,
  versions: readonly Pruned[],
): Promise<void> {
  await inParallel(versions, async ({ bucket, sequence, commit, record, at }) => {
    const place = [blob(zone), bucket, sequence, blob(commit)]
    await db.write(
      'DELETE FROM versions WHERE zone = ? AND bucket = ? AND sequence = ? AND commit = ?',
      place,
    )
    await db.write('DELETE FROM records WHERE zone = ? AND part = ? AND record = ? AND sequence = ?', [
      ...[blob(zone), recordPart(record), blob(record), sequence],
    ])
    await db.write('DELETE FROM replaced WHERE zone = ? AND week = ? AND at = ? AND sequence = ?', [
      ...[blob(zone), weekOf(at), at, sequence],
    ])
  })
}
