/**
 * A Cassandra keyspace: statements at one chosen consistency, lightweight transactions, and failures as the ports name
 * them. Every statement but a transaction may be run twice without harm, and is when a node does not answer.
 */
import cassandra from 'cassandra-driver'
import { EngineUnreachable } from '../engine-errors.ts'

export interface CassandraOptions {
  /** host:port of some nodes. */
  readonly contactPoints: readonly string[]
  /** The data centre that this server is in. */
  readonly dataCenter: string
  readonly keyspace: string
  /** Copies in each data centre, for a keyspace that does not exist yet. */
  readonly replication: Readonly<Record<string, number>>
  readonly user: string | null
  readonly password: string | null
  /**
   * 'local': servers are in one data centre, and a majority of its copies decides. 'global': servers are in several, and
   * a majority of all copies decides.
   */
  readonly quorum: 'local' | 'global'
}

export type Row = Readonly<Record<string, unknown>>

export interface Statement {
  readonly query: string
  readonly params: readonly unknown[]
}

/** A transaction whose outcome is not known: it may have happened, or may yet. */
export class TransactionUncertain extends Error {
  constructor(cause: unknown) {
    super('the outcome of a transaction is not known', { cause })
    this.name = 'TransactionUncertain'
  }
}

/**
 * Ours hold a single partition, which Cassandra takes as one write, and each write waits for its disk: few large ones are
 * faster than many small ones, by a quarter from 32 to 128 KiB.
 */
const BATCH_MAX_BYTES = 131_072
const IN_FLIGHT_MAX = 32
const SCANNED_AT_ONCE = 1_000
const { consistencies, responseErrorCodes } = cassandra.types

/** Failures of a cluster that is down, busy or short of replicas, as opposed to those of a wrong statement. */
const AWAY: ReadonlySet<number> = new Set([
  responseErrorCodes.unavailableException,
  responseErrorCodes.overloaded,
  responseErrorCodes.isBootstrapping,
  responseErrorCodes.writeTimeout,
  responseErrorCodes.readTimeout,
  responseErrorCodes.readFailure,
  responseErrorCodes.writeFailure,
  responseErrorCodes.truncateError,
  responseErrorCodes.serverError,
])

/** Owns the connections. Opened by `openCassandra` (open.ts). */
export class CassandraDatabase {
  readonly #client: cassandra.Client
  readonly #quorum: number
  readonly #serial: number

  constructor(client: cassandra.Client, quorum: CassandraOptions['quorum']) {
    this.#client = client
    this.#quorum = quorum === 'local' ? consistencies.localQuorum : consistencies.quorum
    this.#serial = quorum === 'local' ? consistencies.localSerial : consistencies.serial
  }

  /** Rows as they stand with a majority. */
  rows(query: string, params: readonly unknown[]): Promise<Row[]> {
    return this.#read(query, params, this.#quorum)
  }

  /** Rows after every transaction on their partition that had begun was finished or ruled out. */
  settledRows(query: string, params: readonly unknown[]): Promise<Row[]> {
    return this.#read(query, params, this.#serial)
  }

  /** Every row of a table, page by page, for what is not there to be served from. */
  async *scan(query: string): AsyncGenerator<Row> {
    const options = { ...this.#options(), fetchSize: SCANNED_AT_ONCE, isIdempotent: true }
    const result = await reached(() => this.#client.execute(query, [], options))
    const rows = result[Symbol.asyncIterator]()
    for (;;) {
      const { done, value } = await reached(() => rows.next())
      if (done) return
      yield value as unknown as Row
    }
  }

  /** Resolves once a majority has it. */
  async write(query: string, params: readonly unknown[]): Promise<void> {
    await reached(() =>
      this.#client.execute(query, driverParams(params), { ...this.#options(), isIdempotent: true }),
    )
  }

  /** Writes rows of one partition, many at a time; `bytes` is about what one of them weighs. Not atomic. */
  async writePartition<T>(
    items: readonly T[],
    bytes: (item: T) => number,
    statement: (item: T) => Statement,
  ) {
    const groups: Statement[][] = []
    let room = 0
    for (const item of items) {
      const size = bytes(item)
      if (room < size || groups.length === 0) {
        groups.push([])
        room = BATCH_MAX_BYTES
      }
      groups.at(-1)!.push(statement(item))
      room -= size
    }
    await inParallel(groups, (group) => this.#writeGroup(group))
  }

  /**
   * Runs conditional statements of one partition as one step, all or none. False when a condition did not hold. Throws
   * TransactionUncertain.
   */
  async transact(statements: readonly Statement[]): Promise<boolean> {
    const options = { ...this.#options(), serialConsistency: this.#serial, isIdempotent: false }
    const [only] = statements
    try {
      const result =
        statements.length === 1
          ? await this.#client.execute(only!.query, driverParams(only!.params), options)
          : await this.#client.batch(statements.map(driverStatement), options)
      return result.wasApplied()
    } catch (error) {
      if (isAway(error)) throw new TransactionUncertain(error)
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#client.shutdown()
  }

  async #writeGroup(group: readonly Statement[]): Promise<void> {
    const [only] = group
    if (group.length === 1) return this.write(only!.query, only!.params)
    const options = { ...this.#options(), logged: false, isIdempotent: true }
    await reached(() => this.#client.batch(group.map(driverStatement), options))
  }

  async #read(query: string, params: readonly unknown[], consistency: number): Promise<Row[]> {
    const options = { ...this.#options(), consistency, isIdempotent: true }
    const result = await reached(() => this.#client.execute(query, driverParams(params), options))
    return result.rows as unknown as Row[]
  }

  #options() {
    // Every query names a LIMIT or is small by its nature: one page holds all of it.
    return { prepare: true, consistency: this.#quorum, fetchSize: 0 }
  }
}

function driverStatement({ query, params }: Statement) {
  return { query, params: driverParams(params) }
}

/** The driver takes bytes as Buffers only. */
function driverParams(params: readonly unknown[]): unknown[] {
  return params.map((value) =>
    value instanceof Uint8Array && !Buffer.isBuffer(value)
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
      : value,
  )
}

/** Runs `work` for each item, a bounded number of them at the same time. */
export async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = items.values()
  const worker = async () => {
    for (const item of left) await work(item)
  }
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT_MAX, items.length) }, worker))
}

async function reached<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw isAway(error) ? new EngineUnreachable('the Cassandra cluster', error) : error
  }
}

function isAway(error: unknown): boolean {
  const { errors } = cassandra
  if (error instanceof errors.ResponseError) return AWAY.has(error.code)
  return error instanceof errors.DriverError && !(error instanceof errors.ArgumentError)
}
