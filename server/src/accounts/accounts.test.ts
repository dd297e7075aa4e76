import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withEngine } from '@pileus/engines/in-tests'
import { afterAll } from 'vitest'
import { testDatabases } from '../postgres/fixtures.ts'
import { accountsContract } from './accounts.contract.ts'
import { memoryAccounts } from './memory.ts'
import { postgresAccounts } from './postgres.ts'
import { sqliteAccounts } from './sqlite.ts'

const folder = mkdtempSync(join(tmpdir(), 'pileus-accounts-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
const current = () => join(folder, `${files}.db`)

accountsContract('memory', async () => memoryAccounts())
accountsContract(
  'SQLite',
  async () => {
    files++
    return sqliteAccounts(current())
  },
  async (accounts) => {
    await accounts.close()
    return sqliteAccounts(current())
  },
)

await withEngine('postgres', 'accounts on PostgreSQL', (engine) => {
  const database = testDatabases(engine)
  let url: string
  accountsContract(
    engine.title,
    async () => {
      url = await database()
      return postgresAccounts({ url, connections: 4 })
    },
    async (accounts) => {
      await accounts.close()
      return postgresAccounts({ url, connections: 4 })
    },
  )
})
