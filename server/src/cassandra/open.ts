/** Connecting to a cluster, its keyspace and tables; and what is said when it cannot be used. */
import cassandra from 'cassandra-driver'
import { EngineUnusable } from '../engine-errors.ts'
import { CassandraDatabase, type CassandraOptions } from './database.ts'
import { PatientRetries } from './retries.ts'

const DEFAULT_PORT = 9_042
const CONNECT_MS = 10_000
const STATEMENT_MS = 20_000
const RECONNECT_MS = 500
const RECONNECT_MAX_MS = 5_000
/** Cassandra changes a schema on all nodes; two servers at once would confuse it, so one waits for the other. */
const LOCK_SECONDS = 120
const LOCK_CHECK_MS = 500
const NAME = /^[a-z][a-z0-9_]{0,47}$/

/**
 * Connects, makes the keyspace where there is none, and brings the tables of `name` to the newest of `migrations`, each of
 * which is statements that may be run again. Throws EngineUnusable, with one sentence that says what to do.
 */
export async function openCassandra(
  options: CassandraOptions,
  name: string,
  migrations: readonly (readonly string[])[],
): Promise<CassandraDatabase> {
  if (!NAME.test(options.keyspace)) throw new RangeError(`not the name of a keyspace: ${options.keyspace}`)
  const client = clientOf(options)
  try {
    await client.connect()
    requireReplicas(client, options)
    await makeKeyspace(client, options)
    await client.execute(`USE ${options.keyspace}`)
    await migrate(client, options.keyspace, name, migrations)
    return new CassandraDatabase(client, options.quorum)
  } catch (error) {
    await client.shutdown().catch(() => undefined)
    throw error instanceof EngineUnusable ? error : (unusable(error, options) ?? error)
  }
}

function clientOf(options: CassandraOptions): cassandra.Client {
  return new cassandra.Client({
    contactPoints: [...options.contactPoints],
    localDataCenter: options.dataCenter,
    // Nodes that are not contact points are reached on the same port: they do not tell theirs.
    protocolOptions: { port: portOf(options.contactPoints) },
    ...(options.user !== null && {
      credentials: { username: options.user, password: options.password ?? '' },
    }),
    // Left alone the driver waits for up to ten minutes before it looks for a node that was away.
    policies: {
      retry: new PatientRetries(),
      reconnection: new cassandra.policies.reconnection.ExponentialReconnectionPolicy(
        RECONNECT_MS,
        RECONNECT_MAX_MS,
      ),
    },
    socketOptions: { connectTimeout: CONNECT_MS, readTimeout: STATEMENT_MS },
  })
}

function portOf(contactPoints: readonly string[]): number {
  const port = contactPoints.map((point) => /:(\d+)$/.exec(point)?.[1]).find((found) => found !== undefined)
  return port === undefined ? DEFAULT_PORT : Number(port)
}

/** Fewer nodes than copies: every write would be refused. Said at the start, where somebody reads it. */
function requireReplicas(client: cassandra.Client, { replication, dataCenter }: CassandraOptions): void {
  const nodes = new Map<string, number>()
  for (const host of client.hosts.values()) nodes.set(host.datacenter, (nodes.get(host.datacenter) ?? 0) + 1)
  for (const [center, copies] of Object.entries(replication)) {
    const present = nodes.get(center) ?? 0
    if (present >= copies) continue
    throw new EngineUnusable(
      `cannot use the Cassandra cluster: PILEUS_CASSANDRA_REPLICATION asks for ${copies} copies in the data centre ` +
        `${JSON.stringify(center)}, which has ${present} nodes; add nodes, or ask for fewer copies`,
    )
  }
  if (dataCenter in replication) return
  throw new EngineUnusable(
    `cannot use the Cassandra cluster: PILEUS_CASSANDRA_REPLICATION keeps no copy in this server's data centre ` +
      `${JSON.stringify(dataCenter)}; add ${dataCenter}:3 to it, or correct PILEUS_CASSANDRA_DATA_CENTER`,
  )
}

async function makeKeyspace(
  client: cassandra.Client,
  { keyspace, replication }: CassandraOptions,
): Promise<void> {
  const copies = Object.entries(replication).map(
    ([center, count]) => `'${center.replaceAll("'", "''")}': ${count}`,
  )
  await client.execute(
    `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH durable_writes = true AND replication = ` +
      `{'class': 'NetworkTopologyStrategy', ${copies.join(', ')}}`,
  )
  const found = await client.execute(
    'SELECT replication, durable_writes FROM system_schema.keyspaces WHERE keyspace_name = ?',
    [keyspace],
    { prepare: true },
  )
  if (!found.first()?.get('durable_writes')) {
    throw new EngineUnusable(
      `cannot use the Cassandra keyspace ${keyspace}: its durable_writes is off, so it would lose what it acknowledged; ` +
        'turn it on',
    )
  }
  const stored = found.first()?.get('replication') as Record<string, string>
  const { class: _, ...present } = stored
  const same =
    Object.keys(present).length === Object.keys(replication).length &&
    Object.entries(replication).every(([center, count]) => Number(present[center]) === count)
  if (same) return
  const shown = Object.entries(present).map(([center, count]) => `${center}:${count}`)
  throw new EngineUnusable(
    `cannot use the Cassandra keyspace ${keyspace}: it keeps ${shown.join(',')} copies, and PILEUS_CASSANDRA_REPLICATION ` +
      'says otherwise; correct the setting, or alter the keyspace and repair it',
  )
}

async function migrate(
  client: cassandra.Client,
  keyspace: string,
  name: string,
  migrations: readonly (readonly string[])[],
): Promise<void> {
  await client.execute('CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, version int)')
  const lockName = `lock of ${name}`
  await lock(client, keyspace, lockName)
  try {
    const version = await versionOf(client, name)
    if (version > migrations.length) {
      throw new EngineUnusable(
        `cannot open the Cassandra keyspace ${keyspace}: its ${name} are of version ${version}, made by a newer Pileus; ` +
          `this one knows up to ${migrations.length}. Start the newer server instead`,
      )
    }
    for (let next = version + 1; next <= migrations.length; next++) {
      for (const statement of migrations[next - 1]!) await client.execute(statement)
      await client.execute(
        'UPDATE migrations SET version = ? WHERE name = ? IF version = ?',
        [next, name, next === 1 ? null : next - 1],
        { prepare: true },
      )
    }
  } finally {
    await client.execute('DELETE FROM migrations WHERE name = ? IF EXISTS', [lockName], { prepare: true })
  }
}

async function versionOf(client: cassandra.Client, name: string): Promise<number> {
  const consistency = cassandra.types.consistencies.serial
  const found = await client.execute('SELECT version FROM migrations WHERE name = ?', [name], {
    prepare: true,
    consistency,
  })
  return (found.first()?.get('version') as number | undefined) ?? 0
}

/** Waits for its turn; a server that died with the lock loses it after a while. */
async function lock(client: cassandra.Client, keyspace: string, name: string): Promise<void> {
  const deadline = performance.now() + 2 * LOCK_SECONDS * 1_000
  while (performance.now() < deadline) {
    const taken = await client.execute(
      `INSERT INTO migrations (name, version) VALUES (?, 0) IF NOT EXISTS USING TTL ${LOCK_SECONDS}`,
      [name],
      { prepare: true },
    )
    if (taken.wasApplied()) return
    await new Promise((resolve) => setTimeout(resolve, LOCK_CHECK_MS))
  }
  throw new EngineUnusable(
    `cannot open the Cassandra keyspace ${keyspace}: another server has been changing its tables for long; ` +
      'look at that server, then start this one again',
  )
}

/** One sentence about what is wrong and what to do; null for what nobody foresaw. */
function unusable(error: unknown, options: CassandraOptions): EngineUnusable | null {
  const { errors } = cassandra
  const cluster = `the Cassandra cluster at ${options.contactPoints.join(', ')}`
  const reasons =
    error instanceof errors.NoHostAvailableError ? Object.values(error.innerErrors ?? {}) : [error]
  const refused = reasons.find((reason) => reason instanceof errors.AuthenticationError)
  if (refused) {
    return new EngineUnusable(
      `cannot use ${cluster}: it refuses the user ${JSON.stringify(options.user ?? '')} with this password; ` +
        'correct PILEUS_CASSANDRA_USER and PILEUS_CASSANDRA_PASSWORD',
    )
  }
  const message = error instanceof Error ? error.message : String(error)
  if (/localDataCenter/.test(message)) {
    const known = /data centers?: \[?([^\]]*)\]?/.exec(message)?.[1] ?? message
    return new EngineUnusable(
      `cannot use ${cluster}: it has no data centre ${JSON.stringify(options.dataCenter)} but ${known.trim()}; ` +
        'correct PILEUS_CASSANDRA_DATA_CENTER',
    )
  }
  if (
    error instanceof errors.ResponseError &&
    error.code === cassandra.types.responseErrorCodes.unauthorized
  ) {
    return new EngineUnusable(
      `cannot use ${cluster}: ${message}; grant the user ${JSON.stringify(options.user ?? '')} all on the keyspace ${options.keyspace}`,
    )
  }
  if (
    error instanceof errors.ResponseError &&
    error.code === cassandra.types.responseErrorCodes.unavailableException
  ) {
    return new EngineUnusable(`cannot use ${cluster}: too few of its nodes answer (${message}); start them`)
  }
  if (error instanceof errors.NoHostAvailableError || error instanceof errors.OperationTimedOutError) {
    const reason = reasons.map((one) => (one instanceof Error ? one.message : String(one))).join(', ')
    return new EngineUnusable(
      `cannot reach ${cluster}: ${reason || message}; start it, or correct PILEUS_CASSANDRA_CONTACT_POINTS`,
    )
  }
  return null
}
