/**
 * The list of batches by sequence number, which only moves read. Commits write it; what was committed by a server that did
 * not know it yet is listed when a fence stands, so that no such commit comes after.
 */
import { type CassandraDatabase, inParallel, type Row } from '../../cassandra/database.ts'

export const INSERT_BATCH_ID =
  'INSERT INTO batch_ids (zone, bucket, sequence, commit, id) VALUES (?, ?, ?, ?, ?)'

const NOTE = 'batches listed'
const LISTED_AT_ONCE = 500

/**
 * Lists every batch there is; may be cut off and begun anew, and is done once for each `fence`. Rows of commits that never
 * came to be are listed too: whoever reads the list looks whether a commit is the zone's.
 */
export async function listBatches(db: CassandraDatabase, fence: string): Promise<void> {
  const [done] = await db.rows('SELECT value FROM notes WHERE name = ?', [NOTE])
  if (done?.value === fence) return
  let batches: Row[] = []
  const list = () =>
    inParallel(batches, ({ zone, bucket, sequence, commit, id }) =>
      db.write(INSERT_BATCH_ID, [zone, bucket, sequence, commit, id]),
    )
  for await (const row of db.scan('SELECT zone, id, commit, sequence, bucket FROM batches')) {
    batches.push(row)
    if (batches.length < LISTED_AT_ONCE) continue
    await list()
    batches = []
  }
  await list()
  await db.write('INSERT INTO notes (name, value) VALUES (?, ?)', [NOTE, fence])
}
