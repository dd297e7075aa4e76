/**
 * Commits on Cassandra. Rows are written first, under the commit's own id, where nobody sees them; one transaction on the
 * head makes them the zone's; then the indexes follow, and last the fate, which says that all of it is done.
 */
import type { RecordId, ZoneId } from '@pileus/core/ids/ids'
import { type CassandraDatabase, inParallel } from '../../cassandra/database.ts'
import { blob } from '../../columns.ts'
import { replacing } from '../replaced.ts'
import { packIds } from '../rows.ts'
import { versionBytes } from '../size.ts'
import type { Commit, StoredVersion, Zones } from '../zones.ts'
import { INSERT_BATCH_ID } from './batch-ids.ts'
import { hexIn, numberIn, type Place, recordPart, weekOf } from './columns.ts'
import { type Heads, newId, type StoredHead } from './heads.ts'
import { newestPlaces } from './records.ts'

/** A bucket takes no further commit from here on; a commit has 8 MiB at most, so a bucket stays under 100 MB. */
const BUCKET_FULL_BYTES = 64 * 1_048_576
/** What a version takes beside its own bytes: columns, ids, its step. */
const ROW_BYTES = 400

/** What the indexes need to know of a committed version. */
export interface Indexed {
  readonly sequence: number
  readonly record: string
  readonly leaf: string
  readonly facts: Uint8Array
  readonly bytes: number
  readonly storedAt: number
  readonly old: Place | null
}

const INSERT_VERSION = `INSERT INTO versions (zone, bucket, sequence, commit, record, facts, seal, refs_depth, refs, leaf, batch_id,
  leaf_index, stored_at, old_bucket, old_sequence, old_commit, old_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
const INSERT_STEP = `INSERT INTO steps (zone, bucket, sequence, commit, record, old_leaf, new_leaf, chain)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
const INSERT_BATCH = `INSERT INTO batches (zone, id, commit, header, signature, leaves, outcome, sequence, bucket)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
const INSERT_RECORD = `INSERT INTO records (zone, part, record, sequence, bucket, commit, leaf, facts, bytes)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
const MARK_REPLACED =
  'UPDATE versions SET replaced_by = ? WHERE zone = ? AND bucket = ? AND sequence = ? AND commit = ?'
const INSERT_REPLACED = `INSERT INTO replaced (zone, week, at, sequence, bucket, commit, record, bytes)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)`

export function commits(db: CassandraDatabase, heads: Heads): Pick<Zones, 'commit'> {
  return {
    async commit(commit) {
      const id = newId()
      const attempt = new Attempt(db, id, commit)
      const after = await heads.change(commit.zone, id, async (head, uncertain) => {
        if (!asExpected(head, commit.expected)) {
          if (uncertain && (await attempt.happened())) attempt.committed = true
          return null
        }
        const bucket = await attempt.write(head)
        const bytes = (bucket === head.bucket ? head.bucketBytes : 0) + attempt.bytes
        return {
          head: {
            ...commit.head,
            storedBytes: head.storedBytes + commit.addedBytes,
            bucket,
            bucketBytes: bytes,
          },
          last: { kind: 'commit', bucket, first: head.sequence + 1, last: commit.head.sequence },
          follow: () => attempt.index(),
        }
      })
      if (after || attempt.committed) return 'committed'
      await attempt.undo()
      return 'moved'
    },
  }
}

function asExpected(head: StoredHead, expected: Commit['expected']): boolean {
  return (
    head.incarnation === expected.incarnation &&
    head.sequence === expected.sequence &&
    head.generation === expected.generation &&
    head.logLength === expected.logLength
  )
}

/** The rows of one commit that may or may not come to be. */
class Attempt {
  readonly #db: CassandraDatabase
  readonly #id: string
  readonly #commit: Commit
  #bucket: number | null = null
  /** Where the versions are that this commit replaces. */
  #old: ReadonlyMap<RecordId, Place> = new Map()
  committed = false

  constructor(db: CassandraDatabase, id: string, commit: Commit) {
    this.#db = db
    this.#id = id
    this.#commit = commit
  }

  /** About what the rows take in their bucket. */
  get bytes(): number {
    return this.#commit.versions.reduce((sum, { record }) => sum + versionBytes(record) + ROW_BYTES, 0)
  }

  /** Writes the rows, once. Returns the bucket: which one follows from the head, so all who see it choose the same. */
  async write(head: StoredHead): Promise<number> {
    const fits = head.bucket > 0 && head.bucketBytes < BUCKET_FULL_BYTES
    const bucket = fits ? head.bucket : head.sequence + 1
    if (this.#bucket === bucket) return bucket
    const { zone } = this.#commit
    if (!fits) await this.#db.write('INSERT INTO buckets (zone, first) VALUES (?, ?)', [blob(zone), bucket])
    const replaced = replacing(this.#commit).map(({ id }) => id)
    this.#old = await newestPlaces(this.#db, zone, replaced)
    this.#bucket = bucket
    await Promise.all([this.#writeVersions(bucket), this.#writeSteps(bucket), this.#writeBatches(bucket)])
    return bucket
  }

  /** Whether this very commit is part of the zone's past. */
  async happened(): Promise<boolean> {
    if (this.#bucket === null) return false
    const last = this.#commit.head.sequence
    const commit = await fateOf(this.#db, this.#commit.zone, this.#bucket, last)
    return commit === this.#id
  }

  /** Makes the indexes follow, once the head names this commit. */
  async index(): Promise<void> {
    const { zone, versions, head } = this.#commit
    const indexed = versions.map(
      ({ sequence, id, record, leaf, storedAt }): Indexed => ({
        ...{ sequence, record: id, leaf, facts: record.facts, bytes: versionBytes(record) },
        ...{ storedAt: Math.round(storedAt), old: this.#old.get(id) ?? null },
      }),
    )
    await indexCommit(this.#db, zone, this.#id, { bucket: this.#bucket!, last: head.sequence }, indexed)
  }

  /** Removes rows that will never be seen. */
  async undo(): Promise<void> {
    if (this.#bucket === null) return
    const { zone, versions, steps, batches } = this.#commit
    const where = [blob(zone), this.#bucket]
    const gone = 'WHERE zone = ? AND bucket = ? AND sequence = ? AND commit = ?'
    await inParallel(versions, ({ sequence }) =>
      this.#db.write(`DELETE FROM versions ${gone}`, [...where, sequence, blob(this.#id)]),
    )
    await inParallel(steps, ({ sequence }) =>
      this.#db.write(`DELETE FROM steps ${gone}`, [...where, sequence, blob(this.#id)]),
    )
    await inParallel(batches, ({ sequence }) =>
      this.#db.write(`DELETE FROM batch_ids ${gone}`, [...where, sequence, blob(this.#id)]),
    )
    await inParallel(batches, ({ id }) =>
      this.#db.write('DELETE FROM batches WHERE zone = ? AND id = ? AND commit = ?', [
        blob(zone),
        blob(id),
        blob(this.#id),
      ]),
    )
  }

  #writeVersions(bucket: number): Promise<void> {
    const { zone, versions } = this.#commit
    return this.#db.writePartition(
      versions,
      ({ record }) => versionBytes(record) + ROW_BYTES,
      (version) => ({
        query: INSERT_VERSION,
        params: versionParams(zone, bucket, this.#id, version, this.#old.get(version.id)),
      }),
    )
  }

  #writeSteps(bucket: number): Promise<void> {
    const { zone, steps } = this.#commit
    return this.#db.writePartition(
      steps,
      () => ROW_BYTES,
      ({ sequence, record, oldLeaf, newLeaf, chain }) => ({
        query: INSERT_STEP,
        params: [
          ...[blob(zone), bucket, sequence, blob(this.#id), blob(record)],
          ...[oldLeaf === null ? undefined : blob(oldLeaf), blob(newLeaf), blob(chain)],
        ],
      }),
    )
  }

  #writeBatches(bucket: number): Promise<void> {
    return inParallel(this.#commit.batches, async ({ id, signed, leaves, outcome, sequence }) => {
      const place = [blob(this.#commit.zone), bucket, sequence, blob(this.#id)]
      await this.#db.write(INSERT_BATCH_ID, [...place, blob(id)])
      await this.#db.write(INSERT_BATCH, [
        ...[
          blob(this.#commit.zone),
          blob(id),
          blob(this.#id),
          signed.header,
          signed.signature,
          leaves,
          outcome,
        ],
        ...[sequence, bucket],
      ])
    })
  }
}

function versionParams(zone: ZoneId, bucket: number, commit: string, version: StoredVersion, old?: Place) {
  const { sequence, id, record, leaf, batch, leafIndex, storedAt } = version
  return [
    ...[blob(zone), bucket, sequence, blob(commit), blob(id), record.facts, record.seal, record.refs.depth],
    ...[packIds(record.refs.ids), blob(leaf), blob(batch), leafIndex, Math.round(storedAt)],
    ...[old?.bucket, old?.sequence, old && blob(old.commit), old?.bytes],
  ]
}

/** The commit that a sequence number of a bucket belongs to, once it is settled; undefined before. */
export async function fateOf(
  db: CassandraDatabase,
  zone: ZoneId,
  bucket: number,
  sequence: number,
): Promise<string | undefined> {
  const [row] = await db.rows(
    'SELECT commit FROM fates WHERE zone = ? AND bucket = ? AND last >= ? LIMIT 1',
    [blob(zone), bucket, sequence],
  )
  return row && hexIn(row.commit)
}

/** Makes the indexes follow a commit that the head names as its last, unless its fate says that they do. */
export async function followCommit(
  db: CassandraDatabase,
  zone: ZoneId,
  commit: string,
  { bucket, first, last }: { bucket: number; first: number; last: number },
): Promise<void> {
  if ((await fateOf(db, zone, bucket, last)) === commit) return
  const rows = await db.rows(
    `SELECT sequence, commit, record, leaf, facts, seal, refs, stored_at, old_bucket, old_sequence, old_commit, old_bytes
     FROM versions WHERE zone = ? AND bucket = ? AND sequence >= ? AND sequence <= ?`,
    [blob(zone), bucket, first, last],
  )
  const versions = rows
    .filter((row) => hexIn(row.commit) === commit)
    .map((row): Indexed => {
      const bytes = (row.facts as Buffer).length + (row.seal as Buffer).length + (row.refs as Buffer).length
      return {
        sequence: numberIn(row.sequence),
        record: hexIn(row.record),
        leaf: hexIn(row.leaf),
        facts: row.facts as Buffer,
        bytes,
        storedAt: numberIn(row.stored_at),
        old: row.old_sequence === null ? null : oldPlace(row),
      }
    })
  await indexCommit(db, zone, commit, { bucket, last }, versions)
}

/** The indexes, and last the fate: once it stands, nobody looks at this commit's indexes again. */
async function indexCommit(
  db: CassandraDatabase,
  zone: ZoneId,
  commit: string,
  { bucket, last }: { bucket: number; last: number },
  versions: readonly Indexed[],
): Promise<void> {
  await indexVersions(db, zone, bucket, commit, versions)
  await db.write('INSERT INTO fates (zone, bucket, last, commit) VALUES (?, ?, ?, ?)', [
    ...[blob(zone), bucket, last, blob(commit)],
  ])
}

function oldPlace(row: Readonly<Record<string, unknown>>): Place {
  return {
    bucket: numberIn(row.old_bucket),
    sequence: numberIn(row.old_sequence),
    commit: hexIn(row.old_commit),
    bytes: numberIn(row.old_bytes),
  }
}

/** Every write says the same however often and by whom it is done. */
async function indexVersions(
  db: CassandraDatabase,
  zone: ZoneId,
  bucket: number,
  commit: string,
  versions: readonly Indexed[],
): Promise<void> {
  const parts = Map.groupBy(versions, ({ record }) => recordPart(record))
  await inParallel([...parts], ([part, group]) =>
    db.writePartition(
      group,
      ({ facts }) => facts.length + ROW_BYTES / 2,
      ({ record, sequence, leaf, facts, bytes }) => ({
        query: INSERT_RECORD,
        params: [
          ...[blob(zone), part, blob(record), sequence, bucket, blob(commit), blob(leaf)],
          facts,
          bytes,
        ],
      }),
    ),
  )
  const replacing = versions.filter(({ old }) => old !== null)
  for (const week of new Set(replacing.map(({ storedAt }) => weekOf(storedAt)))) {
    await db.write('INSERT INTO replaced_weeks (zone, week) VALUES (?, ?)', [blob(zone), week])
  }
  await inParallel(replacing, async ({ sequence, record, storedAt, old }) => {
    const place = [old!.bucket, old!.sequence, blob(old!.commit)]
    await db.write(MARK_REPLACED, [sequence, blob(zone), ...place])
    await db.write(INSERT_REPLACED, [
      ...[blob(zone), weekOf(storedAt), storedAt, old!.sequence, old!.bucket, blob(old!.commit)],
      ...[blob(record), old!.bytes],
    ])
  })
}
