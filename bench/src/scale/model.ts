/** From costs of single operations and assumptions to what a large installation needs. Nothing here is measured. */
import { BATCH_MAX_BYTES } from '@pileus/core/limits'
import { chunkPart, recordPart } from '@pileus/server/zones/cassandra/columns'
import type { Assumptions } from './assumptions.ts'
import type { Measured, OperationName } from './measured.ts'
import {
  accountRows,
  operationsPerDay,
  processorPerDay,
  REQUESTS,
  rowBytes,
  rowsBytes,
  systemOf,
  ZONES_PER_ACCOUNT,
  zoneRows,
} from './usage.ts'

export type Unit = 'count' | 'bytes' | 'perSecond' | 'bitsPerSecond' | 'units'

export interface Line {
  readonly name: string
  /** How it follows from the lines above it, the assumptions and what was measured. */
  readonly formula: string
  readonly value: number
  readonly unit: Unit
}

export interface Section {
  readonly title: string
  readonly lines: readonly Line[]
}

const DAY_SECONDS = 86_400
const MONTH_DAYS = 30
/** Where a zone's versions begin a new partition: BUCKET_FULL_BYTES in server/src/zones/cassandra/commit.ts. */
export const BUCKET_FULL_BYTES = 64 * 1_048_576
/** What is counted there for a row beside its record: ROW_BYTES in the same file. */
export const ROW_BYTES = 400
const PARTITION_MAX_BYTES = 100e6

export function sections(measured: Measured, a: Assumptions): Section[] {
  const stored = storedSection(a)
  const cassandra = cassandraSection(measured, a)
  const postgres = postgresSection(measured, a)
  const requests = requestSection(a)
  const servers = serverSection(measured, a)
  const network = networkSection(a)
  const parts = { stored, cassandra, postgres, requests, servers, network }
  return [...Object.values(parts), costSection(a, parts)]
}

/** A section that is written line by line, each with a name by which later ones use it. */
class Writer {
  readonly title: string
  readonly lines: Line[] = []
  readonly #values = new Map<string, number>()
  constructor(title: string) {
    this.title = title
  }
  add(name: string, unit: Unit, formula: string, value: number): number {
    if (!Number.isFinite(value)) throw new Error(`${name} is ${value}`)
    this.lines.push({ name, formula, value, unit })
    this.#values.set(name, value)
    return value
  }
  get(name: string): number {
    const value = this.#values.get(name)
    if (value === undefined) throw new Error(`${this.title} has no line ${name}`)
    return value
  }
}

function storedSection(a: Assumptions): Writer {
  const w = new Writer('Objects')
  const stored = w.add(
    'bytes stored',
    'bytes',
    'accounts × bytes of an account',
    a.accounts * a.bytesPerAccount,
  )
  w.add('bytes on disks', 'bytes', 'bytes stored × overhead', stored * a.objectOverhead)
  const objects = w.add('objects', 'count', 'bytes stored ÷ bytes of a pack', stored / a.packBytes)
  w.add('chunks', 'count', 'bytes stored ÷ bytes of a chunk', stored / a.chunkBytes)
  w.add(
    'objects under one prefix',
    'count',
    'objects ÷ (accounts × 2 zones): each zone is a prefix',
    objects / (a.accounts * ZONES_PER_ACCOUNT),
  )
  w.add(
    'buckets',
    'count',
    'objects ÷ objects in a bucket, rounded up',
    Math.ceil(objects / a.objectsPerBucket),
  )
  return w
}

function cassandraSection(measured: Measured, a: Assumptions): Writer {
  const system = systemOf(measured, 'cassandra')
  const w = new Writer('Zones on Cassandra')
  const rows = zoneRows(a)
  const perAccount = w.add(
    'bytes of an account',
    'bytes',
    'Σ rows of an account in a table × measured bytes of a row',
    rowsBytes(system, rows),
  )
  w.add(
    'rows',
    'count',
    'accounts × Σ rows of an account',
    a.accounts * Object.values(rows).reduce((sum, one) => sum + one, 0),
  )
  const all = w.add(
    'bytes, all copies',
    'bytes',
    'accounts × bytes of an account × copies',
    a.accounts * perAccount * a.cassandraReplicas,
  )
  const byBytes = w.add(
    'nodes for the bytes',
    'count',
    'bytes ÷ bytes on a node, rounded up',
    Math.ceil(all / a.cassandraNodeBytes),
  )
  const cores = w.add(
    'processors at the peak',
    'count',
    'accounts × Σ operations in a day × measured time × copies ÷ 86,400 s × peak factor ÷ utilisation',
    coresAtPeak(processorPerDay(system, a, 'cassandra') * a.cassandraReplicas, a),
  )
  const byCores = w.add(
    'nodes for the processors',
    'count',
    'processors ÷ processors of a node, rounded up',
    Math.ceil(cores / a.cassandraNodeCores),
  )
  w.add('nodes', 'count', 'the larger of the two', Math.max(byBytes, byCores))
  const version = rowBytes(system, 'versions') / (measured.recordBytes + ROW_BYTES)
  const fullest = w.add(
    'largest partition of versions, if records are large',
    'bytes',
    '64 MiB + the largest batch',
    BUCKET_FULL_BYTES + BATCH_MAX_BYTES,
  )
  w.add(
    'the same, if they are as small as the measured one',
    'bytes',
    `× measured bytes of a row ÷ (bytes of its record + ${ROW_BYTES}, as they are counted)`,
    fullest * version,
  )
  w.add(
    'partition of chunks',
    'bytes',
    `chunks of an account ÷ ${parts(chunkPart)} parts × measured bytes of a row`,
    (rows.chunks! / parts(chunkPart)) * rowBytes(system, 'chunks'),
  )
  w.add(
    'partition of records',
    'bytes',
    `versions of an account ÷ ${parts(recordPart)} parts × measured bytes of a row`,
    (rows.records! / parts(recordPart)) * rowBytes(system, 'records'),
  )
  w.add(
    'partition of zone ids',
    'bytes',
    `accounts × ${ZONES_PER_ACCOUNT} zones ÷ ${parts(chunkPart)} shards × measured bytes of a row`,
    ((a.accounts * ZONES_PER_ACCOUNT) / parts(chunkPart)) * rowBytes(system, 'zone_ids'),
  )
  w.add(
    'zone whose partitions of chunks have 100 MB',
    'bytes',
    `100 MB × ${parts(chunkPart)} parts ÷ measured bytes of a row × bytes of a chunk`,
    ((PARTITION_MAX_BYTES * parts(chunkPart)) / rowBytes(system, 'chunks')) * a.chunkBytes,
  )
  return w
}

/** Into how many partitions ids are spread. */
function parts(partOf: (id: string) => number): number {
  return new Set(
    Array.from({ length: 256 }, (_, byte) => partOf(byte.toString(16).padStart(2, '0').padEnd(64, '0'))),
  ).size
}

function postgresSection(measured: Measured, a: Assumptions): Writer {
  const system = systemOf(measured, 'postgres')
  const w = new Writer('Accounts on PostgreSQL')
  const rows = accountRows(a)
  for (const [table, count] of Object.entries(rows))
    w.add(`rows of ${table}`, 'count', 'accounts × rows of an account', a.accounts * count)
  const perAccount = w.add(
    'bytes of an account',
    'bytes',
    'Σ rows of an account in a table × measured bytes of a row',
    rowsBytes(system, rows),
  )
  const all = w.add('bytes, one copy', 'bytes', 'accounts × bytes of an account', a.accounts * perAccount)
  const cores = w.add(
    'processors at the peak',
    'count',
    'as for Cassandra, with the time PostgreSQL used there for the accounts alone',
    coresAtPeak(processorPerDay(systemOf(measured, 'cassandra'), a, 'postgres'), a),
  )
  w.add(
    'shards',
    'count',
    'the larger of bytes ÷ bytes of a shard and processors ÷ processors of a shard, rounded up',
    Math.max(Math.ceil(all / a.postgresShardBytes), Math.ceil(cores / a.postgresShardCores)),
  )
  w.add('accounts in a shard', 'count', 'accounts ÷ shards', a.accounts / w.get('shards'))
  return w
}

function coresAtPeak(millisecondsPerAccountDay: number, a: Assumptions): number {
  return ((a.accounts * millisecondsPerAccountDay) / 1_000 / DAY_SECONDS / a.utilisation) * a.peakFactor
}

function requestSection(a: Assumptions): Writer {
  const w = new Writer('Requests')
  let all = 0
  for (const [operation, count] of Object.entries(operationsPerDay(a))) {
    const requests = count * (REQUESTS[operation as OperationName] ?? 1)
    if (requests > 0) all += requests
  }
  const perSecond = w.add(
    'requests on average',
    'perSecond',
    'accounts × Σ requests of an account in a day ÷ 86,400 s',
    (a.accounts * all) / DAY_SECONDS,
  )
  w.add('requests at the peak', 'perSecond', '× peak factor', perSecond * a.peakFactor)
  const { pushOne, packSmall, fetchSmall } = operationsPerDay(a)
  const peak = (count: number) => ((a.accounts * count) / DAY_SECONDS) * a.peakFactor
  w.add(
    'of which batches',
    'perSecond',
    'accounts × batches in a day ÷ 86,400 s × peak factor',
    peak(pushOne!),
  )
  w.add('of which packs stored', 'perSecond', 'batches × share with content', peak(packSmall!))
  w.add('of which packs read from', 'perSecond', 'packs stored × (devices − 1)', peak(fetchSmall!))
  return w
}

function serverSection(measured: Measured, a: Assumptions): Writer {
  const system = systemOf(measured, 'cassandra')
  const w = new Writer('Servers and Valkey')
  const cores = w.add(
    'processors at the peak',
    'count',
    'accounts × Σ operations in a day × measured time of the server ÷ 86,400 s × peak factor ÷ utilisation',
    coresAtPeak(processorPerDay(system, a, 'server'), a),
  )
  const connections = w.add(
    'live connections at the peak',
    'count',
    'accounts × devices × share connected',
    a.accounts * a.devicesPerAccount * a.onlineShareAtPeak,
  )
  const processes = w.add(
    'server processes',
    'count',
    'the larger of the processors (one for each) and connections ÷ connections of a process, rounded up',
    Math.ceil(Math.max(cores, connections / a.connectionsPerProcess)),
  )
  w.add('memory', 'bytes', 'processes × memory of one', processes * a.processMemoryBytes)
  w.add(
    'announcements at the peak',
    'perSecond',
    'accounts × batches in a day ÷ 86,400 s × peak factor',
    ((a.accounts * operationsPerDay(a).announce!) / DAY_SECONDS) * a.peakFactor,
  )
  w.add(
    'processors of Valkey at the peak',
    'count',
    'as for the servers',
    coresAtPeak(processorPerDay(system, a, 'valkey'), a),
  )
  return w
}

function networkSection(a: Assumptions): Writer {
  const w = new Writer('Network')
  const content = a.savesPerDay * a.savesWithContentShare * a.bytesPerSave
  const up = w.add(
    'from devices in a day',
    'bytes',
    'accounts × saves × share with content × bytes of a save',
    a.accounts * content,
  )
  const down = w.add('to devices in a day', 'bytes', '× (devices − 1)', up * (a.devicesPerAccount - 1))
  w.add(
    'at the peak, both',
    'bitsPerSecond',
    '(from + to) × 8 ÷ 86,400 s × peak factor',
    (((up + down) * 8) / DAY_SECONDS) * a.peakFactor,
  )
  return w
}

function costSection(
  a: Assumptions,
  {
    stored,
    cassandra,
    postgres,
    servers,
    network,
  }: Readonly<Record<'stored' | 'cassandra' | 'postgres' | 'servers' | 'network', Writer>>,
): Writer {
  const w = new Writer('Cost in a month')
  const { packSmall, fetchSmall } = operationsPerDay(a)
  const month = a.accounts * MONTH_DAYS
  const shards = postgres.get('shards') * a.postgresReplicas
  const all = [
    w.add(
      'object store',
      'units',
      'bytes stored × price of a TB',
      (stored.get('bytes stored') / 1e12) * a.priceObjectTbMonth,
    ),
    w.add(
      'its requests',
      'units',
      'packs stored × price of a write + packs read × price of a read, of 30 days',
      (month * (packSmall! * a.priceMillionWrites + fetchSmall! * a.priceMillionReads)) / 1e6,
    ),
    w.add(
      'Cassandra',
      'units',
      'nodes × (processors × price + 2 × bytes of a node × price of disk)',
      cassandra.get('nodes') *
        (a.cassandraNodeCores * a.priceCoreMonth + ((2 * a.cassandraNodeBytes) / 1e12) * a.priceDiskTbMonth),
    ),
    w.add(
      'PostgreSQL',
      'units',
      'shards × copies × (processors × price + 2 × bytes of a shard × price of disk)',
      shards *
        (a.postgresShardCores * a.priceCoreMonth + ((2 * a.postgresShardBytes) / 1e12) * a.priceDiskTbMonth),
    ),
    w.add(
      'servers',
      'units',
      'processes × (price of a processor + memory × price)',
      servers.get('server processes') *
        (a.priceCoreMonth + (a.processMemoryBytes / 1e9) * a.priceMemoryGbMonth),
    ),
    w.add(
      'traffic',
      'units',
      'to devices in 30 days × price',
      ((network.get('to devices in a day') * MONTH_DAYS) / 1e12) * a.priceTrafficTb,
    ),
  ]
  const sum = w.add(
    'all',
    'units',
    'the sum',
    all.reduce((total, one) => total + one, 0),
  )
  w.add('for an account', 'units', 'all ÷ accounts', sum / a.accounts)
  return w
}
