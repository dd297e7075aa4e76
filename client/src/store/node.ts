/**
 * The local database in SQLite: one table per name, text keys, values of text or bytes. Rows lie in the order in which
 * they were written, beside an index of their keys: keys are mostly random ids, and rows in the order of these would
 * have nearly every page of a table written anew in each transaction.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { FileError, type FileErrorCode } from '../files/files.ts'
import {
  type KeyRange,
  type Store,
  StoreCorrupt,
  type StoreReader,
  type StoreValue,
  type StoreWriter,
} from './store.ts'

/** Scans shorter than this are read at once; longer ones on a connection of their own. */
const SCAN_AT_ONCE = 1_000
/** Of a new database: each page that changes is a call of the system and a checksum, and many change. */
const PAGE_BYTES = 8_192
/** Pages SQLite keeps, KiB; its own default is 2,000. */
const CACHE_KIB = 24_576
/** What the write-ahead log grows to before its pages are put where they belong, KiB. */
const LOG_KIB = 32_000
/** How long a call waits for another process that writes, milliseconds. */
const BUSY_WAIT_MS = 5_000

/**
 * Opens the database at this path, and creates it when it is not there. One process writes at a time; others
 * may read (`openReadOnly`). A scan inside a transaction is held in memory whole. Throws StoreCorrupt, and
 * FileError where the disk refuses.
 */
export function openSqliteStore(path: string): Store {
  const database = openDatabase(path, false)
  return new SqliteStore(path, database, true)
}

/** Reads a database that another process may be writing. Null when there is none. Throws StoreCorrupt. */
export function openReadOnly(path: string): (StoreReader & { close(): void }) | null {
  try {
    return new SqliteStore(path, openDatabase(path, true), false)
  } catch (error) {
    if (error instanceof FileError && error.code === 'not-found') return null
    throw error
  }
}

/** A connection with the settings that durability rests on. Throws as `openSqliteStore` does. */
export function openDatabase(path: string, readOnly: boolean): DatabaseSync {
  return guarded(path, () => {
    const database = new DatabaseSync(path, { readOnly, timeout: BUSY_WAIT_MS })
    try {
      if (!readOnly) {
        database.exec(
          `PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL`,
        )
        database.exec(`PRAGMA wal_autocheckpoint = ${Math.floor((LOG_KIB * 1024) / PAGE_BYTES)}`)
        // On macOS a plain fsync leaves bytes in the disk's own cache; elsewhere this changes nothing. Checkpoints
        // are synced alike (https://www.sqlite.org/pragma.html#pragma_checkpoint_fullfsync).
        database.exec('PRAGMA fullfsync = ON')
      }
      database.exec(`PRAGMA cache_size = -${CACHE_KIB}`)
      // Opening reads nothing; this does, so that a file which is no database shows at once.
      database.prepare('SELECT count(*) FROM sqlite_schema').get()
    } catch (error) {
      database.close()
      throw error
    }
    return database
  })
}

interface Statements {
  readonly get: StatementSync
  readonly scan: StatementSync
  readonly scanTo: StatementSync
  readonly count: StatementSync
  readonly put: StatementSync | null
  readonly remove: StatementSync | null
}

type Row = readonly [key: string, value: StoreValue]

class SqliteStore implements Store {
  readonly #path: string
  readonly #connection: Connection
  readonly #idle: Connection[] = []
  readonly #all: Connection[]
  readonly #isAlone: boolean
  #inTransaction = false
  /** A transaction for reading stands open: without one, each row that is read locks and unlocks the file. */
  #reading = false
  #synchronous: 'durable' | 'lazy' = 'lazy'

  /** `isAlone`: nobody else writes, so that what was seen once stays true until this writes. */
  constructor(path: string, database: DatabaseSync, isAlone: boolean) {
    this.#path = path
    this.#isAlone = isAlone
    this.#connection = new Connection(database, true)
    this.#all = [this.#connection]
  }

  get(table: string, key: string): StoreValue | undefined {
    try {
      this.#beginReading()
      const row = this.#connection.table(table)?.get.get(key) as readonly [StoreValue] | undefined
      return row?.[0]
    } catch (error) {
      throw storeError(error, this.#path)
    }
  }

  count(table: string): number {
    return guarded(this.#path, () => {
      this.#beginReading()
      const row = this.#connection.table(table)?.count.get() as readonly [number] | undefined
      return row?.[0] ?? 0
    })
  }

  *scan(table: string, range: KeyRange = {}): Iterable<Row> {
    const { from = '', to = null, limit = Number.MAX_SAFE_INTEGER } = range
    // Inside a transaction no other connection can see what was written.
    const first = this.#inTransaction ? limit : Math.min(limit, SCAN_AT_ONCE)
    const rows = guarded(this.#path, () => {
      this.#beginReading()
      return this.#connection.rows(table, from, to, first)
    })
    // The snapshot is taken before the first pair is handed out, so both parts show the same state.
    const rest = rows.length < first || rows.length >= limit ? null : this.#reader()
    try {
      const last = rows.at(-1)?.[0] ?? from
      const more = rest && guarded(this.#path, () => rest.snapshot(table, last, to, limit - rows.length))
      yield* rows
      if (more) yield* guardedRows(this.#path, more)
    } finally {
      if (rest) this.#release(rest)
    }
  }

  transaction<T>(durability: 'durable' | 'lazy', work: (tx: StoreWriter) => T): T {
    if (this.#inTransaction) throw new Error('a transaction of the local database was begun inside another')
    const database = this.#connection.database
    return guarded(this.#path, () => {
      this.#endReading()
      if (durability !== this.#synchronous) {
        database.exec(`PRAGMA synchronous = ${durability === 'durable' ? 'FULL' : 'NORMAL'}`)
        this.#synchronous = durability
      }
      database.exec('BEGIN IMMEDIATE')
      this.#inTransaction = true
      try {
        const result = work(this.#writer())
        database.exec('COMMIT')
        return result
      } catch (error) {
        this.#connection.forget()
        // SQLite has rolled back by itself after some errors (full disk).
        if (database.isTransaction) database.exec('ROLLBACK')
        throw error
      } finally {
        this.#connection.forgetAbsent()
        this.#inTransaction = false
      }
    })
  }

  rest(): void {
    guarded(this.#path, () => {
      this.#endReading()
      for (const { database } of this.#all) if (database.isOpen) database.exec('PRAGMA shrink_memory')
    })
  }

  close(): void {
    for (const connection of this.#all) if (connection.database.isOpen) connection.database.close()
  }

  #writer(): StoreWriter {
    const connection = this.#connection
    return {
      get: (table, key) => this.get(table, key),
      scan: (table, range) => this.scan(table, range),
      count: (table) => this.count(table),
      put: (table, key, value) => {
        this.#assertWriting()
        connection.created(table).put?.run(key, value)
      },
      delete: (table, key) => {
        this.#assertWriting()
        connection.table(table)?.remove?.run(key)
      },
    }
  }

  #beginReading(): void {
    if (!this.#isAlone || this.#inTransaction || this.#reading) return
    this.#connection.database.exec('BEGIN')
    this.#reading = true
  }

  #endReading(): void {
    if (!this.#reading) return
    this.#reading = false
    this.#connection.database.exec('COMMIT')
  }

  #assertWriting(): void {
    if (!this.#inTransaction) throw new Error('the local database was written after its transaction ended')
  }

  /** A connection for one long scan, from those at rest or new. */
  #reader(): Connection {
    const rested = this.#idle.pop()
    if (rested) return rested
    const connection = new Connection(openDatabase(this.#path, true), false)
    this.#all.push(connection)
    return connection
  }

  #release(connection: Connection): void {
    if (!connection.database.isOpen) return
    if (connection.database.isTransaction) connection.database.exec('ROLLBACK')
    this.#idle.push(connection)
  }
}

/** A connection with its prepared statements. */
class Connection {
  readonly database: DatabaseSync
  readonly #writable: boolean
  readonly #tables = new Map<string, Statements>()
  /** Tables that were looked for in vain during the transaction that holds the only right to make any. */
  readonly #absent = new Set<string>()
  readonly #exists: StatementSync

  constructor(database: DatabaseSync, writable: boolean) {
    this.database = database
    this.#writable = writable
    this.#exists = database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?")
  }

  /** The statements of a table; undefined when it does not exist. */
  table(name: string): Statements | undefined {
    const known = this.#tables.get(name)
    if (known || this.#absent.has(name)) return known
    if (this.#exists.get(name)) return this.#prepare(name)
    if (this.#writable && this.database.isTransaction) this.#absent.add(name)
    return undefined
  }

  /** The statements of a table, which is created when it is not there. */
  created(name: string): Statements {
    const known = this.#tables.get(name)
    if (known) return known
    this.database.exec(
      `CREATE TABLE IF NOT EXISTS ${quoted(name)} (k TEXT PRIMARY KEY, v ANY NOT NULL) STRICT`,
    )
    return this.#prepare(name)
  }

  /** Forgets the statements: a rollback may have taken their tables. */
  forget(): void {
    this.#tables.clear()
  }

  /** Once a transaction has ended another process may make tables. */
  forgetAbsent(): void {
    this.#absent.clear()
  }

  rows(table: string, from: string, to: string | null, limit: number): readonly Row[] {
    const statements = this.table(table)
    if (!statements) return []
    const found = to === null ? statements.scan.all(from, limit) : statements.scanTo.all(from, to, limit)
    return found as unknown as readonly Row[]
  }

  /** Rows after a key, all of the state of this moment. The connection is busy until they are read. */
  snapshot(table: string, after: string, to: string | null, limit: number): Iterator<Row> {
    this.database.exec('BEGIN')
    // U+0000 is the least text that can follow.
    const from = `${after}\u0000`
    const statements = this.table(table)
    if (!statements) return [].values()
    const rows =
      to === null ? statements.scan.iterate(from, limit) : statements.scanTo.iterate(from, to, limit)
    return rows as unknown as Iterator<Row>
  }

  #prepare(name: string): Statements {
    this.#absent.delete(name)
    const table = quoted(name)
    const write = (sql: string): StatementSync | null => (this.#writable ? this.database.prepare(sql) : null)
    const read = (sql: string): StatementSync => {
      const statement = this.database.prepare(sql)
      statement.setReturnArrays(true)
      return statement
    }
    const statements: Statements = {
      get: read(`SELECT v FROM ${table} WHERE k = ?`),
      scan: read(`SELECT k, v FROM ${table} WHERE k >= ? ORDER BY k LIMIT ?`),
      // Its own statement: the end must be a bound of the index, or each scan would read to the table's end.
      scanTo: read(`SELECT k, v FROM ${table} WHERE k >= ? AND k < ? ORDER BY k LIMIT ?`),
      count: read(`SELECT count(*) FROM ${table}`),
      put: write(`INSERT INTO ${table} (k, v) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v`),
      remove: write(`DELETE FROM ${table} WHERE k = ?`),
    }
    this.#tables.set(name, statements)
    return statements
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function* guardedRows(path: string, rows: Iterator<Row>): Iterable<Row> {
  while (true) {
    const next = guarded(path, () => rows.next())
    if (next.done) return
    yield next.value
  }
}

function guarded<T>(path: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw storeError(error, path)
  }
}

/** Result codes: https://sqlite.org/rescode.html */
const SQLITE_CODES: ReadonlyMap<number, FileErrorCode> = new Map([
  [3, 'denied'],
  [8, 'denied'],
  [10, 'io'],
  [13, 'full'],
  [14, 'not-found'],
])
const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
/** What SQLite says of a header it does not know; its other uses are mistakes in statements, which are fixed here. */
const UNSUPPORTED_FORMAT = /unsupported file format|malformed/
const SQLITE_NOTADB = 26

function storeError(error: unknown, path: string): unknown {
  if (!(error instanceof Error && 'errcode' in error && typeof error.errcode === 'number')) return error
  const code = error.errcode & 0xff
  const corrupt = code === SQLITE_CORRUPT || code === SQLITE_NOTADB
  if (corrupt || UNSUPPORTED_FORMAT.test(error.message)) return new StoreCorrupt(path, error)
  if (code === SQLITE_BUSY) {
    const text = `cannot use the local database ${JSON.stringify(path)}: another process is writing to it; try again`
    return new Error(text, { cause: error })
  }
  const fileCode = SQLITE_CODES.get(code)
  return fileCode ? new FileError(fileCode, 'use the local database', path, error) : error
}
