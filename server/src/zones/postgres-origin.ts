/** Reading zones out of PostgreSQL, for moves. */
import type { DeviceId, PackId } from '@pileus/core/ids/ids'
import { blob, hexOf } from '../columns.ts'
import type { PostgresDatabase } from '../postgres/database.ts'
import { batchOf, versionOf } from './rows.ts'
import type { ZonesOrigin } from './zones.ts'

export function origin(db: PostgresDatabase): Omit<ZonesOrigin, 'fence'> {
  return {
    async batches(zone, after, limit) {
      const { rows } = await db.query(
        `SELECT b.* FROM batches b JOIN zones z ON z.no = b.zone
         WHERE z.id = $1 AND b.sequence > $2 ORDER BY b.sequence LIMIT $3`,
        [blob(zone), after, limit],
      )
      return rows.map(batchOf)
    },
    async kept(zone, from, to) {
      const { rows } = await db.query(
        `SELECT v.* FROM versions v JOIN zones z ON z.no = v.zone
         WHERE z.id = $1 AND v.sequence > $2 AND v.sequence <= $3 ORDER BY v.sequence`,
        [blob(zone), from, to],
      )
      return rows.map(versionOf)
    },
    async packs(zone, after, limit) {
      const { rows } = await db.query(
        `SELECT p.id, p.chunks, p.stored_bytes FROM packs p JOIN zones z ON z.no = p.zone
         WHERE z.id = $1 AND p.id > $2 ORDER BY p.id LIMIT $3`,
        [blob(zone), blob(after ?? ''), limit],
      )
      return rows.map((row) => ({
        id: hexOf(row.id as Uint8Array) as PackId,
        chunks: row.chunks as number,
        storedBytes: row.stored_bytes as number,
      }))
    },
    async syncStates(zone) {
      const { rows } = await db.query(
        'SELECT s.* FROM sync_states s JOIN zones z ON z.no = s.zone WHERE z.id = $1',
        [blob(zone)],
      )
      return new Map(
        rows.map((row) => [
          hexOf(row.device as Uint8Array) as DeviceId,
          {
            incarnation: row.incarnation as number,
            sequence: row.sequence as number,
            at: row.at as number,
          },
        ]),
      )
    },
  }
}
