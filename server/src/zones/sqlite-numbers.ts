/** Numbers that stand for zones and batches inside the SQLite file. */
import type { ZoneId } from '@pileus/core/ids/ids'
import { blob } from '../columns.ts'
import type { Database } from '../sqlite/database.ts'

/** The zone's number in the file, 0 for a zone that is not there. Numbers never change, so they are kept. */
export type Numbering = (zone: ZoneId) => number
const NUMBERS_KEPT = 10_000

export function zoneNumbering(db: Database): Numbering {
  const find = db.prepare('SELECT no FROM zones WHERE id = ?')
  const known = new Map<ZoneId, number>()
  return (zone) => {
    const number = known.get(zone)
    if (number !== undefined) return number
    const row = find.get(blob(zone)) as { no: number } | undefined
    if (!row) return 0
    if (known.size >= NUMBERS_KEPT) known.clear()
    known.set(zone, row.no)
    return row.no
  }
}

const VERSION_COLUMNS =
  'v.sequence, v.record, v.facts, v.seal, v.refs_depth, v.refs, v.leaf, v.leaf_index, v.stored_at, b.id AS batch_id'
export const FROM_VERSIONS = `SELECT ${VERSION_COLUMNS} FROM versions v JOIN batches b ON b.no = v.batch`
