import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withEngine } from '@pileus/engines/in-tests'
import { afterAll } from 'vitest'
import { testKeyspace } from '../cassandra/fixtures.ts'
import { testDatabases } from '../postgres/fixtures.ts'
import { cassandraZones } from './cassandra.ts'
import { memoryZones } from './memory.ts'
import { postgresZones } from './postgres.ts'
import { sqliteZones } from './sqlite.ts'
import { zonesContract } from './zones.contract.ts'

const folder = mkdtempSync(join(tmpdir(), 'pileus-zones-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
const current = () => join(folder, `${files}.db`)

zonesContract('memory', async () => memoryZones())
zonesContract(
  'SQLite',
  async () => {
    files++
    return sqliteZones(current())
  },
  async (zones) => {
    await zones.close()
    return sqliteZones(current())
  },
)

await withEngine('postgres', 'zones on PostgreSQL', (engine) => {
  const database = testDatabases(engine)
  let url: string
  zonesContract(
    engine.title,
    async () => {
      url = await database()
      return postgresZones({ url, connections: 4 })
    },
    async (zones) => {
      await zones.close()
      return postgresZones({ url, connections: 4 })
    },
  )
})

await withEngine('cassandra', 'zones on Cassandra', (engine) => {
  const keyspace = testKeyspace(engine)
  zonesContract(
    engine.title,
    async () => {
      await keyspace.forgetZones()
      return cassandraZones(keyspace.options)
    },
    async (zones) => {
      await zones.close()
      return cassandraZones(keyspace.options)
    },
  )
})
