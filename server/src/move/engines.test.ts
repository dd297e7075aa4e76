/** Moves onto every engine and back. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestEngine, withEngine } from '@pileus/engines/in-tests'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { testKeyspace } from '../cassandra/fixtures.ts'
import { type Config, readConfig } from '../config.ts'
import { testDatabases } from '../postgres/fixtures.ts'
import { filledFolder, sameInBoth } from './fixtures.ts'
import { move } from './move.ts'
import { openSource, openTarget } from './places.ts'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 })
const root = mkdtempSync(join(tmpdir(), 'pileus-moves-'))
const filled = join(root, 'filled')
beforeAll(() => filledFolder(filled))
afterAll(() => rmSync(root, { recursive: true }))

const inFolder = (name: string) => readConfig({ PILEUS_DATA: join(root, name) }, 'silent')

async function moveAll(from: Config, to: Config): Promise<void> {
  const source = await openSource(from)
  const target = await openTarget(to)
  try {
    expect(await move(source, target, () => undefined)).toBe(true)
  } finally {
    await target.close()
    await source.close()
  }
}

await withEngine('postgres', 'moves onto PostgreSQL', (postgres) => {
  const database = testDatabases(postgres)
  const inPostgres = async (settings: Readonly<Record<string, string>>) =>
    readConfig(
      {
        PILEUS_ACCOUNTS: 'postgres',
        PILEUS_ZONES: 'postgres',
        PILEUS_POSTGRES_URL: await database(),
        ...settings,
      },
      'silent',
    )

  describe('a move goes', () => {
    it('from SQLite to PostgreSQL, to another PostgreSQL, and back', async () => {
      const first = await inPostgres({ PILEUS_DATA: join(root, 'blobs one') })
      const second = await inPostgres({ PILEUS_DATA: join(root, 'blobs two') })
      await filledFolder(join(root, 'a'))
      await moveAll(inFolder('a'), first)
      await moveAll(first, second)
      await moveAll(second, inFolder('a again'))
      await sameInBoth(join(root, 'a'), join(root, 'a again'))
    })
  })
})

const shared: Partial<Record<'postgres' | 'cassandra' | 's3', TestEngine>> = {}
for (const name of ['postgres', 'cassandra', 's3'] as const) {
  await withEngine(name, 'moves onto PostgreSQL, Cassandra and S3', (engine) => {
    shared[name] = engine
  })
}
const { postgres, cassandra, s3 } = shared
if (postgres && cassandra && s3) {
  it('goes from one machine to accounts on PostgreSQL, zones on Cassandra, blobs on S3, and back', async () => {
    const keyspace = testKeyspace(cassandra)
    const { options } = keyspace
    const distributed = readConfig(
      {
        ...cassandra.settings,
        ...s3.settings,
        PILEUS_ACCOUNTS: 'postgres',
        PILEUS_ZONES: 'cassandra',
        PILEUS_BLOBS: 's3',
        PILEUS_POSTGRES_URL: await testDatabases(postgres)(),
        PILEUS_CASSANDRA_KEYSPACE: options.keyspace,
        PILEUS_CASSANDRA_REPLICATION: 'datacenter1:1',
      },
      'silent',
    )
    await moveAll(inFolder('filled'), distributed)
    // As a server of before there were moves left it: its batches are listed nowhere.
    for (const table of ['batch_ids', 'notes'])
      await keyspace.execute(`DROP TABLE ${options.keyspace}.${table}`)
    await keyspace.execute(`UPDATE ${options.keyspace}.migrations SET version = 1 WHERE name = 'zones'`)
    await moveAll(distributed, inFolder('back'))
    await sameInBoth(filled, join(root, 'back'))
  })
}
