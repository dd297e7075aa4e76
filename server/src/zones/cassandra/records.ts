/** Versions of single records on Cassandra, through the index that follows the commits. */
import type { Digest, RecordId, ZoneId } from '@pileus/core/ids/ids'
import { type CassandraDatabase, inParallel, type Row } from '../../cassandra/database.ts'
import { blob } from '../../columns.ts'
import { wireBytes } from '../size.ts'
import type { CurrentVersion, StoredVersion, Zones } from '../zones.ts'
import { bytesIn, hexIn, numberIn, type Place, recordPart, VERSION_COLUMNS, versionIn } from './columns.ts'
import type { Heads } from './heads.ts'

/** Rows of the index that are read at once. */
const INDEX_PAGE = 100
const NEWEST = `SELECT record, sequence, bucket, commit, leaf, facts, bytes FROM records
  WHERE zone = ? AND part = ? AND record IN ? GROUP BY record`
const OLDER = `SELECT sequence, bucket, commit, leaf FROM records
  WHERE zone = ? AND part = ? AND record = ? AND sequence < ? LIMIT ${INDEX_PAGE}`
const VERSION = `SELECT ${VERSION_COLUMNS} FROM versions WHERE zone = ? AND bucket = ? AND sequence = ? AND commit = ?`

export function records(db: CassandraDatabase, heads: Heads): Pick<Zones, 'current' | 'find' | 'history'> {
  return {
    async current(zone, ids) {
      const found = new Map<RecordId, CurrentVersion>()
      if (!(await heads.settled(zone))) return found
      await newest(db, zone, ids, (record, row) => {
        const { sequence, facts, leaf } = row
        found.set(record, { sequence: numberIn(sequence), facts: bytesIn(facts), leaf: hexIn<Digest>(leaf) })
      })
      return found
    },
    async find(zone, record, leaf) {
      if (!(await heads.settled(zone))) return undefined
      for await (const row of indexed(db, zone, record, Number.MAX_SAFE_INTEGER)) {
        if (hexIn(row.leaf) === leaf) return load(db, zone, row)
      }
      return undefined
    },
    async history(zone, record, before, limit, maxBytes) {
      const page: StoredVersion[] = []
      let bytes = 0
      if (!(await heads.settled(zone))) return page
      for await (const row of indexed(db, zone, record, before)) {
        if (page.length >= limit) break
        const version = await load(db, zone, row)
        // Being pruned at this moment.
        if (!version) continue
        bytes += wireBytes(version.record)
        if (page.length > 0 && bytes > maxBytes) break
        page.push(version)
      }
      return page
    },
  }
}

/** Where the current version of each of these records is, as far as it exists. */
export async function newestPlaces(
  db: CassandraDatabase,
  zone: ZoneId,
  ids: readonly RecordId[],
): Promise<Map<RecordId, Place>> {
  const places = new Map<RecordId, Place>()
  await newest(db, zone, ids, (record, { bucket, sequence, commit, bytes }) => {
    places.set(record, {
      bucket: numberIn(bucket),
      sequence: numberIn(sequence),
      commit: hexIn(commit),
      bytes: numberIn(bytes),
    })
  })
  return places
}

async function newest(
  db: CassandraDatabase,
  zone: ZoneId,
  ids: readonly RecordId[],
  each: (record: RecordId, row: Row) => void,
): Promise<void> {
  const parts = Map.groupBy(new Set(ids), recordPart)
  await inParallel([...parts], async ([part, group]) => {
    // The first row of each group is its newest: that is how the table is ordered.
    const rows = await db.rows(NEWEST, [blob(zone), part, group.map(blob)])
    for (const row of rows) each(hexIn<RecordId>(row.record), row)
  })
}

/** The index rows of a record below a sequence number, newest first. */
async function* indexed(
  db: CassandraDatabase,
  zone: ZoneId,
  record: RecordId,
  before: number,
): AsyncGenerator<Row> {
  for (let below = before; ; ) {
    const rows = await db.rows(OLDER, [blob(zone), recordPart(record), blob(record), below])
    yield* rows
    if (rows.length < INDEX_PAGE) return
    below = numberIn(rows.at(-1)!.sequence)
  }
}

async function load(db: CassandraDatabase, zone: ZoneId, { bucket, sequence, commit }: Row) {
  const [row] = await db.rows(VERSION, [blob(zone), bucket, sequence, commit])
  return row?.record ? versionIn(row) : undefined
}
