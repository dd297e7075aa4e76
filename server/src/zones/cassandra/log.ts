/** Heads and logs on Cassandra, as the port has them. */
import type { CassandraDatabase } from '../../cassandra/database.ts'
import { blob } from '../../columns.ts'
import type { Head, Zones } from '../zones.ts'
import { bytesIn, chunkPart, numberIn } from './columns.ts'
import type { ZoneFence } from './fence.ts'
import { type Heads, newId, type StoredHead } from './heads.ts'
import { listZones } from './list.ts'

type Logs =
  | 'create'
  | 'head'
  | 'log'
  | 'appendLog'
  | 'raiseIncarnation'
  | 'list'
  | 'setSyncState'
  | 'syncState'

export function logs(db: CassandraDatabase, heads: Heads, fence: ZoneFence): Pick<Zones, Logs> {
  return {
    async create({ zone, genesis, head }) {
      await fence.requireNone()
      // Before the zone, so that none exists without being listed; listed without existing, it is empty.
      await db.write('INSERT INTO zone_ids (shard, zone) VALUES (?, ?)', [chunkPart(zone), blob(zone)])
      const created = await heads.create(zone, head, genesis)
      // Whoever raised a fence meanwhile may not have found this zone.
      if (created) await fence.coverNew(zone)
      return created ? 'created' : 'exists'
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

/** The head without what the engine keeps in it for itself. */
export function headOnly(stored: StoredHead): Head {
  const { revision: _, fenced: _0, change: _1, last: _2, bucket: _3, bucketBytes: _4, ...head } = stored
  return head
}
