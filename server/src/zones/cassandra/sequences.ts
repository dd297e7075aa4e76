/** Reading a zone by sequence numbers on Cassandra: only rows whose commit is the zone's are ever seen. */
import type { BatchId, ZoneId } from '@pileus/core/ids/ids'
import type { CassandraDatabase, Row } from '../../cassandra/database.ts'
import { blob } from '../../columns.ts'
import { wireBytes } from '../size.ts'
import type { StoredVersion, Zones } from '../zones.ts'
import { bytesIn, hexIn, numberIn, stepIn, VERSION_COLUMNS, versionIn } from './columns.ts'
import { fateOf } from './commit.ts'
import type { Heads } from './heads.ts'
import { headOnly } from './log.ts'

/** Rows that are read at once: bounds memory at 32 MiB where every record is as large as it may be. */
const VERSIONS_PAGE = 128
const STEPS_PAGE = 2_000
const STEP_COLUMNS = 'sequence, commit, record, old_leaf, new_leaf, chain'

/** All columns of the versions of a zone. */
export const VERSIONS: Table = { table: 'versions', columns: VERSION_COLUMNS, page: VERSIONS_PAGE }

type Sequences = 'version' | 'batch' | 'changes' | 'steps' | 'chainAt'

export function sequences(db: CassandraDatabase, heads: Heads): Pick<Zones, Sequences> {
  const versions = (zone: ZoneId, from: number, to: number) => committed(db, VERSIONS, zone, from, to)
  const steps = (zone: ZoneId, from: number, to: number) =>
    committed(db, { table: 'steps', columns: STEP_COLUMNS, page: STEPS_PAGE }, zone, from, to)
  return {
    async version(zone, sequence) {
      const head = await heads.settled(zone)
      if (!head || sequence < 1 || sequence > head.sequence) return undefined
      for await (const row of versions(zone, sequence - 1, sequence)) return versionIn(row)
      return undefined
    },
    async batch(zone, id: BatchId) {
      const rows = await db.rows('SELECT * FROM batches WHERE zone = ? AND id = ?', [blob(zone), blob(id)])
      if (rows.length === 0) return undefined
      const head = await heads.settled(zone)
      for (const row of rows) {
        const sequence = numberIn(row.sequence)
        if (!head || sequence > head.sequence) continue
        if ((await fateOf(db, zone, numberIn(row.bucket), sequence)) !== hexIn(row.commit)) continue
        const signed = { header: bytesIn(row.header), signature: bytesIn(row.signature) }
        return { id, signed, leaves: bytesIn(row.leaves), outcome: bytesIn(row.outcome), sequence }
      }
      return undefined
    },
    async changes(zone, after, limit, maxBytes) {
      const head = await heads.settled(zone)
      if (!head) return undefined
      const page: StoredVersion[] = []
      let bytes = 0
      for await (const row of versions(zone, after, head.sequence)) {
        // One that was replaced later than the head we tell of is still current there.
        if (row.replaced_by !== null && numberIn(row.replaced_by) <= head.sequence) continue
        const version = versionIn(row)
        bytes += wireBytes(version.record)
        const full = page.length >= limit || (page.length > 0 && bytes > maxBytes)
        if (full) return { versions: page, head: headOnly(head), more: true }
        page.push(version)
      }
      return { versions: page, head: headOnly(head), more: false }
    },
    async steps(zone, from, to, limit) {
      const head = await heads.settled(zone)
      if (!head) return []
      const found = []
      for await (const row of steps(zone, from, Math.min(to, from + limit, head.sequence)))
        found.push(stepIn(row))
      return found
    },
    async chainAt(zone, sequence) {
      const head = await heads.settled(zone)
      if (!head || sequence < 1 || sequence > head.sequence) return undefined
      for await (const row of steps(zone, sequence - 1, sequence)) return hexIn(row.chain)
      return undefined
    },
  }
}

export interface Table {
  readonly table: 'versions' | 'steps' | 'batch_ids'
  readonly columns: string
  readonly page: number
}

/** Rows with from < sequence ≤ to of the zone's own commits, ascending, bucket after bucket. */
export async function* committed(
  db: CassandraDatabase,
  table: Table,
  zone: ZoneId,
  from: number,
  to: number,
): AsyncGenerator<Row> {
  if (from >= to) return
  let bucket = await bucketOf(db, zone, from + 1)
  while (bucket !== undefined && bucket <= to) {
    yield* committedIn(db, table, zone, bucket, from, to)
    const [next] = await db.rows('SELECT first FROM buckets WHERE zone = ? AND first > ? LIMIT 1', [
      blob(zone),
      bucket,
    ])
    bucket = next && numberIn(next.first)
  }
}

/** The bucket that holds a sequence number: the last that does not begin after it. */
async function bucketOf(db: CassandraDatabase, zone: ZoneId, sequence: number): Promise<number | undefined> {
  const [row] = await db.rows(
    'SELECT first FROM buckets WHERE zone = ? AND first <= ? ORDER BY first DESC LIMIT 1',
    [blob(zone), sequence],
  )
  return row && numberIn(row.first)
}

async function* committedIn(
  db: CassandraDatabase,
  { table, columns, page }: Table,
  zone: ZoneId,
  bucket: number,
  from: number,
  to: number,
): AsyncGenerator<Row> {
  const where = 'zone = ? AND bucket = ?'
  const size = Math.min(page, to - from + 8)
  let rows = await db.rows(
    `SELECT ${columns} FROM ${table} WHERE ${where} AND sequence > ? AND sequence <= ? LIMIT ?`,
    [...[blob(zone), bucket, from, to, size]],
  )
  while (rows.length > 0) {
    yield* await ofTheZone(db, zone, bucket, rows)
    if (rows.length < size) return
    const { sequence, commit } = rows.at(-1)!
    rows = await db.rows(
      `SELECT ${columns} FROM ${table} WHERE ${where} AND (sequence, commit) > (?, ?) AND sequence <= ? LIMIT ?`,
      [blob(zone), bucket, sequence, commit, to, size],
    )
  }
}

/** Those of the rows whose commit is the one that their sequence number fell to. */
async function ofTheZone(
  db: CassandraDatabase,
  zone: ZoneId,
  bucket: number,
  rows: readonly Row[],
): Promise<Row[]> {
  const first = numberIn(rows[0]!.sequence)
  const last = numberIn(rows.at(-1)!.sequence)
  const fates = await db.rows(
    'SELECT last, commit FROM fates WHERE zone = ? AND bucket = ? AND last >= ? LIMIT ?',
    [...[blob(zone), bucket, first, last - first + 1]],
  )
  let at = 0
  return rows.filter((row) => {
    // A row that is only the mark of a replacement, left of a version that was pruned meanwhile, has no record.
    if (row.record === null) return false
    const sequence = numberIn(row.sequence)
    while (at < fates.length && numberIn(fates[at]!.last) < sequence) at++
    return at < fates.length && hexIn(fates[at]!.commit) === hexIn(row.commit)
  })
}
