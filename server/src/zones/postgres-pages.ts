/** Pages of versions on PostgreSQL: their bytes are bounded by the database, before they travel. */
import { blob } from '../columns.ts'
import type { PostgresDatabase, Row } from '../postgres/database.ts'
import { headOf, versionOf } from './rows.ts'
import { wireBytes } from './size.ts'
import type { StoredVersion, Zones } from './zones.ts'

/** The chosen versions up to the first that goes over the bytes; lengths are known without reading the sealed bytes. */
function page(chosen: string, order: string): string {
  return `
    SELECT * FROM (
      SELECT v.*, sum(octet_length(facts) + octet_length(seal) + octet_length(refs)) OVER (ORDER BY sequence ${order})
        - (octet_length(facts) + octet_length(seal) + octet_length(refs)) AS before, count(*) OVER () AS chosen
      FROM (SELECT * FROM (${chosen}) all_chosen ORDER BY sequence ${order} LIMIT $3) v) page
    WHERE before <= $4 ORDER BY sequence ${order}`
}

const CHANGES = page(
  'SELECT * FROM versions WHERE zone = $1 AND sequence > $2 AND replaced_at IS NULL',
  'ASC',
)
const HISTORY = page(
  'SELECT v.* FROM versions v JOIN zones z ON z.no = v.zone WHERE z.id = $1 AND v.sequence < $2 AND record = $5',
  'DESC',
)

export function pages(db: PostgresDatabase): Pick<Zones, 'changes' | 'history'> {
  return {
    changes: (zone, after, limit, maxBytes) =>
      db.snapshot(async (session) => {
        const [row] = (await session.query('SELECT * FROM zones WHERE id = $1', [blob(zone)])).rows
        if (!row) return undefined
        const head = headOf(row)
        if (after >= head.sequence) return { versions: [], more: false, head }
        const { rows } = await session.query(CHANGES, [row.no, after, limit + 1, maxBytes])
        return { ...bounded(rows, limit, maxBytes), head }
      }),
    async history(zone, record, before, limit, maxBytes) {
      const { rows } = await db.query(HISTORY, [blob(zone), before, limit, maxBytes, blob(record)])
      return bounded(rows, limit, maxBytes).versions
    },
  }
}

/** `chosen` of a row counts also those that were too many bytes to read. */
function bounded(rows: readonly Row[], limit: number, maxBytes: number) {
  const versions: StoredVersion[] = []
  let bytes = 0
  for (const row of rows) {
    const version = versionOf(row)
    bytes += wireBytes(version.record)
    if (versions.length >= limit || (versions.length > 0 && bytes > maxBytes)) break
    versions.push(version)
  }
  return { versions, more: versions.length < ((rows[0]?.chosen as number | undefined) ?? 0) }
}
