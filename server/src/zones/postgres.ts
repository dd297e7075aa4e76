/**
 * Zones on PostgreSQL. What a call writes is one statement, so one transaction and one round trip: its first part changes
 * the zone's row if that is still the expected one, and the other parts write only where it did.
 */
import type { BatchId, ChunkId, Digest, PackId } from '@pileus/core/ids/ids'
import { blob, hexOf } from '../columns.ts'
import { openPostgres, type PostgresDatabase, type PostgresOptions, type Row } from '../postgres/database.ts'
import { postgresFence } from '../postgres/fence.ts'
import { commits } from './postgres-commit.ts'
import { origin } from './postgres-origin.ts'
import { pages } from './postgres-pages.ts'
import { ZONES_MIGRATIONS } from './postgres-schema.ts'
import { batchOf, headOf, stepOf, versionOf } from './rows.ts'
import type { ChunkPlace, NewZone, StoredVersion, Zones } from './zones.ts'

export const ZONES_SCHEMA = 'pileus_zones'

/** Every write but that of a sync state changes this table too. */
const FENCED = { zones: 'INSERT OR UPDATE OR DELETE' }

/** Opens the schema, and makes or brings it up where needed. Throws EngineUnusable. */
export async function postgresZones(options: PostgresOptions): Promise<Zones> {
  const db = await openPostgres(options, ZONES_SCHEMA, ZONES_MIGRATIONS)
  return {
    ...heads(db),
    ...versions(db),
    ...pages(db),
    ...commits(db),
    ...chunkIndex(db),
    ...syncStates(db),
    origin: { ...origin(db), fence: postgresFence(db, FENCED) },
    async check() {
      await db.query('SELECT no FROM zones LIMIT 1')
    },
    close: () => db.close(),
  }
}

type Heads = 'create' | 'head' | 'log' | 'appendLog' | 'raiseIncarnation' | 'list'

function heads(db: PostgresDatabase): Pick<Zones, Heads> {
  const headOfZone = async (zone: string) => {
    const [row] = (await db.query('SELECT * FROM zones WHERE id = $1', [blob(zone)])).rows
    return row && headOf(row)
  }
  return {
    async create({ zone, genesis, head }: NewZone) {
      const created = await db.query(
        `WITH made AS (
           INSERT INTO zones (id, incarnation, sequence, chain, set_state, set_hash, log_length, log_head, generation,
             floor, stored_bytes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
           ON CONFLICT (id) DO NOTHING RETURNING no)
         INSERT INTO log SELECT no, 0, $12 FROM made`,
        [
          blob(zone),
          head.incarnation,
          head.sequence,
          blob(head.chain),
          head.setState,
          blob(head.setHash),
          head.logLength,
          blob(head.logHead),
          head.generation,
          head.floor,
          head.storedBytes,
          genesis,
        ],
      )
      return created.count === 1 ? 'created' : 'exists'
    },
    head: headOfZone,
    async log(zone, from, limit) {
      const found = await db.query(
        `SELECT entry FROM log JOIN zones ON no = zone WHERE id = $1 AND place >= $2 ORDER BY place LIMIT $3`,
        [blob(zone), from, limit],
      )
      return found.rows.map((row) => row.entry as Uint8Array)
    },
    async appendLog(zone, { logLength, sequence }, entry, logHead) {
      const appended = await db.query(
        `WITH moved AS (
           UPDATE zones SET log_length = log_length + 1, log_head = $4
           WHERE id = $1 AND log_length = $2 AND sequence = $3 RETURNING no)
         INSERT INTO log SELECT no, $2, $5 FROM moved`,
        [blob(zone), logLength, sequence, blob(logHead), entry],
      )
      return appended.count === 1 ? 'appended' : 'moved'
    },
    async raiseIncarnation(zone, incarnation) {
      await db.query('UPDATE zones SET incarnation = incarnation + 1 WHERE id = $1 AND incarnation = $2', [
        blob(zone),
        incarnation,
      ])
      return headOfZone(zone)
    },
    async list(after, limit) {
      const found = await db.query('SELECT id FROM zones WHERE id > $1 ORDER BY id LIMIT $2', [
        blob(after ?? ''),
        limit,
      ])
      return found.rows.map((row) => hexOf(row.id as Uint8Array) as never)
    },
  }
}

type Versions = 'current' | 'find' | 'version' | 'batch' | 'steps' | 'chainAt'

function versions(db: PostgresDatabase): Pick<Zones, Versions> {
  const one = async (condition: string, values: readonly unknown[]): Promise<StoredVersion | undefined> => {
    const [row] = (
      await db.query(`SELECT v.* FROM versions v JOIN zones z ON z.no = v.zone WHERE ${condition}`, values)
    ).rows
    return row && versionOf(row)
  }
  return {
    async current(zone, records) {
      const { rows } = await db.query(
        `SELECT newest.record, newest.sequence, newest.facts, newest.leaf FROM zones z, unnest($2::bytea[]) asked (record),
         LATERAL (SELECT * FROM versions v WHERE v.zone = z.no AND v.record = asked.record
                  ORDER BY v.sequence DESC LIMIT 1) newest
         WHERE z.id = $1`,
        [blob(zone), records.map(blob)],
      )
      const found: Awaited<ReturnType<Zones['current']>> = new Map()
      for (const row of rows) {
        found.set(hexOf(row.record as Uint8Array) as never, {
          sequence: row.sequence as number,
          facts: row.facts as Uint8Array,
          leaf: hexOf(row.leaf as Uint8Array) as Digest,
        })
      }
      return found
    },
    find: (zone, record, leaf) =>
      one('z.id = $1 AND v.record = $2 AND v.leaf = $3', [blob(zone), blob(record), blob(leaf)]),
    version: (zone, sequence) => one('z.id = $1 AND v.sequence = $2', [blob(zone), sequence]),
    async batch(zone, id: BatchId) {
      const { rows } = await db.query(
        'SELECT b.* FROM batches b JOIN zones z ON z.no = b.zone WHERE z.id = $1 AND b.id = $2',
        [blob(zone), blob(id)],
      )
      return rows[0] && batchOf(rows[0])
    },
    async steps(zone, from, to, limit) {
      const { rows } = await db.query(
        `SELECT s.* FROM steps s JOIN zones z ON z.no = s.zone
         WHERE z.id = $1 AND s.sequence > $2 AND s.sequence <= $3 ORDER BY s.sequence LIMIT $4`,
        [blob(zone), from, to, limit],
      )
      return rows.map(stepOf)
    },
    async chainAt(zone, sequence) {
      const { rows } = await db.query(
        'SELECT s.chain FROM steps s JOIN zones z ON z.no = s.zone WHERE z.id = $1 AND s.sequence = $2',
        [blob(zone), sequence],
      )
      return rows[0] && (hexOf(rows[0].chain as Uint8Array) as Digest)
    },
  }
}

function chunkIndex(db: PostgresDatabase): Pick<Zones, 'addPack' | 'pack' | 'locate' | 'places'> {
  const find = (distinct: string) =>
    `SELECT ${distinct} c.chunk, p.id, c."offset", c.length FROM zones z JOIN chunks c ON c.zone = z.no
     JOIN packs p ON p.no = c.pack WHERE z.id = $1 AND c.chunk = ANY ($2::bytea[]) ORDER BY c.chunk, c.pack`
  const placeOf = (row: Row): ChunkPlace => ({
    chunk: hexOf(row.chunk as Uint8Array) as ChunkId,
    pack: hexOf(row.id as Uint8Array) as PackId,
    offset: row.offset as number,
    length: row.length as number,
  })
  return {
    async addPack(zone, pack, storedBytes, chunks) {
      const added = await db.query(
        `WITH added AS (
           INSERT INTO packs (zone, id, chunks, stored_bytes) SELECT no, $2, $3, $4 FROM zones WHERE id = $1
           ON CONFLICT (zone, id) DO NOTHING RETURNING no, zone),
         indexed AS (
           INSERT INTO chunks SELECT added.zone, chunk, added.no, at, length
           FROM added, unnest($5::bytea[], $6::bigint[], $7::bigint[]) AS place (chunk, at, length))
         UPDATE zones SET stored_bytes = stored_bytes + $4 FROM added WHERE zones.no = added.zone`,
        [
          blob(zone),
          blob(pack),
          chunks.length,
          storedBytes,
          chunks.map(({ chunk }) => blob(chunk)),
          chunks.map(({ offset }) => offset),
          chunks.map(({ length }) => length),
        ],
      )
      return added.count === 1
    },
    async pack(zone, pack) {
      const { rows } = await db.query(
        'SELECT p.chunks, p.stored_bytes FROM packs p JOIN zones z ON z.no = p.zone WHERE z.id = $1 AND p.id = $2',
        [blob(zone), blob(pack)],
      )
      return rows[0] && { chunks: rows[0].chunks as number, storedBytes: rows[0].stored_bytes as number }
    },
    async locate(zone, chunks) {
      const { rows } = await db.query(find('DISTINCT ON (c.chunk)'), [blob(zone), chunks.map(blob)])
      return new Map(rows.map(placeOf).map((place) => [place.chunk, place]))
    },
    async places(zone, chunk) {
      return (await db.query(find(''), [blob(zone), [blob(chunk)]])).rows.map(placeOf)
    },
  }
}

function syncStates(db: PostgresDatabase): Pick<Zones, 'setSyncState' | 'syncState'> {
  return {
    async setSyncState(zone, device, { incarnation, sequence, at }) {
      await db.query(
        `INSERT INTO sync_states SELECT no, $2, $3, $4, $5 FROM zones WHERE id = $1
         ON CONFLICT (zone, device) DO UPDATE SET
           incarnation = excluded.incarnation, sequence = excluded.sequence, at = excluded.at`,
        [blob(zone), blob(device), incarnation, sequence, Math.round(at)],
      )
    },
    async syncState(zone, device) {
      const { rows } = await db.query(
        'SELECT s.* FROM sync_states s JOIN zones z ON z.no = s.zone WHERE z.id = $1 AND s.device = $2',
        [blob(zone), blob(device)],
      )
      const [row] = rows
      return (
        row && {
          incarnation: row.incarnation as number,
          sequence: row.sequence as number,
          at: row.at as number,
        }
      )
    },
  }
}
