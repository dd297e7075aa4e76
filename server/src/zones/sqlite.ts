/** Zones in one SQLite file. */
import type { BatchId, ChunkId, DeviceId, Digest, PackId, ZoneId } from '@pileus/core/ids/ids'
import { blob, hexOf } from '../columns.ts'
import { Database } from '../sqlite/database.ts'
import { sqliteFence } from '../sqlite/fence.ts'
import { replacing } from './replaced.ts'
import { batchOf, headOf, packIds, type Row, stepOf, versionOf } from './rows.ts'
import { wireBytes } from './size.ts'
import { FROM_VERSIONS, type Numbering, zoneNumbering } from './sqlite-numbers.ts'
import { origin } from './sqlite-origin.ts'
import { ZONES_MIGRATIONS } from './sqlite-schema.ts'
import type { ChunkPlace, Commit, Head, NewZone, StoredPack, StoredVersion, Zones } from './zones.ts'

/** Every write but that of a sync state changes a zone's row too. */
const FENCED = { zones: ['INSERT', 'UPDATE', 'DELETE'] }

/** Opens or creates the database at `path`. */
export function sqliteZones(path: string): Zones {
  const db = new Database(path, 'zones', ZONES_MIGRATIONS)
  const zoneNumbers = zoneNumbering(db)
  return {
    ...heads(db, zoneNumbers),
    ...versions(db, zoneNumbers),
    ...pages(db, zoneNumbers),
    ...commits(db, zoneNumbers),
    ...chunkIndex(db, zoneNumbers),
    ...syncStates(db, zoneNumbers),
    origin: { ...origin(db, zoneNumbers), fence: sqliteFence(db, FENCED) },
    async check() {
      db.read(() => db.prepare('SELECT no FROM zones LIMIT 1').get())
    },
    async close() {
      db.close()
    },
  }
}

type Heads = 'create' | 'head' | 'log' | 'appendLog' | 'raiseIncarnation' | 'list'

function heads(db: Database, numberOf: Numbering): Pick<Zones, Heads> {
  const insert = db.prepare(
    'INSERT INTO zones (id, incarnation, sequence, chain, set_state, set_hash, log_length, log_head, generation, ' +
      'floor, stored_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const get = db.prepare('SELECT * FROM zones WHERE no = ?')
  const insertEntry = db.prepare('INSERT INTO log VALUES (?, ?, ?)')
  const entries = db.prepare('SELECT entry FROM log WHERE zone = ? AND place >= ? ORDER BY place LIMIT ?')
  const moveLog = db.prepare(
    'UPDATE zones SET log_length = log_length + 1, log_head = ? WHERE no = ? AND log_length = ? AND sequence = ?',
  )
  const raise = db.prepare('UPDATE zones SET incarnation = incarnation + 1 WHERE no = ? AND incarnation = ?')
  const list = db.prepare('SELECT id FROM zones WHERE id > ? ORDER BY id LIMIT ?')
  const headByNumber = (no: number): Head | undefined => {
    const row = get.get(no) as Row | undefined
    return row && headOf(row)
  }
  return {
    create: ({ zone, genesis, head }: NewZone) =>
      db.write(() => {
        if (numberOf(zone) !== 0) return 'exists'
        const { lastInsertRowid } = insert.run(
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
        )
        insertEntry.run(lastInsertRowid, 0, genesis)
        return 'created'
      }),
    head: async (zone) => db.read(() => headByNumber(numberOf(zone))),
    log: async (zone, from, limit) =>
      db.read(() => entries.all(numberOf(zone), from, limit).map((row) => row.entry as Uint8Array)),
    appendLog: (zone, { logLength, sequence }, entry, logHead) =>
      db.write(() => {
        const no = numberOf(zone)
        if (moveLog.run(blob(logHead), no, logLength, sequence).changes !== 1) return 'moved'
        insertEntry.run(no, logLength, entry)
        return 'appended'
      }),
    raiseIncarnation: (zone, incarnation) =>
      db.write(() => {
        raise.run(numberOf(zone), incarnation)
        return headByNumber(numberOf(zone))
      }),
    list: async (after, limit) =>
      db.read(() =>
        list
          .all(after === null ? new Uint8Array(0) : blob(after), limit)
          .map((row) => hexOf(row.id as Uint8Array) as ZoneId),
      ),
  }
}

type Versions = 'current' | 'find' | 'version' | 'batch' | 'steps' | 'chainAt'

function versions(db: Database, numberOf: Numbering): Pick<Zones, Versions> {
  const newest = db.prepare(
    'SELECT sequence, facts, leaf FROM versions WHERE zone = ? AND record = ? ORDER BY sequence DESC LIMIT 1',
  )
  const byLeaf = db.prepare(`${FROM_VERSIONS} WHERE v.zone = ? AND v.record = ? AND v.leaf = ?`)
  const bySequence = db.prepare(`${FROM_VERSIONS} WHERE v.zone = ? AND v.sequence = ?`)
  const batchById = db.prepare('SELECT * FROM batches WHERE zone = ? AND id = ?')
  const steps = db.prepare(
    'SELECT * FROM steps WHERE zone = ? AND sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?',
  )
  const chain = db.prepare('SELECT chain FROM steps WHERE zone = ? AND sequence = ?')
  const one = (row: Row | undefined): StoredVersion | undefined => row && versionOf(row)
  return {
    current: async (zone, records) =>
      db.read(() => {
        const found: Awaited<ReturnType<Zones['current']>> = new Map()
        const no = numberOf(zone)
        for (const record of records) {
          const row = newest.get(no, blob(record)) as Row | undefined
          if (!row) continue
          const leaf = hexOf(row.leaf as Uint8Array) as Digest
          found.set(record, { sequence: row.sequence as number, facts: row.facts as Uint8Array, leaf })
        }
        return found
      }),
    find: async (zone, record, leaf) =>
      db.read(() => one(byLeaf.get(numberOf(zone), blob(record), blob(leaf)))),
    version: async (zone, sequence) => db.read(() => one(bySequence.get(numberOf(zone), sequence))),
    batch: async (zone, id: BatchId) =>
      db.read(() => {
        const row = batchById.get(numberOf(zone), blob(id)) as Row | undefined
        return row && batchOf(row)
      }),
    steps: async (zone, from, to, limit) =>
      db.read(() => steps.all(numberOf(zone), from, to, limit).map(stepOf)),
    chainAt: async (zone, sequence) =>
      db.read(() => {
        const row = chain.get(numberOf(zone), sequence)
        return row && (hexOf(row.chain as Uint8Array) as Digest)
      }),
  }
}

function pages(db: Database, numberOf: Numbering): Pick<Zones, 'changes' | 'history'> {
  const head = db.prepare('SELECT * FROM zones WHERE no = ?')
  const changed = db.prepare(
    `${FROM_VERSIONS} WHERE v.zone = ? AND v.sequence > ? AND v.replaced_at IS NULL ORDER BY v.sequence LIMIT ?`,
  )
  const older = db.prepare(
    `${FROM_VERSIONS} WHERE v.zone = ? AND v.record = ? AND v.sequence < ? ORDER BY v.sequence DESC LIMIT ?`,
  )
  return {
    // Reads are synchronous and writes are too, so the head and the rows are of one moment.
    changes: async (zone, after, limit, maxBytes) =>
      db.read(() => {
        const no = numberOf(zone)
        const row = head.get(no) as Row | undefined
        if (!row) return undefined
        const page = bounded(changed.iterate(no, after, limit + 1), limit, maxBytes)
        return { ...page, head: headOf(row) }
      }),
    history: async (zone, record, before, limit, maxBytes) =>
      db.read(
        () =>
          bounded(older.iterate(numberOf(zone), blob(record), before, limit + 1), limit, maxBytes).versions,
      ),
  }
}

function bounded(rows: Iterable<Row>, limit: number, maxBytes: number) {
  const page: StoredVersion[] = []
  let bytes = 0
  for (const row of rows) {
    const version = versionOf(row)
    bytes += wireBytes(version.record)
    if (page.length >= limit || (page.length > 0 && bytes > maxBytes)) return { versions: page, more: true }
    page.push(version)
  }
  return { versions: page, more: false }
}

function commits(db: Database, numberOf: Numbering): Pick<Zones, 'commit' | 'prune'> {
  const move = db.prepare(
    `UPDATE zones SET sequence = ?, chain = ?, set_state = ?, set_hash = ?, stored_bytes = stored_bytes + ?
     WHERE no = ? AND incarnation = ? AND sequence = ? AND generation = ? AND log_length = ?`,
  )
  const insertBatch = db.prepare(
    'INSERT INTO batches (zone, id, header, signature, leaves, outcome, sequence) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
  const replace = db.prepare(
    'UPDATE versions SET replaced_at = ? WHERE zone = ? AND record = ? AND replaced_at IS NULL',
  )
  const insertVersion = db.prepare('INSERT INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)')
  const insertStep = db.prepare('INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?)')
  const write = (no: number, commit: Commit): void => {
    const batchNumbers = new Map<BatchId, number | bigint>()
    for (const { id, signed, leaves, outcome, sequence } of commit.batches) {
      const row = insertBatch.run(no, blob(id), signed.header, signed.signature, leaves, outcome, sequence)
      batchNumbers.set(id, row.lastInsertRowid)
    }
    for (const { id, storedAt } of replacing(commit)) replace.run(storedAt, no, blob(id))
    for (const version of commit.versions) {
      insertVersion.run(...versionColumns(no, version, batchNumbers.get(version.batch)!))
    }
    for (const { sequence, record, oldLeaf, newLeaf, chain } of commit.steps) {
      insertStep.run(no, sequence, blob(record), oldLeaf && blob(oldLeaf), blob(newLeaf), blob(chain))
    }
  }
  return {
    commit: (commit) =>
      db.write(() => {
        const no = numberOf(commit.zone)
        const { head, expected, addedBytes } = commit
        const moved = move.run(
          head.sequence,
          blob(head.chain),
          head.setState,
          blob(head.setHash),
          addedBytes,
          no,
          expected.incarnation,
          expected.sequence,
          expected.generation,
          expected.logLength,
        )
        if (moved.changes !== 1) return 'moved'
        write(no, commit)
        return 'committed'
      }),
    ...pruning(db, numberOf),
  }
}

function versionColumns(no: number, version: StoredVersion, batch: number | bigint) {
  return [
    no,
    version.sequence,
    blob(version.id),
    version.record.facts,
    version.record.seal,
    version.record.refs.depth,
    packIds(version.record.refs.ids),
    blob(version.leaf),
    batch,
    version.leafIndex,
    version.storedAt,
  ] as const
}

function pruning(db: Database, numberOf: Numbering): Pick<Zones, 'prune'> {
  const old = db.prepare(
    `SELECT rowid AS no, length(facts) + length(seal) + length(refs) AS bytes FROM versions
     WHERE zone = ? AND replaced_at IS NOT NULL AND replaced_at < ? LIMIT ?`,
  )
  const forget = db.prepare('DELETE FROM versions WHERE rowid = ?')
  const giveBack = db.prepare('UPDATE zones SET stored_bytes = stored_bytes - ? WHERE no = ?')
  return {
    prune: (zone, replacedBefore, limit) =>
      db.write(() => {
        const rows = old.all(numberOf(zone), replacedBefore, limit) as { no: number; bytes: number }[]
        for (const { no } of rows) forget.run(no)
        giveBack.run(
          rows.reduce((sum, { bytes }) => sum + bytes, 0),
          numberOf(zone),
        )
        return rows.length
      }),
  }
}

function chunkIndex(
  db: Database,
  numberOf: Numbering,
): Pick<Zones, 'addPack' | 'pack' | 'locate' | 'places'> {
  const packById = db.prepare('SELECT * FROM packs WHERE zone = ? AND id = ?')
  const insertPack = db.prepare('INSERT INTO packs (zone, id, chunks, stored_bytes) VALUES (?, ?, ?, ?)')
  const insertChunk = db.prepare('INSERT INTO chunks VALUES (?, ?, ?, ?, ?)')
  const charge = db.prepare('UPDATE zones SET stored_bytes = stored_bytes + ? WHERE no = ?')
  const find = db.prepare(
    `SELECT p.id, c.offset, c.length FROM chunks c JOIN packs p ON p.no = c.pack WHERE c.zone = ? AND c.chunk = ?`,
  )
  const placeOf = (chunk: ChunkId, row: Row): ChunkPlace => ({
    chunk,
    pack: hexOf(row.id as Uint8Array) as PackId,
    offset: row.offset as number,
    length: row.length as number,
  })
  return {
    addPack: (zone, pack, storedBytes, chunks) =>
      db.write(() => {
        const no = numberOf(zone)
        if (no === 0 || packById.get(no, blob(pack))) return false
        const { lastInsertRowid } = insertPack.run(no, blob(pack), chunks.length, storedBytes)
        for (const { chunk, offset, length } of chunks) {
          insertChunk.run(no, blob(chunk), lastInsertRowid, offset, length)
        }
        charge.run(storedBytes, no)
        return true
      }),
    pack: async (zone, pack) =>
      db.read((): StoredPack | undefined => {
        const row = packById.get(numberOf(zone), blob(pack))
        return row && { chunks: row.chunks as number, storedBytes: row.stored_bytes as number }
      }),
    locate: async (zone, chunks) =>
      db.read(() => {
        const found = new Map<ChunkId, ChunkPlace>()
        const no = numberOf(zone)
        for (const chunk of chunks) {
          const row = find.get(no, blob(chunk)) as Row | undefined
          if (row) found.set(chunk, placeOf(chunk, row))
        }
        return found
      }),
    places: async (zone, chunk) =>
      db.read(() => find.all(numberOf(zone), blob(chunk)).map((row) => placeOf(chunk, row))),
  }
}

function syncStates(db: Database, numberOf: Numbering): Pick<Zones, 'setSyncState' | 'syncState'> {
  const set = db.prepare('INSERT OR REPLACE INTO sync_states VALUES (?, ?, ?, ?, ?)')
  const get = db.prepare('SELECT * FROM sync_states WHERE zone = ? AND device = ?')
  return {
    setSyncState: (zone, device: DeviceId, { incarnation, sequence, at }) =>
      db.write(() => {
        const no = numberOf(zone)
        if (no !== 0) set.run(no, blob(device), incarnation, sequence, at)
      }),
    syncState: async (zone, device) =>
      db.read(() => {
        const row = get.get(numberOf(zone), blob(device))
        return (
          row && {
            incarnation: row.incarnation as number,
            sequence: row.sequence as number,
            at: row.at as number,
          }
        )
      }),
  }
}
