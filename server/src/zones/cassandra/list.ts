/** Listing zones on Cassandra, in the order of their ids. */
import type { ZoneId } from '@pileus/core/ids/ids'
import type { CassandraDatabase } from '../../cassandra/database.ts'
import { blob } from '../../columns.ts'
import { chunkPart, hexIn } from './columns.ts'

/** Zone ids are kept in as many partitions, by their first byte, so that they can be listed in order. */
const SHARDS = 256

/** Zone ids after `after`, ascending, at most `limit`. */
export async function listZones(
  db: CassandraDatabase,
  after: ZoneId | null,
  limit: number,
): Promise<ZoneId[]> {
  const zones: ZoneId[] = []
  for (let shard = after === null ? 0 : chunkPart(after); shard < SHARDS && zones.length < limit; shard++) {
    const rows = await db.rows('SELECT zone FROM zone_ids WHERE shard = ? AND zone > ? LIMIT ?', [
      ...[shard, blob(after ?? ''), limit - zones.length],
    ])
    for (const row of rows) zones.push(hexIn<ZoneId>(row.zone))
  }
  return zones
}
