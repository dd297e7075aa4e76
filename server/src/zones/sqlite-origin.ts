/** Reading zones out of SQLite, for moves. */
import type { DeviceId, PackId } from '@pileus/core/ids/ids'
import { blob, hexOf } from '../columns.ts'
import type { Database } from '../sqlite/database.ts'
import { batchOf, type Row, versionOf } from './rows.ts'
import { FROM_VERSIONS, type Numbering } from './sqlite-numbers.ts'
import type { ZonesOrigin } from './zones.ts'

export function origin(db: Database, numberOf: Numbering): Omit<ZonesOrigin, 'fence'> {
  const batches = db.prepare(
    'SELECT * FROM batches WHERE zone = ? AND sequence > ? ORDER BY sequence LIMIT ?',
  )
  const kept = db.prepare(
    `${FROM_VERSIONS} WHERE v.zone = ? AND v.sequence > ? AND v.sequence <= ? ORDER BY v.sequence`,
  )
  const packs = db.prepare(
    'SELECT id, chunks, stored_bytes FROM packs WHERE zone = ? AND id > ? ORDER BY id LIMIT ?',
  )
  const states = db.prepare('SELECT * FROM sync_states WHERE zone = ?')
  return {
    batches: async (zone, after, limit) =>
      db.read(() => batches.all(numberOf(zone), after, limit).map((row) => batchOf(row as Row))),
    kept: async (zone, from, to) =>
      db.read(() => kept.all(numberOf(zone), from, to).map((row) => versionOf(row as Row))),
    packs: async (zone, after, limit) =>
      db.read(() =>
        packs.all(numberOf(zone), after === null ? new Uint8Array(0) : blob(after), limit).map((row) => ({
          id: hexOf(row.id as Uint8Array) as PackId,
          chunks: row.chunks as number,
          storedBytes: row.stored_bytes as number,
        })),
      ),
    syncStates: async (zone) =>
      db.read(
        () =>
          new Map(
            states.all(numberOf(zone)).map((row) => [
              hexOf(row.device as Uint8Array) as DeviceId,
              {
                incarnation: row.incarnation as number,
                sequence: row.sequence as number,
                at: row.at as number,
              },
            ]),
          ),
      ),
  }
}
