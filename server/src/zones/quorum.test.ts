/**
 * Three Cassandra nodes with three copies: one may be lost, with two lost nothing is acknowledged, and all that was stays. By
 * themselves they are in one data centre; PILEUS_QUORUM_DATA_CENTERS=one,one,two has them in two.
 */
import { launchCassandraCluster } from '@pileus/engines/cassandra'
import { withLaunched } from '@pileus/engines/in-tests'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { testKeyspace } from '../cassandra/fixtures.ts'
import { EngineUnreachable } from '../engine-errors.ts'
import { cassandraZones } from './cassandra.ts'
import { chunkId, commitOf, newHead, packId, recordId, zoneId } from './fixtures.ts'
import type { Commit, Zones } from './zones.ts'

const CENTERS = (process.env.PILEUS_QUORUM_DATA_CENTERS ?? 'one,one,one').split(',')
const START_MS = 240_000
const MUCH = 10_000_000
/** A node that comes back is found, and its copies are asked again. */
const WITHIN = { timeout: 60_000, interval: 500 }

await withLaunched(
  ['cassandra'],
  'a quorum of Cassandra nodes',
  () => launchCassandraCluster(CENTERS),
  (cluster) => {
    const zone = zoneId()
    const acknowledged: Commit[] = []
    let zones: Zones
    beforeAll(async () => {
      const { options } = testKeyspace(cluster)
      const copies = Map.groupBy(CENTERS, (center) => center)
      const replication = Object.fromEntries([...copies].map(([center, { length }]) => [center, length]))
      zones = await cassandraZones({ ...options, replication, quorum: copies.size > 1 ? 'global' : 'local' })
      await zones.create({ zone, genesis: Uint8Array.of(1), head: newHead() })
    }, START_MS)
    afterAll(() => zones?.close())

    async function commitOne(): Promise<void> {
      const commit = commitOf(zone, (await zones.head(zone))!, [{ id: recordId() }])
      expect(await zones.commit(commit)).toBe('committed')
      acknowledged.push(commit)
    }

    async function expectAll(): Promise<void> {
      const { versions } = (await zones.changes(zone, 0, 1_000, MUCH))!
      const stored = new Map(versions.map((version) => [version.sequence, version]))
      for (const commit of acknowledged) {
        for (const version of commit.versions) expect(stored.get(version.sequence)).toEqual(version)
        expect(await zones.batch(zone, commit.batches[0]!.id)).toEqual(commit.batches[0])
      }
    }

    it('go on with one node lost', { timeout: START_MS }, async () => {
      await commitOne()
      await cluster.nodes[2]!.stop('killed')
      await vi.waitFor(commitOne, WITHIN)
      const pack = packId()
      const place = { chunk: chunkId(), pack, offset: 41, length: 64 }
      await vi.waitFor(() => zones.addPack(zone, pack, 100, [place]), WITHIN)
      expect((await zones.locate(zone, [place.chunk])).get(place.chunk)).toEqual(place)
      await expectAll()
    })

    it('acknowledge nothing with two lost, and say so', { timeout: START_MS }, async () => {
      await cluster.nodes[1]!.stop('killed')
      const before = acknowledged.length
      const commit = commitOf(zone, newHead(), [{ id: recordId() }])
      await expect(zones.commit(commit)).rejects.toThrow(EngineUnreachable)
      await expect(zones.head(zone)).rejects.toThrow(EngineUnreachable)
      await expect(commitOne()).rejects.toThrow(EngineUnreachable)
      expect(acknowledged).toHaveLength(before)
    })

    it('have everything that was acknowledged when they are back, and go on', {
      timeout: START_MS,
    }, async () => {
      await Promise.all([cluster.nodes[1]!.start(), cluster.nodes[2]!.start()])
      await vi.waitFor(commitOne, WITHIN)
      // Those that missed some have to do without the one that has all.
      await cluster.nodes[0]!.stop('killed')
      await vi.waitFor(expectAll, WITHIN)
      await vi.waitFor(commitOne, WITHIN)
      await expectAll()
    })
  },
)
