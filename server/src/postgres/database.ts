/**
 * A PostgreSQL database: a pool of connections, numbered migrations in a schema of its own, and transactions that are
 * run again when the database says that they collided.
 */
import { ExponentialBackoff, handleWhen, type RetryPolicy, retry } from 'cockatiel'
import { type ClientBase, DatabaseError, Pool, types } from 'pg'
import { DamagedStorage, EngineFenced, EngineUnreachable, StorageFull } from '../engine-errors.ts'
import { migrate } from './migrations.ts'

export interface PostgresOptions {
  /** postgres://USER:PASSWORD@HOST:PORT/DATABASE */
  readonly url: string
  /** Connections kept at most, by each engine of each server process. */
  readonly connections: number
  /** Milliseconds since 1970; the system's unless given. Compared with the database's at the start. */
  readonly clock?: () => number
}

/** A row as its columns' names give it. */
export type Row = Record<string, unknown>

/** One connection, inside a transaction or not. */
export interface Session {
  /** Runs one statement, prepared once for each connection. */
  query(text: string, values?: readonly unknown[]): Promise<{ rows: Row[]; count: number }>
}

/** How often a transaction that collided is run, and the longest pause before it is run again. */
const ATTEMPTS_MAX = 10
const PAUSE_MAX_MS = 500
const CONNECT_MS = 10_000
/** A statement that takes longer is ended by the database; a connection that says nothing for longer is given up. */
const STATEMENT_MS = 30_000
const SILENCE_MS = 40_000
/** Codes of PostgreSQL's appendix A. */
const COLLISIONS: ReadonlySet<string> = new Set(['40001', '40P01'])
const FULL: ReadonlySet<string> = new Set(['53100'])
const DAMAGED: ReadonlySet<string> = new Set(['XX001', 'XX002'])
/** Of our own: what a fence's triggers raise. */
export const FENCED_CODE = 'PLF01'
const NUMBER_TYPES: ReadonlySet<number> = new Set([types.builtins.INT8, types.builtins.NUMERIC])

/** Owns the pool. Opened by `openPostgres`. */
export class PostgresDatabase implements Session {
  readonly #pool: Pool
  readonly #name: string
  readonly #retry: RetryPolicy
  readonly #statements = new Map<string, string>()

  constructor(pool: Pool, name: string) {
    this.#pool = pool
    this.#name = name
    this.#retry = retry(handleWhen(isCollision), {
      maxAttempts: ATTEMPTS_MAX,
      backoff: new ExponentialBackoff({ initialDelay: 5, maxDelay: PAUSE_MAX_MS }),
    })
  }

  /** One statement, which is a transaction of its own; run again when it collided. */
  query(text: string, values: readonly unknown[] = []): Promise<{ rows: Row[]; count: number }> {
    return this.#guarded(() => this.#retry.execute(() => this.#run(this.#pool, text, values)))
  }

  /**
   * Runs `work` as if no other such transaction ran at the same time; run again from its start when that turned out to be
   * impossible, so it must have no effect but on the session. Resolves once it is durable.
   */
  serializable<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#guarded(() =>
      this.#retry.execute(() => this.#transaction('BEGIN ISOLATION LEVEL SERIALIZABLE', work)),
    )
  }

  /** Runs reads that all see the database at one moment. */
  snapshot<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#guarded(() => this.#transaction('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', work))
  }

  async close(): Promise<void> {
    if (!this.#pool.ending) await this.#pool.end()
  }

  async #transaction<T>(begin: string, work: (session: Session) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect()
    let broken: Error | undefined
    try {
      await client.query(begin)
      const result = await work({ query: (text, values = []) => this.#run(client, text, values) })
      await client.query('COMMIT')
      return result
    } catch (error) {
      await client.query('ROLLBACK').catch((failed: Error) => {
        broken = failed
      })
      throw error
    } finally {
      // A connection that could not even roll back is not given to anybody else.
      client.release(broken)
    }
  }

  async #run(on: Pool | ClientBase, text: string, values: readonly unknown[]) {
    const { rows, rowCount } = await on.query<Row>({ name: this.#statement(text), text, values: [...values] })
    return { rows, count: rowCount ?? 0 }
  }

  #statement(text: string): string {
    let name = this.#statements.get(text)
    if (name === undefined) {
      name = `s${this.#statements.size}`
      this.#statements.set(text, name)
    }
    return name
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw postgresError(error, `the database ${this.#name}`)
    }
  }
}

/**
 * Connects, and brings the schema `name` to the newest of `migrations`; servers that start at the same time wait for each
 * other. Throws EngineUnusable, with one sentence that says what to do.
 */
export async function openPostgres(
  options: PostgresOptions,
  name: string,
  migrations: readonly string[],
): Promise<PostgresDatabase> {
  await migrate(options.url, name, migrations, options.clock ?? Date.now)
  const pool = new Pool({
    connectionString: options.url,
    max: options.connections,
    connectionTimeoutMillis: CONNECT_MS,
    statement_timeout: STATEMENT_MS,
    query_timeout: SILENCE_MS,
    keepAlive: true,
    application_name: `pileus ${name}`,
    // Acknowledged is durable, whatever the server's own default is.
    options: `-c search_path=${name} -c synchronous_commit=on`,
    types: { getTypeParser },
  })
  // An idle connection that broke is replaced when one is needed; whoever needs it hears of trouble then.
  pool.on('error', () => undefined)
  return new PostgresDatabase(pool, name)
}

/** Whole numbers as numbers (all of ours are below 2^53), bytes as plain arrays; the rest as the driver has it. */
function getTypeParser(type: number, format?: string): unknown {
  if (NUMBER_TYPES.has(type)) return Number
  if (type === types.builtins.BYTEA) return bytesOf
  return types.getTypeParser(type, format as 'text')
}

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array((text.length - 2) / 2)
  Buffer.from(bytes.buffer).write(text.slice(2), 'hex')
  return bytes
}

function isCollision(error: Error): boolean {
  return error instanceof DatabaseError && COLLISIONS.has(error.code ?? '')
}

/** A driver's failure as one of the ports' own, where it is one. */
function postgresError(error: unknown, what: string): unknown {
  if (!(error instanceof Error)) return error
  const code = (error as { code?: unknown }).code
  if (error instanceof DatabaseError) {
    if (FULL.has(error.code ?? '')) return new StorageFull(what, error)
    if (DAMAGED.has(error.code ?? '')) return new DamagedStorage(what, error)
    if (error.code === FENCED_CODE) return new EngineFenced(what, error)
    // Classes 08 (connection), 57P (the server stops or starts) and 53 (out of connections or memory).
    if (/^(08|57P|53)/.test(error.code ?? '')) return new EngineUnreachable(what, error)
    return error
  }
  const lost = typeof code === 'string' || /timeout|terminated|closed|ended/i.test(error.message)
  return lost ? new EngineUnreachable(what, error) : error
}
