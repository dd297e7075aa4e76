/** Reading zones out of Cassandra, for moves. */
import type { BatchId, DeviceId, PackId, ZoneId } from '@pileus/core/ids/ids'
import { type CassandraDatabase, inParallel, type Row } from '../../cassandra/database.ts'
import { blob } from '../../columns.ts'
import type { ListedPack, StoredBatch, SyncState, ZonesOrigin } from '../zones.ts'
import { bytesIn, chunkPart, hexIn, numberIn, versionIn } from './columns.ts'
import type { Heads } from './heads.ts'
import { committed, type Table, VERSIONS } from './sequences.ts'

const BATCH_IDS: Table = { table: 'batch_ids', columns: 'sequence, commit, id', page: 1_000 }
const PARTS = 256
/** Partitions of packs that are asked for at the same time. */
const PARTS_AT_ONCE = 32

export function origin(db: CassandraDatabase, heads: Heads): Omit<ZonesOrigin, 'fence'> {
  return {
    async batches(zone, after, limit) {
      const head = await heads.settled(zone)
      const ids: Row[] = []
      for await (const row of committed(db, BATCH_IDS, zone, after, head?.sequence ?? 0)) {
        if (ids.length >= limit) break
        ids.push(row)
      }
      const batches: StoredBatch[] = []
      await inParallel(ids, async (row) => void batches.push(await loadBatch(db, zone, row)))
      return batches.sort((a, b) => a.sequence - b.sequence)
    },
    async kept(zone, from, to) {
      const head = await heads.settled(zone)
      const versions = []
      for await (const row of committed(db, VERSIONS, zone, from, Math.min(to, head?.sequence ?? 0)))
        versions.push(versionIn(row))
      return versions
    },
    async packs(zone, after, limit) {
      await heads.settled(zone)
      const packs: ListedPack[] = []
      for (let part = after === null ? 0 : chunkPart(after); part < PARTS; part += PARTS_AT_ONCE) {
        const parts = Array.from(
          { length: Math.min(PARTS_AT_ONCE, PARTS - part) },
          (_, index) => part + index,
        )
        await inParallel(parts, async (one) => {
          for (const row of await packRows(db, zone, one, after, limit)) packs.push(packIn(row))
        })
        if (packs.length >= limit) break
      }
      return packs.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit)
    },
    async syncStates(zone) {
      const rows = await db.rows('SELECT * FROM sync_states WHERE zone = ?', [blob(zone)])
      return new Map(rows.map((row) => [hexIn<DeviceId>(row.device), stateIn(row)]))
    },
  }
}

async function loadBatch(db: CassandraDatabase, zone: ZoneId, { id, commit }: Row): Promise<StoredBatch> {
  const find = 'SELECT * FROM batches WHERE zone = ? AND id = ? AND commit = ?'
  const [row] = await db.rows(find, [blob(zone), id, commit])
  if (!row) throw new Error(`zone ${zone} lists batch ${hexIn(id)} and does not have it`)
  return {
    id: hexIn<BatchId>(id),
    signed: { header: bytesIn(row.header), signature: bytesIn(row.signature) },
    leaves: bytesIn(row.leaves),
    outcome: bytesIn(row.outcome),
    sequence: numberIn(row.sequence),
  }
}

function packRows(db: CassandraDatabase, zone: ZoneId, part: number, after: PackId | null, limit: number) {
  const find = 'SELECT pack, chunks, stored_bytes FROM packs WHERE zone = ? AND part = ? AND pack > ? LIMIT ?'
  return db.rows(find, [blob(zone), part, blob(after ?? ''), limit])
}

function packIn(row: Row): ListedPack {
  return {
    id: hexIn<PackId>(row.pack),
    chunks: numberIn(row.chunks),
    storedBytes: numberIn(row.stored_bytes),
  }
}

function stateIn(row: Row): SyncState {
  return { incarnation: numberIn(row.incarnation), sequence: numberIn(row.sequence), at: numberIn(row.at) }
}
