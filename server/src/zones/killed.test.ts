/** Server processes that are killed again and again while they work on one zone: what was acknowledged stays, and all adds up. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import type { BatchId, PackId, RecordId, ZoneId } from '@pileus/core/ids/ids'
import { withEngine } from '@pileus/engines/in-tests'
import { describe, expect, it } from 'vitest'
import { testKeyspace } from '../cassandra/fixtures.ts'
import { testDatabases } from '../postgres/fixtures.ts'
import type { Told } from './busy-process.ts'
import { cassandraZones } from './cassandra.ts'
import { newHead, zoneId } from './fixtures.ts'
import { postgresZones } from './postgres.ts'
import { versionBytes } from './size.ts'
import type { Zones } from './zones.ts'

const PROCESSES = 3
/** PILEUS_KILLED_SECONDS makes it longer. */
const WORK_MS = 1_000 * Number(process.env.PILEUS_KILLED_SECONDS ?? 15)
/** A process works for up to so long after its first acknowledgement before it is killed. */
const LIFE_MAX_MS = 1_500
const TEST_MS = 180_000 + 2 * WORK_MS
const MUCH = 100_000_000

await withEngine('postgres', 'killed processes on PostgreSQL', (engine) => {
  const database = testDatabases(engine)
  describe(`killed processes on ${engine.title}`, () => {
    it('lose nothing that was acknowledged, and all adds up', { timeout: TEST_MS }, async () => {
      const options = { url: await database(), connections: 3 }
      await workAndCheck('postgres', options, () => postgresZones(options))
    })
  })
})

await withEngine('cassandra', 'killed processes on Cassandra', (engine) => {
  const { options } = testKeyspace(engine)
  describe(`killed processes on ${engine.title}`, () => {
    it('lose nothing that was acknowledged, and all adds up', { timeout: TEST_MS }, async () => {
      await workAndCheck('cassandra', options, () => cassandraZones(options))
    })
  })
})

async function workAndCheck(kind: string, options: object, open: () => Promise<Zones>): Promise<void> {
  const zone = zoneId()
  const before = await open()
  await before.create({ zone, genesis: Uint8Array.of(1), head: newHead() })
  await before.close()
  const told: Told[] = []
  const until = performance.now() + WORK_MS
  let kills = 0
  await Promise.all(
    Array.from({ length: PROCESSES }, async () => {
      while (performance.now() < until) {
        await oneLife(kind, options, zone, told)
        kills++
      }
    }),
  )
  const zones = await open()
  try {
    await checkAtRest(zones, zone, told)
    const { sequence } = (await zones.head(zone))!
    console.log(
      `${kind}: ${kills} processes killed, ${told.filter(({ kind }) => kind !== 'adding').length} acknowledgements, ${sequence} versions`,
    )
    expect(told.length).toBeGreaterThan(kills)
  } finally {
    await zones.close()
  }
}

/** Starts a process, lets it work for a while, kills it, and keeps what it told. */
async function oneLife(kind: string, options: object, zone: ZoneId, told: Told[]): Promise<void> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'busy-process.ts'), kind, JSON.stringify(options), zone],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let output = ''
  let errors = ''
  child.stderr.on('data', (data: Buffer) => {
    errors += data
  })
  const working = new Promise<void>((resolve) => {
    child.stdout.on('data', (data: Buffer) => {
      output += data
      resolve()
    })
    child.once('close', () => resolve())
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  await working
  await killSoon(child)
  if ((await ended) !== null) throw new Error(`a process failed: ${errors}`)
  // The last line may be cut.
  for (const line of output.split('\n').slice(0, -1)) told.push(JSON.parse(line))
}

async function killSoon(child: ChildProcess): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, randomInt(LIFE_MAX_MS)))
  child.kill('SIGKILL')
}

/** What a process had begun when it was killed may still come to be: what is checked is a zone that has come to rest. */
async function checkAtRest(zones: Zones, zone: ZoneId, told: readonly Told[]): Promise<void> {
  for (;;) {
    const before = await zones.head(zone)
    const failure: unknown = await checkAll(zones, zone, told).catch((error: unknown) => error)
    if (!isDeepStrictEqual(await zones.head(zone), before)) continue
    if (failure !== undefined) throw failure
    return
  }
}

async function checkAll(zones: Zones, zone: ZoneId, told: readonly Told[]): Promise<void> {
  const head = (await zones.head(zone))!
  const steps = await zones.steps(zone, 0, head.sequence, head.sequence)
  // Every sequence number once, and the last chain is the head's.
  expect(steps.map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: head.sequence }, (_, n) => n + 1),
  )
  expect(steps.at(-1)?.chain).toBe(head.chain)
  const newest = new Map<RecordId, { sequence: number; leaf: string }>()
  for (const { sequence, record, oldLeaf, newLeaf } of steps) {
    // Whoever replaced a version had seen the one before it.
    expect(oldLeaf).toBe(newest.get(record)?.leaf ?? null)
    newest.set(record, { sequence, leaf: newLeaf })
  }
  const current = await allCurrent(zones, zone)
  expect(current).toEqual(new Map([...newest].map(([record, { sequence }]) => [record, sequence])))
  await checkTold(zones, zone, told)
  let stored = await storedPacks(zones, zone, told)
  for (const record of newest.keys()) {
    const history = await zones.history(zone, record, Number.MAX_SAFE_INTEGER, 10_000, MUCH)
    expect(history[0]?.sequence).toBe(newest.get(record)!.sequence)
    for (const version of history) stored += versionBytes(version.record)
  }
  expect(head.storedBytes).toBe(stored)
}

async function allCurrent(zones: Zones, zone: ZoneId): Promise<Map<RecordId, number>> {
  const found = new Map<RecordId, number>()
  let after = 0
  for (let more = true; more; ) {
    const page = (await zones.changes(zone, after, 100, MUCH))!
    for (const { id, sequence } of page.versions) {
      expect(found.has(id)).toBe(false)
      found.set(id, sequence)
      after = sequence
    }
    more = page.more
  }
  return found
}

async function checkTold(zones: Zones, zone: ZoneId, told: readonly Told[]): Promise<void> {
  for (const one of told) {
    if (one.kind === 'commit') {
      expect(await zones.batch(zone, one.batch as BatchId)).toMatchObject({ sequence: one.sequence })
    } else if (one.kind === 'pack')
      expect(await zones.pack(zone, one.pack as PackId)).toEqual({ chunks: 3, storedBytes: one.bytes })
  }
}

/** Bytes of the packs that are there, whether whoever added them lived to tell or not. */
async function storedPacks(zones: Zones, zone: ZoneId, told: readonly Told[]): Promise<number> {
  let bytes = 0
  for (const one of told) {
    if (one.kind === 'adding') bytes += (await zones.pack(zone, one.pack as PackId))?.storedBytes ?? 0
  }
  return bytes
}
