import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { memoryZones } from './memory.ts'
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
