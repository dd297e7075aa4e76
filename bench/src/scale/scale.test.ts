import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Assumptions, assumptions } from './assumptions.ts'
import { DOCUMENT, withTables } from './document.ts'
import { type Measured, OPERATIONS, readMeasured, type SystemMeasured } from './measured.ts'
import { BUCKET_FULL_BYTES, ROW_BYTES, sections } from './model.ts'
import { operationsPerDay, processorPerDay, rowsBytes } from './usage.ts'

const measured = readMeasured()

describe('docs/scale.md', () => {
  it('shows what follows from the measurements and the assumptions', () => {
    const text = readFileSync(DOCUMENT, 'utf8')
    expect(text).toBe(withTables(text, measured))
  })

  it('stands on measurements of every operation on every set of engines', () => {
    expect(measured.systems.map(({ name }) => name)).toEqual(['embedded', 'postgres', 'cassandra'])
    for (const { costs } of measured.systems)
      expect(costs.map(({ operation }) => operation).sort()).toEqual(Object.keys(OPERATIONS).sort())
  })

  it('knows where a partition of versions ends', () => {
    const file = join(import.meta.dirname, '../../../server/src/zones/cassandra/commit.ts')
    const source = readFileSync(file, 'utf8')
    const constant = (name: string) => new RegExp(`^const ${name} = (.*)$`, 'm').exec(source)?.[1]
    expect(constant('BUCKET_FULL_BYTES')).toBe('64 * 1_048_576')
    expect(BUCKET_FULL_BYTES).toBe(64 * 1_048_576)
    expect(constant('ROW_BYTES')).toBe(String(ROW_BYTES))
  })

  it('keeps every partition under 100 MB', () => {
    const [zones] = sections(measured, assumptions()).filter(({ title }) => title === 'Zones on Cassandra')
    const partitions = zones!.lines.filter(({ name }) => /^(largest partition|the same|partition)/.test(name))
    expect(partitions).toHaveLength(5)
    for (const { value } of partitions) expect(value).toBeLessThan(100e6)
  })
})

/** Costs and rows so simple that every figure can be said beforehand. */
function simple(): Measured {
  const costs = Object.keys(OPERATIONS).map((operation) => ({
    operation: operation as keyof typeof OPERATIONS,
    times: 1,
    medianMs: 1,
    processorMs: { server: 10, cassandra: 20, postgres: 1, valkey: 0.5, s3: 5 },
    answerBytes: 1,
  }))
  const names =
    'accounts devices members sessions audit heads zone_ids buckets versions records steps batches fates packs chunks'
  const tables = names.split(' ').map((table) => ({ table, rows: 10, bytes: 1_000 }))
  const system = (name: SystemMeasured['name']): SystemMeasured => ({
    name,
    engines: name,
    costs,
    atRest: { engine: name, tables },
    idleMs: {},
    serverBytes: 1,
  })
  return {
    day: '2026-11-26',
    machine: 'a machine',
    load: 1,
    recordBytes: 100,
    systems: [system('embedded'), system('postgres'), system('cassandra')],
  }
}

function line(a: Assumptions, section: string, name: string): number {
  const found = sections(simple(), a)
    .find(({ title }) => title === section)!
    .lines.find((one) => one.name === name)
  return found!.value
}

describe('the computation', () => {
  const a = assumptions()

  it('makes an exabyte of 100 million accounts with 10 GB each', () => {
    expect(line(a, 'Objects', 'bytes stored')).toBe(1e18)
    expect(line(a, 'Objects', 'objects')).toBe(2.5e11)
    expect(line(a, 'Objects', 'objects under one prefix')).toBe(1_250)
  })

  it('counts the operations of a day', () => {
    expect(operationsPerDay(a)).toMatchObject({
      deviceLogin: 24,
      changesOne: 30,
      pushOne: 10,
      missing: 7,
      packSmall: 7,
      fetchSmall: 14,
      announce: 10,
    })
  })

  it('adds up processor time, of which everything takes 10 ms here', () => {
    const operations = 24 + 30 + 10 + 7 + 7 + 14 + 10 + a.passwordLoginsPerDay + a.signupsPerDay
    const system = simple().systems[2]!
    expect(processorPerDay(system, a, 'server')).toBeCloseTo(10 * operations)
    const cores = (1e8 * operations * 0.01 * a.peakFactor) / 86_400 / a.utilisation
    expect(line(a, 'Servers and Valkey', 'processors at the peak')).toBeCloseTo(cores)
    expect(line(a, 'Zones on Cassandra', 'processors at the peak')).toBeCloseTo(cores * 2 * 3)
  })

  it('adds up rows of 100 bytes', () => {
    expect(rowsBytes(simple().systems[2]!, { versions: 2, chunks: 3 })).toBe(500)
    const largest = line(a, 'Zones on Cassandra', 'largest partition of versions, if records are large')
    expect(largest).toBe(72 * 1_048_576)
    const small = line(a, 'Zones on Cassandra', 'the same, if they are as small as the measured one')
    expect(small).toBeCloseTo(largest / 5)
    expect(line(a, 'Zones on Cassandra', 'partition of chunks')).toBeCloseTo((40_000 / 256) * 100)
  })

  it('grows with the accounts in proportion, and costs the same for each', () => {
    const twice = { ...a, accounts: 2 * a.accounts }
    expect(line(twice, 'Requests', 'requests at the peak')).toBeCloseTo(
      2 * line(a, 'Requests', 'requests at the peak'),
    )
    expect(line(twice, 'Cost in a month', 'for an account')).toBeCloseTo(
      line(a, 'Cost in a month', 'for an account'),
      4,
    )
  })
})
