/**
 * A large zone on Cassandra: written, read whole in pages, its buckets small. The number of records can be set:
 * PILEUS_LARGE_ZONE_RECORDS=5000000 npx vitest run server/src/zones/large-zone.test.ts
 */
import { createHash } from 'node:crypto'
import { type BatchId, type Digest, idFromBytes, type RecordId } from '@pileus/core/ids/ids'
import { withEngine } from '@pileus/engines/in-tests'
import { describe, expect, it } from 'vitest'
import { testKeyspace } from '../cassandra/fixtures.ts'
import { EngineUnreachable } from '../engine-errors.ts'
import { cassandraZones } from './cassandra.ts'
import { newHead, zoneId } from './fixtures.ts'
import { versionBytes } from './size.ts'
import type { Commit, Head, StoredVersion, Zones } from './zones.ts'

const RECORDS = Number(process.env.PILEUS_LARGE_ZONE_RECORDS ?? 6_000)
/** As a file's record has it; more of it where there are few records, so that there are several buckets all the same. */
const SEAL_BYTES = RECORDS > 200_000 ? 900 : 16_000
/** A commit has at most 8 MiB. */
const PER_COMMIT = RECORDS > 200_000 ? 1_000 : 400
const PAGE_MAX_BYTES = 8 * 1_048_576
const BUCKET_MAX_BYTES = 100_000_000
/** Records between two lines of a long run. */
const TOLD_EVERY = 250_000
const ATTEMPTS_MAX = 20
const TIMEOUT_MS = 4 * 3_600_000
const seal = new Uint8Array(SEAL_BYTES).fill(7)

await withEngine('cassandra', 'a large zone on Cassandra', (engine) => {
  describe(`a large zone on ${engine.title}`, () => {
    it(`holds ${RECORDS} records in small buckets and gives them back in pages`, {
      timeout: TIMEOUT_MS,
    }, async () => {
      const keyspace = testKeyspace(engine)
      const zones = await cassandraZones(keyspace.options)
      const zone = zoneId()
      await zones.create({ zone, genesis: Uint8Array.of(1), head: newHead() })
      const started = performance.now()
      let head = (await zones.head(zone))!
      while (head.sequence < RECORDS) {
        const commit = commitAfter(zone, head)
        await committed(zones, commit)
        head = { ...head, ...commit.head }
        if (head.sequence % TOLD_EVERY === 0)
          console.log(`${head.sequence} records after ${seconds(started, performance.now())} s`)
      }
      const written = performance.now()
      let seen = 0
      for (let more = true; more; ) {
        const page = (await zones.changes(zone, seen, PER_COMMIT, PAGE_MAX_BYTES))!
        for (const { sequence, id } of page.versions) {
          // Every one, in order.
          if (sequence !== seen + 1 || id !== recordAt(sequence))
            throw new Error(`${sequence} follows ${seen}`)
          seen = sequence
        }
        more = page.more
      }
      expect(seen).toBe(RECORDS)
      console.log(
        `${engine.title}: ${RECORDS} records of ${SEAL_BYTES} bytes written in ${seconds(started, written)} s, ` +
          `read in ${seconds(written, performance.now())} s`,
      )
      const buckets = await keyspace.execute(
        `SELECT first FROM ${keyspace.options.keyspace}.buckets WHERE zone = ?`,
        [Buffer.from(zone, 'hex')],
      )
      const firsts = buckets.map(({ first }) => Number(first))
      expect(firsts.length).toBeGreaterThan(1)
      for (const [index, first] of firsts.entries()) {
        const next = firsts[index + 1] ?? RECORDS + 1
        expect((next - first) * (SEAL_BYTES + 400)).toBeLessThan(BUCKET_MAX_BYTES)
      }
      const last = recordAt(RECORDS)
      expect((await zones.current(zone, [last])).get(last)?.sequence).toBe(RECORDS)
      await zones.close()
    })
  })
})

function seconds(from: number, to: number): string {
  return ((to - from) / 1_000).toFixed(1)
}

/** Where the cluster does not answer in time, the same again, as devices do; it may turn out to have happened. */
async function committed(zones: Zones, commit: Commit): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const outcome = await zones.commit(commit)
      const happenedBefore = attempt > 1 && (await zones.head(commit.zone))?.chain === commit.head.chain
      if (!happenedBefore) expect(outcome).toBe('committed')
      return
    } catch (error) {
      if (!(error instanceof EngineUnreachable) || attempt === ATTEMPTS_MAX) throw error
      console.log(`the cluster did not take records up to ${commit.head.sequence} in time`)
    }
  }
}

function idAt(kind: string, sequence: number): Uint8Array {
  return createHash('sha256').update(`${kind} ${sequence}`).digest()
}

function recordAt(sequence: number): RecordId {
  return idFromBytes('record', idAt('record', sequence).subarray(0, 16))
}

function digestAt(kind: string, sequence: number): Digest {
  return idFromBytes('digest', idAt(kind, sequence))
}

function commitAfter(zone: Commit['zone'], head: Head): Commit {
  const batch: BatchId = idFromBytes('batch', idAt('batch', head.sequence).subarray(0, 16))
  const versions = Array.from(
    { length: Math.min(PER_COMMIT, RECORDS - head.sequence) },
    (_, index): StoredVersion => {
      const sequence = head.sequence + 1 + index
      const record = { facts: idAt('facts', sequence), seal, refs: { depth: 0, ids: [] } }
      const leaf = digestAt('leaf', sequence)
      return { sequence, id: recordAt(sequence), record, leaf, batch, leafIndex: index, storedAt: 1_000 }
    },
  )
  const last = versions.at(-1)!.sequence
  return {
    zone,
    expected: head,
    head: {
      sequence: last,
      chain: digestAt('chain', last),
      setState: head.setState,
      setHash: digestAt('set', last),
    },
    addedBytes: versions.reduce((sum, { record }) => sum + versionBytes(record), 0),
    versions,
    steps: versions.map(({ sequence, id, leaf }) => {
      return { sequence, record: id, oldLeaf: null, newLeaf: leaf, chain: digestAt('chain', sequence) }
    }),
    batches: [],
  }
}
