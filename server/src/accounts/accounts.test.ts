import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { accountsContract } from './accounts.contract.ts'
import { memoryAccounts } from './memory.ts'
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
