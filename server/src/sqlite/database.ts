/**
 * One SQLite file (node:sqlite) with numbered migrations and group commit: writes that wait together are
 * committed together, so that one flush to disk serves them all.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { EngineUnusable, engineError } from '../engine-errors.ts'

interface Waiting {
  readonly work: () => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (reason: unknown) => void
}

type Outcome = { readonly value: unknown } | { readonly failure: unknown }

/** Most writes of one group: bounds how long the event loop is held. */
const GROUP_MAX = 64
/** How long a write waits for another process: `pileus-server move` reads the file, and writes a fence into it. */
const BUSY_MS = 10_000

/** Owns the connection. All writes go through `write`, all reads are synchronous. */
export class Database {
  readonly #db: DatabaseSync
  readonly #name: string
  readonly #waiting: Waiting[] = []
  #scheduled = false
  #closed = false

  /** Opens or creates `path` (':memory:' for none) and brings it to the newest of `migrations`. */
  constructor(path: string, name: string, migrations: readonly string[]) {
    this.#name = name
    try {
      this.#db = new DatabaseSync(path, { timeout: BUSY_MS })
      this.#db.exec('PRAGMA journal_mode = WAL')
      this.#db.exec('PRAGMA synchronous = FULL')
      // On macOS a plain fsync leaves bytes in the disk's own cache; elsewhere this changes nothing.
      this.#db.exec('PRAGMA fullfsync = ON')
      this.#db.exec('PRAGMA foreign_keys = ON')
      this.#db.exec('PRAGMA cache_size = -32768')
      this.#db.exec('PRAGMA temp_store = MEMORY')
      this.#migrate(migrations)
    } catch (error) {
      throw engineError(error, `the database ${name}`)
    }
  }

  prepare(sql: string): StatementSync {
    return this.#db.prepare(sql)
  }

  /** Runs a read, with this module's errors. */
  read<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw engineError(error, `the database ${this.#name}`)
    }
  }

  /**
   * Runs `work` in a transaction, which may be shared with other waiting writes. Resolves with its result once it
   * is durable; when `work` throws, what it wrote is undone and nothing else is.
   */
  write<T>(work: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) {
        reject(new Error(`the database ${this.#name} is closed`))
        return
      }
      this.#waiting.push({ work, resolve: resolve as (value: unknown) => void, reject })
      this.#schedule()
    })
  }

  /** Commits what waits, then closes. */
  close(): void {
    while (this.#waiting.length > 0) this.#commitGroup()
    if (!this.#closed) this.#db.close()
    this.#closed = true
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      if (this.#waiting.length > 0) this.#commitGroup()
      if (this.#waiting.length > 0) this.#schedule()
    })
  }

  #commitGroup(): void {
    const group = this.#waiting.splice(0, GROUP_MAX)
    const outcomes: Outcome[] = []
    try {
      this.#db.exec('BEGIN IMMEDIATE')
      for (const waiting of group) outcomes.push(this.#runOne(waiting.work))
      this.#db.exec('COMMIT')
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK')
      for (const waiting of group) waiting.reject(engineError(error, `the database ${this.#name}`))
      return
    }
    group.forEach((waiting, index) => {
      const outcome = outcomes[index]!
      if ('failure' in outcome) waiting.reject(outcome.failure)
      else waiting.resolve(outcome.value)
    })
  }

  #runOne(work: () => unknown): Outcome {
    this.#db.exec('SAVEPOINT one')
    try {
      const value = work()
      this.#db.exec('RELEASE one')
      return { value }
    } catch (error) {
      // A full disk may already have rolled everything back; then the whole group fails.
      if (!this.#db.isTransaction) throw error
      this.#db.exec('ROLLBACK TO one')
      this.#db.exec('RELEASE one')
      return { failure: engineError(error, `the database ${this.#name}`) }
    }
  }

  #migrate(migrations: readonly string[]): void {
    const { user_version: version } = this.#db.prepare('PRAGMA user_version').get() as {
      user_version: number
    }
    if (version > migrations.length) {
      throw new EngineUnusable(
        `cannot open the database ${this.#name}: it is of version ${version}, made by a newer Pileus; ` +
          `this one knows up to ${migrations.length}. Start the newer server instead`,
      )
    }
    for (let next = version; next < migrations.length; next++) {
      this.#db.exec('BEGIN IMMEDIATE')
      this.#db.exec(migrations[next]!)
      this.#db.exec(`PRAGMA user_version = ${next + 1}`)
      this.#db.exec('COMMIT')
    }
  }
}
