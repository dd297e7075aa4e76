/** A keyspace for tests. */
import { randomBytes } from 'node:crypto'
import cassandra from 'cassandra-driver'
import type { CassandraOptions } from './database.ts'

export interface TestKeyspace {
  readonly options: CassandraOptions
  /** Empties the list of zones; their rows stay, under ids that no other test uses. */
  forgetZones(): Promise<void>
  /** Runs a statement, as an operator or a fault would. */
  execute(query: string, params?: readonly unknown[]): Promise<readonly Readonly<Record<string, unknown>>[]>
}

/** How to open a keyspace of its own on this engine. It is made when it is first opened. */
export function testKeyspace({ settings }: { settings: Readonly<Record<string, string>> }): TestKeyspace {
  const options: CassandraOptions = {
    contactPoints: settings.PILEUS_CASSANDRA_CONTACT_POINTS!.split(','),
    dataCenter: settings.PILEUS_CASSANDRA_DATA_CENTER!,
    keyspace: `test_${randomBytes(8).toString('hex')}`,
    replication: { datacenter1: 1 },
    user: settings.PILEUS_CASSANDRA_USER!,
    password: settings.PILEUS_CASSANDRA_PASSWORD!,
    quorum: 'local',
  }
  async function connected<T>(work: (execute: TestKeyspace['execute']) => Promise<T>): Promise<T> {
    const client = new cassandra.Client({
      contactPoints: [...options.contactPoints],
      localDataCenter: options.dataCenter,
      credentials: { username: options.user!, password: options.password! },
    })
    try {
      return await work(async (query, params = []) => {
        const { rows } = await client.execute(query, [...params], { prepare: true })
        return (rows ?? []) as unknown as Readonly<Record<string, unknown>>[]
      })
    } finally {
      await client.shutdown()
    }
  }
  return {
    options,
    execute: (query, params) => connected((execute) => execute(query, params)),
    forgetZones: () => connected((execute) => forgetZones(execute, options.keyspace)),
  }
}

/** Row by row: to truncate a table, Cassandra flushes and forgets its files. */
async function forgetZones(execute: TestKeyspace['execute'], keyspace: string): Promise<void> {
  const tables = await execute(
    "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = 'zone_ids'",
    [keyspace],
  )
  if (tables.length === 0) return
  for (const [table, key] of [
    ['zone_ids', 'shard'],
    ['notes', 'name'],
  ]) {
    for (const row of await execute(`SELECT DISTINCT ${key} FROM ${keyspace}.${table}`))
      await execute(`DELETE FROM ${keyspace}.${table} WHERE ${key} = ?`, [row[key!]])
  }
}
