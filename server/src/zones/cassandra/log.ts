/** Heads and logs on Cassandra, as the port has them. */
import type { ZoneId } from '@pileus/core/ids/ids'
import type { CassandraDatabase } from '../../cassandra/database.ts'
import { blob } from '../../columns.ts'
import type { Head, Zones } from '../zones.ts'
import { bytesIn, chunkPart, hexIn, numberIn } from './columns.ts'
import { type Heads, newId, type StoredHead } from './heads.ts'

/** Zone ids are kept in as many partitions, by their first byte, so that they can be listed in order. */
const SHARDS = 256

type Logs =
  | 'create'
  | 'head'
  | 'log'
  | 'appendLog'
  | 'raiseIncarnation'
  | 'list'
  | 'setSyncState'
  | 'syncState'

export function logs(db: CassandraDatabase, heads: Heads): Pick<Zones, Logs> {
  return {
    async create({ zone, genesis, head }) {
      // Before the zone, so that none exists without being listed; listed without existing, it is empty.
      await db.write('INSERT INTO zone_ids (shard, zone) VALUES (?, ?)', [chunkPart(zone), blob(zone)])
      return (await heads.create(zone, head, genesis)) ? 'created' : 'exists'
    },
    async head(zone) {
      const head = await heads.read(zone)
      return head && headOnly(head)
    },
    async log(zone, from, limit) {
      const rows = await db.rows('SELECT entry FROM heads WHERE zone = ? AND place >= ? LIMIT ?', [
        blob(zone),
        from,
        limit,
      ])
      return rows.map((row) => bytesIn(row.entry))
    },
    async appendLog(zone, expected, entry, logHead) {
      const id = newId()
      const after = await heads.change(zone, id, async (head, uncertain) => {
        if (head.logLength !== expected.logLength || head.sequence !== expected.sequence) {
          // The entry that came to stand there may be ours, under a later change.
          if (uncertain && head.logLength > expected.logLength)
            throw new Error('the log moved while its end was not known')
          return null
        }
        return {
          head: { logLength: head.logLength + 1, logHead },
          last: { kind: 'none' },
          entry: { place: head.logLength, bytes: entry },
        }
      })
      return after ? 'appended' : 'moved'
    },
    async raiseIncarnation(zone, incarnation) {
      const after = await heads.change(zone, newId(), async (head) =>
        head.incarnation === incarnation
          ? { head: { incarnation: incarnation + 1 }, last: { kind: 'none' } }
          : null,
      )
      const head = after ?? (await heads.read(zone))
      return head && headOnly(head)
    },
    list: (after, limit) => listZones(db, after, limit),
    async setSyncState(zone, device, { incarnation, sequence, at }) {
      await db.write(
        'INSERT INTO sync_states (zone, device, incarnation, sequence, at) VALUES (?, ?, ?, ?, ?)',
        [...[blob(zone), blob(device), incarnation, sequence, Math.round(at)]],
      )
    },
    async syncState(zone, device) {
      const find = 'SELECT incarnation, sequence, at FROM sync_states WHERE zone = ? AND device = ?'
      const [row] = await db.rows(find, [blob(zone), blob(device)])
      return (
        row && {
          incarnation: numberIn(row.incarnation),
          sequence: numberIn(row.sequence),
          at: numberIn(row.at),
        }
      )
    },
  }
}

async function listZones(db: CassandraDatabase, after: ZoneId | null, limit: number): Promise<ZoneId[]> {
  const zones: ZoneId[] = []
  for (let shard = after === null ? 0 : chunkPart(after); shard < SHARDS && zones.length < limit; shard++) {
    const rows = await db.rows('SELECT zone FROM zone_ids WHERE shard = ? AND zone > ? LIMIT ?', [
      ...[shard, blob(after ?? ''), limit - zones.length],
    ])
    for (const row of rows) zones.push(hexIn<ZoneId>(row.zone))
  }
  return zones
}

/** The head without what the engine keeps in it for itself. */
export function headOnly(stored: StoredHead): Head {
  const { revision: _, change: _1, last: _2, bucket: _3, bucketBytes: _4, ...head } = stored
  return head
}
