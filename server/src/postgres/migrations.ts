/** Bringing a schema to its newest version, one server at a time; and what is said when a database cannot be used. */
import { Client, DatabaseError } from 'pg'
import { EngineUnusable } from '../engine-errors.ts'

const CONNECT_MS = 10_000
const CLOCKS_APART_MAX_SECONDS = 60

/**
 * Runs those of the numbered migrations that the schema `name` has not seen, each in a transaction with the note that it
 * was run. Servers that start at the same time wait for each other. Throws EngineUnusable.
 */
export async function migrate(
  url: string,
  name: string,
  migrations: readonly string[],
  clock: () => number,
): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS })
  client.on('error', () => undefined)
  try {
    await client.connect()
    // Of the session: let go when the connection ends, however it ends.
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [`pileus migrations of ${name}`])
    await bringUp(client, name, migrations, clock)
  } catch (error) {
    throw error instanceof EngineUnusable ? error : unusable(error, url)
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function bringUp(
  client: Client,
  name: string,
  migrations: readonly string[],
  clock: () => number,
): Promise<void> {
  const { rows } = await client.query(
    `SELECT pg_is_in_recovery() AS standby, to_regclass('${name}.migrations') IS NOT NULL AS known,
       current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on' AS durable,
       extract(epoch FROM clock_timestamp()) * 1000 AS now`,
  )
  requireDurable(rows[0].durable)
  requireSameTime(Number(rows[0].now), clock())
  if (rows[0].standby) {
    throw new EngineUnusable(
      'cannot use the PostgreSQL server: it is a standby, which takes no writes; set PILEUS_POSTGRES_URL to the primary',
    )
  }
  if (!rows[0].known) {
    await client.query(
      `CREATE SCHEMA IF NOT EXISTS ${name};
       CREATE TABLE ${name}.migrations (version integer PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())`,
    )
  }
  const newest = await client.query(`SELECT coalesce(max(version), 0) AS version FROM ${name}.migrations`)
  const { version } = newest.rows[0] as { version: number }
  if (version > migrations.length) {
    throw new EngineUnusable(
      `cannot open the PostgreSQL schema ${name}: it is of version ${version}, made by a newer Pileus; ` +
        `this one knows up to ${migrations.length}. Start the newer server instead`,
    )
  }
  for (let next = version + 1; next <= migrations.length; next++) {
    // Several statements sent as one text are one transaction.
    await client.query(
      `SET LOCAL search_path = ${name}; ${migrations[next - 1]};
       INSERT INTO ${name}.migrations (version) VALUES (${next})`,
    )
  }
}

function requireDurable(durable: boolean): void {
  if (durable) return
  throw new EngineUnusable(
    'cannot use the PostgreSQL server: its fsync or full_page_writes is off, so it would lose what it acknowledged; turn both on',
  )
}

/** Sessions and challenges live for minutes to an hour by the clocks of all servers together. */
function requireSameTime(theirs: number, ours: number): void {
  const seconds = Math.round((ours - theirs) / 1_000)
  if (Math.abs(seconds) <= CLOCKS_APART_MAX_SECONDS) return
  throw new EngineUnusable(
    `cannot start: this machine's clock is ${Math.abs(seconds)} seconds ${seconds > 0 ? 'ahead of' : 'behind'} that of the ` +
      'PostgreSQL server, and sessions would end early or late; set both by NTP',
  )
}

/** One sentence about which server, what is wrong, and what to do. */
function unusable(error: unknown, url: string): unknown {
  if (!(error instanceof Error)) return error
  const { hostname, port, username, pathname } = new URL(url)
  const server = `the PostgreSQL server at ${hostname}:${port || '5432'}`
  const reason =
    error instanceof DatabaseError ? refusal(error, decodeURIComponent(username), pathname.slice(1)) : null
  if (reason !== null) return new EngineUnusable(`cannot use ${server}: ${reason}`)
  if (error instanceof DatabaseError) return error
  return new EngineUnusable(
    `cannot reach ${server}: ${networkReason(error)}; start it, or correct PILEUS_POSTGRES_URL`,
  )
}

function refusal(error: DatabaseError, user: string, database: string): string | null {
  switch (error.code) {
    case '28P01':
    case '28000':
      return `it refuses the user ${JSON.stringify(user)} with this password; correct PILEUS_POSTGRES_URL`
    case '3D000':
      return `it has no database ${JSON.stringify(database)}; create it, or correct PILEUS_POSTGRES_URL`
    case '42501':
      return `the user ${JSON.stringify(user)} may not create what is needed (${error.message}); grant it CREATE on the database ${JSON.stringify(database)}`
    case '57P03':
      return `it is starting or stopping (${error.message}); start this server again in a moment`
    case '53300':
      return 'it has no connection left; raise its max_connections, or lower PILEUS_POSTGRES_CONNECTIONS'
    case '25006':
      return 'it takes no writes; set PILEUS_POSTGRES_URL to the primary'
    default:
      return null
  }
}

/** The reason of a connection that failed, also where several addresses were tried. */
function networkReason(error: Error): string {
  const inner = error instanceof AggregateError ? error.errors : []
  return error.message || inner.map((one) => (one instanceof Error ? one.message : String(one))).join(', ')
}
