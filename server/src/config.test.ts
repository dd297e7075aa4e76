import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SERVER_VARIABLES } from '@pileus/core/variables'
import { afterAll, describe, expect, it } from 'vitest'
import { ConfigInvalid, readConfig, shownConfig } from './config.ts'
import type { Variables } from './settings.ts'

const folder = mkdtempSync(join(tmpdir(), 'pileus-config-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
function file(text: string): string {
  const path = join(folder, String(++files))
  writeFileSync(path, text)
  return path
}

function mistakesOf(environment: Variables): readonly string[] {
  try {
    readConfig(environment, 'warn')
  } catch (error) {
    if (error instanceof ConfigInvalid) return error.mistakes
    throw error
  }
  return []
}

const DISTRIBUTED = {
  PILEUS_ACCOUNTS: 'postgres',
  PILEUS_ZONES: 'cassandra',
  PILEUS_BLOBS: 's3',
  PILEUS_LIVE: 'valkey',
  PILEUS_POSTGRES_URL: 'postgres://pileus:hush@db.example:5433/pileus',
  PILEUS_CASSANDRA_CONTACT_POINTS: '10.0.0.1:9042, node-2.example',
  PILEUS_CASSANDRA_DATA_CENTER: 'dc1',
  PILEUS_CASSANDRA_USER: 'pileus',
  PILEUS_CASSANDRA_PASSWORD: 'hush',
  PILEUS_S3_ENDPOINT: 'https://s3.example',
  PILEUS_S3_BUCKET: 'packs',
  PILEUS_S3_ACCESS_KEY: 'key',
  PILEUS_S3_SECRET_KEY: 'hush',
  PILEUS_VALKEY_URL: 'rediss://:hush@cache.example',
}

describe('the configuration', () => {
  it('has defaults: everything on one machine', () => {
    expect(readConfig({}, 'warn')).toEqual({
      host: '127.0.0.1',
      port: 3_001,
      data: './data',
      quotaBytes: 5_368_709_120,
      trustedProxies: '',
      logLevel: 'warn',
      engines: {
        accounts: { kind: 'sqlite' },
        zones: { kind: 'sqlite' },
        blobs: { kind: 'files' },
        live: { kind: 'memory' },
      },
    })
  })

  it('chooses engines and reads what they need', () => {
    expect(readConfig(DISTRIBUTED, 'warn').engines).toEqual({
      accounts: { kind: 'postgres', options: { url: DISTRIBUTED.PILEUS_POSTGRES_URL, connections: 10 } },
      zones: {
        kind: 'cassandra',
        options: {
          contactPoints: ['10.0.0.1:9042', 'node-2.example'],
          dataCenter: 'dc1',
          keyspace: 'pileus',
          replication: { dc1: 3 },
          user: 'pileus',
          password: 'hush',
          quorum: 'local',
        },
      },
      blobs: {
        kind: 's3',
        options: {
          endpoint: 'https://s3.example',
          region: 'us-east-1',
          bucket: 'packs',
          accessKey: 'key',
          secretKey: 'hush',
        },
      },
      live: { kind: 'valkey', url: DISTRIBUTED.PILEUS_VALKEY_URL },
    })
  })

  it('reads several data centres', () => {
    const { engines } = readConfig(
      { ...DISTRIBUTED, PILEUS_CASSANDRA_REPLICATION: 'dc1:3, dc2:2', PILEUS_CASSANDRA_QUORUM: 'global' },
      'warn',
    )
    expect(engines.zones).toMatchObject({ options: { replication: { dc1: 3, dc2: 2 }, quorum: 'global' } })
  })

  describe('direct reads from S3', () => {
    const directOf = (settings: Record<string, string>) => {
      const { blobs } = readConfig({ ...DISTRIBUTED, ...settings }, 'warn').engines
      return blobs.kind === 's3' ? blobs.options.direct : undefined
    }

    it('are off unless asked for, also where the public address stands', () => {
      expect(directOf({})).toBeUndefined()
      expect(directOf({ PILEUS_S3_PUBLIC_URL: 'https://cdn.example/' })).toBeUndefined()
    })

    it('go to the public address, else to that of the store', () => {
      expect(directOf({ PILEUS_S3_DIRECT_READS: 'on' })).toEqual({ origin: null, host: 'origin' })
      expect(directOf({ PILEUS_S3_DIRECT_READS: 'on', PILEUS_S3_ENDPOINT: '' })).toEqual({
        origin: null,
        host: 'origin',
      })
      const PILEUS_S3_PUBLIC_URL = 'https://content.example:8443/'
      expect(directOf({ PILEUS_S3_DIRECT_READS: 'on', PILEUS_S3_PUBLIC_URL })).toEqual({
        origin: 'https://content.example:8443',
        host: 'origin',
      })
      expect(directOf({ PILEUS_S3_DIRECT_READS: 'cdn', PILEUS_S3_PUBLIC_URL })).toEqual({
        origin: 'https://content.example:8443',
        host: 'store',
      })
    })

    it('need an address that devices take: https, without a path', () => {
      const needed = /^PILEUS_S3_PUBLIC_URL is not set, expected the https URL, .* needs it$/
      const inside = { ...DISTRIBUTED, PILEUS_S3_ENDPOINT: 'http://s3.internal:7070' }
      expect(mistakesOf({ ...inside, PILEUS_S3_DIRECT_READS: 'on' })).toEqual([expect.stringMatching(needed)])
      expect(mistakesOf({ ...DISTRIBUTED, PILEUS_S3_DIRECT_READS: 'cdn' })).toEqual([
        expect.stringMatching(needed),
      ])
      expect(mistakesOf({ ...DISTRIBUTED, PILEUS_S3_DIRECT_READS: 'yes' })).toHaveLength(1)
      for (const wrong of [
        'http://cdn.example',
        'https://cdn.example/path',
        'https://a:hush@b',
        'cdn.example',
      ]) {
        const [mistake, ...more] = mistakesOf({ ...DISTRIBUTED, PILEUS_S3_PUBLIC_URL: wrong })
        expect(mistake).toMatch(/^PILEUS_S3_PUBLIC_URL is "/)
        expect(mistake).not.toContain('hush')
        expect(more).toEqual([])
      }
    })
  })

  it('takes a file, whose settings the environment overrides', () => {
    const path = file(
      '# Ports\nPILEUS_PORT=4000\nPILEUS_QUOTA_BYTES="1000" # small\nPILEUS_S3_BUCKET=not-used-now\n',
    )
    const config = readConfig({ PILEUS_CONFIG: path, PILEUS_PORT: '5000' }, 'warn')
    expect(config).toMatchObject({ port: 5_000, quotaBytes: 1_000 })
  })

  it('names every mistake at once', () => {
    const wrong = {
      PILEUS_PORT: '70000',
      PILEUS_QUOTA_BYTES: '5GB',
      PILEUS_LOG_LEVEL: 'loud',
      PILEUS_HOST: 'a b',
      PILEUS_ZONES: 'mongodb',
      PILEUS_BLOBS: 's3',
      PILEUS_S3_BUCKET: 'No Bucket',
      PILEUS_S3_ENDPOINT: 'ftp://s3',
      PILEUS_S3_ACCESS_KEY: 'key',
      PILEUS_CONFIG: '/nowhere/pileus.env',
    }
    const fine = ['PILEUS_BLOBS', 'PILEUS_S3_ACCESS_KEY']
    const named = mistakesOf(wrong).map((mistake) => mistake.split(' ')[0])
    const expected = Object.keys(wrong).filter((name) => !fine.includes(name))
    expect(named.sort()).toEqual([...expected, 'PILEUS_S3_SECRET_KEY'].sort())
  })

  it('says which choice needs a setting that is missing', () => {
    const engines = { PILEUS_ACCOUNTS: 'postgres', PILEUS_ZONES: 'postgres', PILEUS_LIVE: 'valkey' }
    expect(mistakesOf(engines)).toEqual([
      'PILEUS_POSTGRES_URL is not set, expected a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE: ' +
        'PILEUS_ACCOUNTS=postgres and PILEUS_ZONES=postgres needs it',
      'PILEUS_VALKEY_URL is not set, expected a URL such as redis://:PASSWORD@HOST:6379/0: PILEUS_LIVE=valkey needs it',
    ])
    expect(mistakesOf({ PILEUS_ZONES: 'cassandra' }).map((mistake) => mistake.split(' ')[0])).toEqual([
      'PILEUS_CASSANDRA_CONTACT_POINTS',
      'PILEUS_CASSANDRA_DATA_CENTER',
    ])
  })

  it('refuses what is no address, keyspace or number of copies', () => {
    const wrong = {
      ...DISTRIBUTED,
      PILEUS_CASSANDRA_CONTACT_POINTS: '10.0.0.1:99999,10.0.0.2',
      PILEUS_CASSANDRA_KEYSPACE: 'Drop Table',
      PILEUS_CASSANDRA_REPLICATION: 'dc1:0',
      PILEUS_POSTGRES_URL: 'mysql://db/pileus',
      PILEUS_VALKEY_URL: 'cache:hush',
    }
    // One of them twice: the nodes have different ports as well.
    expect(mistakesOf(wrong)).toHaveLength(6)
  })

  it('names what a file has and the server does not know', () => {
    expect(mistakesOf({ PILEUS_CONFIG: file('PILEUS_PROT=4000\nPORT=1\n') })).toEqual([
      'the file of PILEUS_CONFIG has PILEUS_PROT, which is no setting of the server: PILEUS_PORT is meant, perhaps',
      'the file of PILEUS_CONFIG has PORT, which is no setting of the server',
    ])
  })

  it('reads no setting that is not known by name, nor knows one that it does not read', () => {
    const environment: Record<string, string> = { ...DISTRIBUTED }
    const asked = new Set<string>()
    const watched = new Proxy(environment, {
      get(target, name) {
        asked.add(String(name))
        return target[String(name)]
      },
    })
    readConfig(watched, 'warn')
    expect([...asked].sort()).toEqual([...SERVER_VARIABLES].sort())
  })

  it('names lines of a file that say nothing, or something again, without showing them', () => {
    const path = file('# Ports\n\nPILEUS_PORT 4000\nexport PILEUS_HOST=::1\nsecret: hush\nPILEUS_HOST = ::\n')
    expect(mistakesOf({ PILEUS_CONFIG: path })).toEqual([
      'line 3 of the file of PILEUS_CONFIG is not of the form NAME=value',
      'line 5 of the file of PILEUS_CONFIG is not of the form NAME=value',
      'the file of PILEUS_CONFIG sets PILEUS_HOST twice',
    ])
  })

  it('shows what is in force and where it comes from, and no secret, in mistakes neither', () => {
    const { PILEUS_S3_BUCKET: bucket, ...rest } = DISTRIBUTED
    const lines = shownConfig({ ...rest, PILEUS_CONFIG: file(`PILEUS_S3_BUCKET=${bucket}`) }, 'warn').map(
      (line) => line.replace(/ +/g, ' '),
    )
    expect(lines).toContain('PILEUS_S3_BUCKET=packs # file')
    expect(lines).toContain('PILEUS_PORT=3001 # default')
    expect(lines).toContain(
      'PILEUS_POSTGRES_URL=postgres://pileus:[secret]@db.example:5433/pileus # environment',
    )
    expect(lines).toContain('PILEUS_VALKEY_URL=rediss://:[secret]@cache.example # environment')
    expect(lines).toContain('PILEUS_S3_SECRET_KEY=[secret] # environment')
    expect(lines.join('\n')).not.toContain('hush')
    const wrong = {
      ...DISTRIBUTED,
      PILEUS_POSTGRES_URL: 'mysql://pileus:hush@db',
      PILEUS_VALKEY_URL: 'cache:hush',
    }
    expect(mistakesOf(wrong).join('\n')).not.toContain('hush')
  })
})
