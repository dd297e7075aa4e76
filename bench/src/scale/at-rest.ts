/** What the tables of each engine take at rest, and how many rows they have. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ACCOUNTS_MIGRATIONS } from '@pileus/server/accounts/postgres-schema'
import { testKeyspace } from '@pileus/server/cassandra/fixtures'
import { openPostgres } from '@pileus/server/postgres/database'
import type { TableAtRest } from './measured.ts'

/** Of a database file that no server uses. */
export function sqliteTables(file: string): TableAtRest[] {
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    const sizes = db
      .prepare(
        `SELECT master.tbl_name AS name, sum(stat.pgsize) AS bytes FROM dbstat AS stat
         JOIN sqlite_master AS master ON master.name = stat.name GROUP BY master.tbl_name`,
      )
      .all()
    return sizes.map(({ name, bytes }) => {
      const count = db.prepare(`SELECT count(*) AS rows FROM "${name}"`).get()
      return { table: String(name), rows: Number(count!.rows), bytes: Number(bytes) }
    })
  } finally {
    db.close()
  }
}

export async function postgresTables(url: string): Promise<TableAtRest[]> {
  const db = await openPostgres({ url, connections: 1 }, 'pileus_accounts', ACCOUNTS_MIGRATIONS)
  try {
    const { rows } = await db.query(
      `SELECT relname AS name, relnamespace::regnamespace::text AS schema, pg_total_relation_size(oid) AS bytes
       FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text IN ('pileus_accounts', 'pileus_zones')`,
    )
    const tables: TableAtRest[] = []
    for (const { name, schema, bytes } of rows) {
      const counted = await db.query(`SELECT count(*) AS rows FROM ${schema}.${name}`)
      tables.push({ table: String(name), rows: Number(counted.rows[0]!.rows), bytes: Number(bytes) })
    }
    return tables
  } finally {
    await db.close()
  }
}

/** By table name. A partition that has only static columns counts as a row. */
export async function cassandraRows(
  settings: Readonly<Record<string, string>>,
  keyspace: string,
): Promise<Map<string, number>> {
  const { execute } = testKeyspace({ settings })
  const tables = await execute('SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?', [
    keyspace,
  ])
  const rows = new Map<string, number>()
  for (const { table_name: table } of tables) {
    const [count] = await execute(`SELECT count(*) AS rows FROM ${keyspace}.${table}`)
    rows.set(String(table), Number(count!.rows))
  }
  return rows
}

/** Of a node that was stopped in order, which has written everything to its tables' files. */
export function cassandraTables(keyspaceFolder: string, rows: ReadonlyMap<string, number>): TableAtRest[] {
  return readdirSync(keyspaceFolder).map((folder) => {
    const files = readdirSync(join(keyspaceFolder, folder), { withFileTypes: true }).filter((entry) =>
      entry.isFile(),
    )
    const bytes = files.reduce((sum, { name }) => sum + statSync(join(keyspaceFolder, folder, name)).size, 0)
    const table = folder.replace(/-[0-9a-f]{32}$/, '')
    return { table, rows: rows.get(table) ?? 0, bytes }
  })
}
