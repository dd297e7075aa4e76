/** One account in a day: what it asks for, what that costs, and the rows that it has at rest. */
import { ACCESS_TOKEN_SECONDS, HISTORY_DAYS } from '@pileus/core/limits'
import type { Assumptions } from './assumptions.ts'
import type { Measured, OperationName, SystemMeasured, SystemName } from './measured.ts'

export const ZONES_PER_ACCOUNT = 2
const FIRST_BATCH_RECORDS = 100
/** What the operations measured with content carried. */
const SMALL_BYTES = 20_000
const LARGE_PACK_BYTES = 8 * 1_048_576
const LARGE_FETCH_BYTES = 1_048_576

/** How often an account does each operation in a day. */
export function operationsPerDay(a: Assumptions): Readonly<Partial<Record<OperationName, number>>> {
  const batches = a.savesPerDay / a.savesPerBatch
  const packs = batches * a.savesWithContentShare
  return {
    signup: a.signupsPerDay,
    passwordLogin: a.passwordLoginsPerDay,
    deviceLogin: (a.devicesPerAccount * a.onlineHoursPerDay * 3_600) / ACCESS_TOKEN_SECONDS,
    changesOne: a.devicesPerAccount * a.catchUpsPerDeviceDay,
    missing: packs,
    packSmall: packs,
    pushOne: batches,
    announce: batches,
    fetchSmall: packs * (a.devicesPerAccount - 1),
  }
}

/** HTTP requests of one operation; an announcement is none. */
export const REQUESTS: Readonly<Partial<Record<OperationName, number>>> = {
  signup: 2,
  passwordLogin: 2,
  deviceLogin: 2,
  announce: 0,
}

export function systemOf(measured: Measured, name: SystemName): SystemMeasured {
  const found = measured.systems.find((system) => system.name === name)
  if (!found) throw new Error(`${name} was not measured: run npm run scale`)
  return found
}

/** Milliseconds of a process for an operation as often as `operationsPerDay` counts it, its size included. */
function milliseconds(
  system: SystemMeasured,
  a: Assumptions,
  operation: OperationName,
  process: string,
): number {
  const of = (name: OperationName) => {
    const cost = system.costs.find((one) => one.operation === name)
    if (!cost) throw new Error(`${name} was not measured on ${system.name}`)
    return cost.processorMs[process] ?? 0
  }
  const content = a.bytesPerSave * a.savesPerBatch
  const between = (small: OperationName, large: OperationName, share: number) =>
    Math.max(0, of(small) + (of(large) - of(small)) * share)
  switch (operation) {
    case 'pushOne':
      return between('pushOne', 'pushHundred', (a.savesPerBatch - 1) / 99)
    case 'packSmall':
      return between('packSmall', 'packLarge', (content - SMALL_BYTES) / (LARGE_PACK_BYTES - SMALL_BYTES))
    case 'fetchSmall':
      return between('fetchSmall', 'fetchLarge', (content - SMALL_BYTES) / (LARGE_FETCH_BYTES - SMALL_BYTES))
    default:
      return of(operation)
  }
}

/** Processor milliseconds of a process for one account in a day. */
export function processorPerDay(system: SystemMeasured, a: Assumptions, process: string): number {
  return Object.entries(operationsPerDay(a)).reduce(
    (sum, [operation, count]) => sum + count * milliseconds(system, a, operation as OperationName, process),
    0,
  )
}

/** Bytes of a row of a table, its indexes included. */
export function rowBytes(system: SystemMeasured, table: string): number {
  const found = system.atRest.tables.find((one) => one.table === table && one.rows > 0)
  if (!found) throw new Error(`no rows of ${table} were measured in ${system.atRest.engine}`)
  return found.bytes / found.rows
}

/** Rows of an account in each table of the zones, on Cassandra. */
export function zoneRows(a: Assumptions): Readonly<Record<string, number>> {
  const saved = a.years * 365 * a.savesPerDay
  const versions = a.filesPerAccount + HISTORY_DAYS * a.savesPerDay
  const batches = a.filesPerAccount / FIRST_BATCH_RECORDS + saved / a.savesPerBatch
  const packs = a.bytesPerAccount / a.packBytes
  return {
    heads: ZONES_PER_ACCOUNT,
    zone_ids: ZONES_PER_ACCOUNT,
    buckets: ZONES_PER_ACCOUNT,
    versions,
    records: versions,
    steps: a.filesPerAccount + saved,
    batches,
    fates: batches,
    packs,
    chunks: a.bytesPerAccount / a.chunkBytes,
  }
}

/** Rows of an account in each table of the accounts, on PostgreSQL. */
export function accountRows(a: Assumptions): Readonly<Record<string, number>> {
  const logins = a.passwordLoginsPerDay * 365 * Math.min(a.years, 2)
  return {
    accounts: 1,
    devices: a.devicesPerAccount,
    members: ZONES_PER_ACCOUNT,
    sessions: a.devicesPerAccount * a.onlineShareAtPeak,
    // Signing up, making the drive, a device registered each, logins of the two years that they are kept.
    audit: 1 + a.devicesPerAccount + logins,
  }
}

export function rowsBytes(system: SystemMeasured, rows: Readonly<Record<string, number>>): number {
  return Object.entries(rows).reduce((sum, [table, count]) => sum + count * rowBytes(system, table), 0)
}
