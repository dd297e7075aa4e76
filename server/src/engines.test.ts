/** The real process with engines that it cannot reach: one sentence, which says which one and what to do. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'pileus-unreached-'))
afterAll(() => rmSync(folder, { recursive: true }))

function run(
  environment: Readonly<Record<string, string>>,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../bin/pileus-server.mjs')], {
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      PILEUS_LOG_LEVEL: 'warn',
      PILEUS_PORT: '0',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data: Buffer) => {
      output += data
    })
  }
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, output })))
}

/** A port that nothing listens on: it is reserved. */
const NOBODY = '127.0.0.1:1'
const POSTGRES = { PILEUS_POSTGRES_URL: `postgres://pileus:hush@${NOBODY}/pileus` }
const CASSANDRA = { PILEUS_CASSANDRA_CONTACT_POINTS: NOBODY, PILEUS_CASSANDRA_DATA_CENTER: 'dc1' }
const S3 = {
  PILEUS_S3_ENDPOINT: `http://${NOBODY}`,
  PILEUS_S3_BUCKET: 'packs',
  PILEUS_S3_ACCESS_KEY: 'key',
  PILEUS_S3_SECRET_KEY: 'hush',
}

it.each([
  ['accounts on postgres', { PILEUS_ACCOUNTS: 'postgres', ...POSTGRES }, 'PILEUS_POSTGRES_URL'],
  ['zones on postgres', { PILEUS_ZONES: 'postgres', ...POSTGRES }, 'PILEUS_POSTGRES_URL'],
  ['zones on cassandra', { PILEUS_ZONES: 'cassandra', ...CASSANDRA }, 'PILEUS_CASSANDRA_CONTACT_POINTS'],
  ['blobs on s3', { PILEUS_BLOBS: 's3', ...S3 }, 'PILEUS_S3_ENDPOINT'],
  [
    'live on valkey',
    { PILEUS_LIVE: 'valkey', PILEUS_VALKEY_URL: `redis://:hush@${NOBODY}` },
    'PILEUS_VALKEY_URL',
  ],
])('%s', async (name, environment: Record<string, string>, setting) => {
  const data = join(folder, name)
  const { code, output } = await run({ PILEUS_DATA: data, ...environment })
  expect(code).toBe(1)
  expect(output).toMatch(new RegExp(`^Cannot reach .*${NOBODY}: .*; start it, or correct ${setting}\\.\\n$`))
  expect(output).not.toContain('hush')
  // The folder is let go: the next start finds no lock.
  expect((await run({ PILEUS_DATA: data, ...environment })).output).toBe(output)
})

it('makes no folder where no engine keeps anything in it', async () => {
  const data = join(folder, 'none')
  const engines = {
    PILEUS_ACCOUNTS: 'postgres',
    PILEUS_ZONES: 'cassandra',
    PILEUS_BLOBS: 's3',
    PILEUS_LIVE: 'valkey',
  }
  const reach = { ...POSTGRES, ...CASSANDRA, ...S3, PILEUS_VALKEY_URL: `redis://${NOBODY}` }
  expect((await run({ PILEUS_DATA: data, ...engines, ...reach })).code).toBe(1)
  expect(existsSync(data)).toBe(false)
})
