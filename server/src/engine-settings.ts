/** Which engine stands behind each port, and what it needs to be reached. */
import { isIP } from 'node:net'
import { directAddress } from '@pileus/core/protocol/direct-address'
import type { S3Options } from './blobs/s3.ts'
import type { CassandraOptions } from './cassandra/database.ts'
import type { PostgresOptions } from './postgres/database.ts'
import type { Settings } from './settings.ts'

export interface EngineChoices {
  readonly accounts:
    | { readonly kind: 'sqlite' }
    | { readonly kind: 'postgres'; readonly options: PostgresOptions }
  readonly zones:
    | { readonly kind: 'sqlite' }
    | { readonly kind: 'postgres'; readonly options: PostgresOptions }
    | { readonly kind: 'cassandra'; readonly options: CassandraOptions }
  readonly blobs: { readonly kind: 'files' } | { readonly kind: 's3'; readonly options: S3Options }
  readonly live: { readonly kind: 'memory' } | { readonly kind: 'valkey'; readonly url: string }
}

/** Everything on one machine, in one folder. */
export const EMBEDDED: EngineChoices = {
  accounts: { kind: 'sqlite' },
  zones: { kind: 'sqlite' },
  blobs: { kind: 'files' },
  live: { kind: 'memory' },
}

/** Whether any of the engines keeps its data in the data folder. */
export function needsFolder({ accounts, zones, blobs }: EngineChoices): boolean {
  return accounts.kind === 'sqlite' || zones.kind === 'sqlite' || blobs.kind === 'files'
}

/** Reads the choices. What an engine needs is asked for only where it was chosen. */
export function readEngines(settings: Settings): EngineChoices {
  const accounts = settings.oneOf('PILEUS_ACCOUNTS', ['sqlite', 'postgres'], 'sqlite')
  const zones = settings.oneOf('PILEUS_ZONES', ['sqlite', 'postgres', 'cassandra'], 'sqlite')
  const blobs = settings.oneOf('PILEUS_BLOBS', ['files', 's3'], 'files')
  const live = settings.oneOf('PILEUS_LIVE', ['memory', 'valkey'], 'memory')
  const users = [
    accounts === 'postgres' && 'PILEUS_ACCOUNTS=postgres',
    zones === 'postgres' && 'PILEUS_ZONES=postgres',
  ]
  const postgres = users.some(Boolean) ? readPostgres(settings, users.filter(Boolean).join(' and ')) : null
  return {
    accounts: accounts === 'postgres' ? { kind: accounts, options: postgres! } : { kind: accounts },
    zones:
      zones === 'postgres'
        ? { kind: zones, options: postgres! }
        : zones === 'cassandra'
          ? { kind: zones, options: readCassandra(settings) }
          : { kind: zones },
    blobs: blobs === 's3' ? { kind: blobs, options: readS3(settings) } : { kind: blobs },
    live: live === 'valkey' ? { kind: live, url: readValkey(settings) } : { kind: live },
  }
}

function readPostgres(settings: Settings, why: string): PostgresOptions {
  const example = 'a URL such as postgres://USER:PASSWORD@HOST:5432/DATABASE'
  const url = settings.url('PILEUS_POSTGRES_URL', ['postgres', 'postgresql'], example, why)
  return { url, connections: settings.whole('PILEUS_POSTGRES_CONNECTIONS', 10, 1, 1_000) }
}

function readValkey(settings: Settings): string {
  const schemes = ['redis', 'rediss', 'valkey', 'valkeys']
  return settings.url(
    'PILEUS_VALKEY_URL',
    schemes,
    'a URL such as redis://:PASSWORD@HOST:6379/0',
    'PILEUS_LIVE=valkey',
  )
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

function readS3(settings: Settings): S3Options {
  const why = 'PILEUS_BLOBS=s3'
  const endpoint = settings.text('PILEUS_S3_ENDPOINT', '')
  if (endpoint !== '' && !(URL.canParse(endpoint) && /^https?:$/.test(new URL(endpoint).protocol))) {
    settings.wrong('PILEUS_S3_ENDPOINT', endpoint, "an http or https URL, or nothing for Amazon's own")
  }
  const bucket = settings.required('PILEUS_S3_BUCKET', 'the name of a bucket', why)
  if (bucket !== '' && !BUCKET.test(bucket))
    settings.wrong('PILEUS_S3_BUCKET', bucket, 'the name of a bucket')
  return {
    endpoint: endpoint === '' ? null : endpoint,
    region: settings.text('PILEUS_S3_REGION', 'us-east-1'),
    bucket,
    accessKey: settings.required('PILEUS_S3_ACCESS_KEY', 'the id of an access key', why),
    secretKey: settings.secret('PILEUS_S3_SECRET_KEY', why),
    ...readDirect(settings, endpoint),
  }
}

/** Nothing unless the operator wants it: whoever has such an address can read what it leads to. */
function readDirect(settings: Settings, endpoint: string): Pick<S3Options, 'direct'> {
  const choice = settings.oneOf('PILEUS_S3_DIRECT_READS', ['off', 'on', 'cdn'], 'off')
  const origin = settings.text('PILEUS_S3_PUBLIC_URL', '', withoutUser)
  const expected = 'the https URL, without a path, at which devices reach the store or the CDN before it'
  const url = directAddress(origin)
  if (origin !== '' && (url === null || url.pathname !== '/' || url.search !== '' || url.hash !== ''))
    settings.wrong('PILEUS_S3_PUBLIC_URL', withoutUser(origin), expected)
  if (choice === 'off') return {}
  // Amazon's own address is https.
  const reached = choice === 'cdn' ? '' : endpoint || "Amazon's"
  if (origin === '' && reached !== "Amazon's" && directAddress(reached) === null)
    settings.mistakes.push(
      `PILEUS_S3_PUBLIC_URL is not set, expected ${expected}: PILEUS_S3_DIRECT_READS=${choice} needs it`,
    )
  return { direct: { origin: url?.origin ?? null, host: choice === 'cdn' ? 'store' : 'origin' } }
}

/** Nobody should stand in that URL, and if somebody does a password may. */
function withoutUser(url: string): string {
  return url.replace(/\/\/.*@/, '//[secret]@')
}

const KEYSPACE = /^[a-z][a-z0-9_]{0,47}$/

function readCassandra(settings: Settings): CassandraOptions {
  const why = 'PILEUS_ZONES=cassandra'
  const example = 'addresses of some nodes such as 10.0.0.1:9042,10.0.0.2:9042'
  const contactPoints = list(settings.required('PILEUS_CASSANDRA_CONTACT_POINTS', example, why))
  for (const point of contactPoints) {
    if (!isNode(point))
      settings.wrong('PILEUS_CASSANDRA_CONTACT_POINTS', point, 'an address or host name, and :PORT')
  }
  const ports = new Set(contactPoints.map((point) => /:(\d+)$/.exec(point)?.[1] ?? '9042'))
  if (ports.size > 1) {
    settings.wrong('PILEUS_CASSANDRA_CONTACT_POINTS', contactPoints.join(','), 'the same port at every node')
  }
  const keyspace = settings.text('PILEUS_CASSANDRA_KEYSPACE', 'pileus')
  if (!KEYSPACE.test(keyspace)) {
    settings.wrong('PILEUS_CASSANDRA_KEYSPACE', keyspace, 'a small letter, then small letters, digits and _')
  }
  const dataCenter = settings.required('PILEUS_CASSANDRA_DATA_CENTER', 'the data centre of this server', why)
  return {
    contactPoints,
    dataCenter,
    keyspace,
    replication: readReplication(settings, dataCenter),
    user: settings.text('PILEUS_CASSANDRA_USER', '') || null,
    password: settings.secret('PILEUS_CASSANDRA_PASSWORD') || null,
    quorum: settings.oneOf('PILEUS_CASSANDRA_QUORUM', ['local', 'global'], 'local'),
  }
}

/** Copies that survive the loss of one, with a majority left. */
const COPIES = 3

function readReplication(settings: Settings, dataCenter: string): Readonly<Record<string, number>> {
  const name = 'PILEUS_CASSANDRA_REPLICATION'
  const text = settings.text(name, dataCenter === '' ? '' : `${dataCenter}:${COPIES}`)
  const copies: Record<string, number> = {}
  for (const part of list(text)) {
    const [, center, count] = /^([^:\s]+):([1-9]\d?)$/.exec(part) ?? []
    if (center === undefined || count === undefined)
      settings.wrong(name, part, 'DATA_CENTER:COPIES, such as dc1:3,dc2:3')
    else copies[center] = Number(count)
  }
  return copies
}

function isNode(text: string): boolean {
  const port = /:(\d{1,5})$/.exec(text)
  const host = port ? text.slice(0, port.index) : text
  if (port && Number(port[1]) > 65_535) return false
  return (
    isIP(host.replace(/^\[(.*)\]$/, '$1')) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host)
  )
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}
