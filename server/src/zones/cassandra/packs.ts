/** The chunk index on Cassandra: a chunk's place counts once its pack's row is there, which is written last. */
import type { ChunkId, PackId, ZoneId } from '@pileus/core/ids/ids'
import { type CassandraDatabase, inParallel, type Row } from '../../cassandra/database.ts'
import { blob } from '../../columns.ts'
import type { ChunkPlace, StoredPack, Zones } from '../zones.ts'
import { chunkPart, hexIn, numberIn } from './columns.ts'
import { type Heads, newId } from './heads.ts'
import type { LastChange } from './last-change.ts'

/** Packs known to be there, kept so that nobody asks again: one that is there stays. */
const KNOWN_KEPT = 50_000
const CHUNK_ROW_BYTES = 150
/** Chunks of one partition that are asked for at once. */
const ASKED_MAX = 100

type Packs = 'addPack' | 'pack' | 'locate' | 'places'

export function packs(db: CassandraDatabase, heads: Heads): Pick<Zones, Packs> {
  const known = new Set<string>()

  async function isThere(zone: ZoneId, pack: string): Promise<boolean> {
    const key = `${zone}/${pack}`
    if (known.has(key)) return true
    if (!(await readPack(db, zone, pack))) return false
    known.add(key)
    if (known.size > KNOWN_KEPT) known.delete(known.values().next().value!)
    return true
  }

  async function ofPresentPacks(zone: ZoneId, places: readonly ChunkPlace[]): Promise<ChunkPlace[]> {
    const present = new Set<string>()
    await inParallel([...new Set(places.map(({ pack }) => pack))], async (pack) => {
      if (await isThere(zone, pack)) present.add(pack)
    })
    return places.filter(({ pack }) => present.has(pack))
  }

  return {
    async addPack(zone, pack, storedBytes, chunks) {
      if (!(await heads.read(zone)) || (await isThere(zone, pack))) return false
      await writeChunks(db, zone, chunks)
      const after = await heads.change(zone, newId(), async (head) => {
        // Whoever counted it first: its row is there by now, since the head is settled.
        if (await isThere(zone, pack)) return null
        return {
          head: { storedBytes: head.storedBytes + storedBytes },
          last: { kind: 'pack', pack, chunks: chunks.length, bytes: storedBytes },
        }
      })
      return after !== null
    },
    pack: (zone, pack) => readPack(db, zone, pack),
    async locate(zone, chunks) {
      const found = new Map<ChunkId, ChunkPlace>()
      for (const place of await ofPresentPacks(zone, await readPlaces(db, zone, chunks))) {
        if (!found.has(place.chunk)) found.set(place.chunk, place)
      }
      return found
    },
    async places(zone, chunk) {
      return ofPresentPacks(zone, await readPlaces(db, zone, [chunk]))
    },
  }
}

/** Writes the row of a pack that the head counted. */
export async function followPack(
  db: CassandraDatabase,
  zone: ZoneId,
  { pack, chunks, bytes }: Extract<LastChange, { kind: 'pack' }>,
): Promise<void> {
  await db.write('INSERT INTO packs (zone, part, pack, chunks, stored_bytes) VALUES (?, ?, ?, ?, ?)', [
    ...[blob(zone), chunkPart(pack), blob(pack), chunks, bytes],
  ])
}

async function readPack(db: CassandraDatabase, zone: ZoneId, pack: string): Promise<StoredPack | undefined> {
  const [row] = await db.rows(
    'SELECT chunks, stored_bytes FROM packs WHERE zone = ? AND part = ? AND pack = ?',
    [...[blob(zone), chunkPart(pack), blob(pack)]],
  )
  return row && { chunks: numberIn(row.chunks), storedBytes: numberIn(row.stored_bytes) }
}

async function writeChunks(
  db: CassandraDatabase,
  zone: ZoneId,
  chunks: readonly ChunkPlace[],
): Promise<void> {
  const parts = Map.groupBy(chunks, ({ chunk }) => chunkPart(chunk))
  await inParallel([...parts], ([part, group]) =>
    db.writePartition(
      group,
      () => CHUNK_ROW_BYTES,
      ({ chunk, pack, offset, length }) => ({
        query: 'INSERT INTO chunks (zone, part, chunk, pack, "offset", length) VALUES (?, ?, ?, ?, ?, ?)',
        params: [blob(zone), part, blob(chunk), blob(pack), offset, length],
      }),
    ),
  )
}

async function readPlaces(
  db: CassandraDatabase,
  zone: ZoneId,
  chunks: readonly ChunkId[],
): Promise<ChunkPlace[]> {
  const groups: { part: number; chunks: ChunkId[] }[] = []
  for (const [part, group] of Map.groupBy(new Set(chunks), chunkPart)) {
    for (let at = 0; at < group.length; at += ASKED_MAX)
      groups.push({ part, chunks: group.slice(at, at + ASKED_MAX) })
  }
  const places: ChunkPlace[] = []
  await inParallel(groups, async ({ part, chunks: asked }) => {
    const rows = await db.rows(
      'SELECT chunk, pack, "offset", length FROM chunks WHERE zone = ? AND part = ? AND chunk IN ?',
      [blob(zone), part, asked.map(blob)],
    )
    for (const row of rows) places.push(placeIn(row))
  })
  return places
}

function placeIn(row: Row): ChunkPlace {
  return {
    chunk: hexIn<ChunkId>(row.chunk),
    pack: hexIn<PackId>(row.pack),
    offset: numberIn(row.offset),
    length: numberIn(row.length),
  }
}
