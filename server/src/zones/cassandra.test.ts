/** What only Cassandra has to get right: servers that race, servers that die between two steps, and a cluster unfit for use. */
import type { ZoneId } from '@pileus/core/ids/ids'
import { withEngine } from '@pileus/engines/in-tests'
import cassandra from 'cassandra-driver'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  CassandraDatabase,
  type CassandraOptions,
  type Statement,
  TransactionUncertain,
} from '../cassandra/database.ts'
import { testKeyspace } from '../cassandra/fixtures.ts'
import { openCassandra } from '../cassandra/open.ts'
import { blob } from '../columns.ts'
import { EngineUnusable } from '../engine-errors.ts'
import { ZONES_TABLES } from './cassandra/schema.ts'
import { cassandraZones, zonesIn } from './cassandra.ts'
import { chunkId, commitOf, newHead, packId, recordId, zoneId } from './fixtures.ts'
import type { Commit, Zones } from './zones.ts'

const MUCH = 10_000_000

await withEngine('cassandra', 'zones of several servers on Cassandra', (engine) => {
  const keyspace = testKeyspace(engine)
  const table = (name: string) => `${keyspace.options.keyspace}.${name}`
  let one: Zones
  let two: Zones
  let zone: ZoneId
  beforeAll(async () => {
    // At the same time, on a keyspace that is not there yet.
    ;[one, two] = await Promise.all([cassandraZones(keyspace.options), cassandraZones(keyspace.options)])
  })
  afterAll(async () => {
    await one?.close()
    await two?.close()
  })
  beforeEach(async () => {
    zone = zoneId()
    await one.create({ zone, genesis: Uint8Array.of(1), head: newHead() })
  })

  /** Commits one record as the rules do: on the head as it is, again and again until it was not moved. */
  async function commitSoon(zones: Zones, records = 1): Promise<Commit> {
    for (;;) {
      const wanted = Array.from({ length: records }, () => ({ id: recordId() }))
      const commit = commitOf(zone, (await zones.head(zone))!, wanted)
      if ((await zones.commit(commit)) === 'committed') return commit
    }
  }

  const changesOf = async (zones: Zones, after = 0) =>
    (await zones.changes(zone, after, 1_000, MUCH))!.versions

  describe(`two servers on ${engine.title}`, () => {
    it('create a zone once', async () => {
      const other = { zone: zoneId(), genesis: Uint8Array.of(7), head: newHead() }
      const results = await Promise.all([one, two, one, two].map((zones) => zones.create(other)))
      expect(results.toSorted()).toEqual(['created', 'exists', 'exists', 'exists'])
    })

    it('commit to one zone at the same time: every commit once, no sequence number twice', async () => {
      const commits: Commit[] = []
      await Promise.all(
        [one, two, one, two].map(async (zones) => {
          for (let n = 0; n < 5; n++) commits.push(await commitSoon(zones, 3))
        }),
      )
      const expected = commits.flatMap(({ versions }) => versions).sort((a, b) => a.sequence - b.sequence)
      expect(expected.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1))
      for (const zones of [one, two]) {
        expect(await changesOf(zones)).toEqual(expected)
        expect((await zones.steps(zone, 0, 60, 100)).map(({ newLeaf }) => newLeaf)).toEqual(
          expected.map(({ leaf }) => leaf),
        )
      }
      for (const { batches } of commits) expect(await two.batch(zone, batches[0]!.id)).toEqual(batches[0])
    })

    it('count the bytes of every commit and pack once', async () => {
      const packs = Array.from({ length: 4 }, packId)
      const place = (pack: (typeof packs)[number]) => [{ chunk: chunkId(), pack, offset: 41, length: 64 }]
      const [commits, added] = await Promise.all([
        Promise.all([commitSoon(one), commitSoon(two), commitSoon(one)]),
        Promise.all(
          packs.flatMap((pack) => [one, two].map((zones) => zones.addPack(zone, pack, 1_000, place(pack)))),
        ),
      ])
      expect(added.filter(Boolean)).toHaveLength(4)
      const bytes = commits.reduce((sum, { addedBytes }) => sum + addedBytes, 0)
      expect((await one.head(zone))!.storedBytes).toBe(bytes + 4_000)
    })

    it('give back the bytes of a pruned version once', async () => {
      const id = recordId()
      const first = commitOf(zone, (await one.head(zone))!, [{ id }], 1_000)
      await one.commit(first)
      const second = commitOf(zone, (await one.head(zone))!, [{ id, old: first.versions[0]!.leaf }], 2_000)
      await two.commit(second)
      const pruned = await Promise.all([one, two, one].map((zones) => zones.prune(zone, 3_000, 10)))
      expect(pruned.toSorted()).toEqual([0, 0, 1])
      expect((await two.head(zone))!.storedBytes).toBe(second.addedBytes)
      expect(await changesOf(one)).toEqual(second.versions)
    })
  })

  describe(`a server that died on ${engine.title}`, () => {
    const bucket = 1
    const at = () => [blob(zone), bucket]
    /** A server that comes anew and knows nothing of what was done. */
    async function newcomer<T>(work: (zones: Zones) => Promise<T>): Promise<T> {
      const zones = await cassandraZones(keyspace.options)
      try {
        return await work(zones)
      } finally {
        await zones.close()
      }
    }

    it('before its commit: nobody ever sees its rows, whoever takes their sequence numbers', async () => {
      const base = await commitSoon(one)
      const lost = commitOf(zone, (await one.head(zone))!, [{ id: recordId() }, { id: recordId() }])
      const dead = blob('dd'.repeat(16))
      for (const [index, { sequence, id, record, leaf, batch }] of lost.versions.entries()) {
        await keyspace.execute(
          `INSERT INTO ${table('versions')} (zone, bucket, sequence, commit, record, facts, seal, refs_depth, refs, leaf,
             batch_id, leaf_index, stored_at) VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, 1000)`,
          [
            ...[...at(), sequence, dead, blob(id), Buffer.from(record.facts), Buffer.from(record.seal)],
            ...[Buffer.alloc(0), blob(leaf), blob(batch), index],
          ],
        )
        await keyspace.execute(
          `INSERT INTO ${table('steps')} (zone, bucket, sequence, commit, record, new_leaf, chain) VALUES (?, ?, ?, ?, ?, ?, ?)`,
          [...at(), sequence, dead, blob(id), blob(leaf), blob(leaf)],
        )
      }
      const { id: batch, signed, leaves, outcome, sequence } = lost.batches[0]!
      await keyspace.execute(
        `INSERT INTO ${table('batches')} (zone, id, commit, header, signature, leaves, outcome, sequence, bucket)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        [
          ...[blob(zone), blob(batch), dead, Buffer.from(signed.header), Buffer.from(signed.signature)],
          ...[Buffer.from(leaves), Buffer.from(outcome), sequence, bucket],
        ],
      )
      const unseen = async (expected: readonly Commit[]) => {
        const versions = expected.flatMap((commit) => commit.versions)
        expect(await changesOf(two)).toEqual(versions)
        expect(await two.batch(zone, batch)).toBeUndefined()
        expect(await two.find(zone, lost.versions[0]!.id, lost.versions[0]!.leaf)).toBeUndefined()
        expect(await two.version(zone, 2)).toEqual(versions[1])
        expect(await two.chainAt(zone, 2)).toBe(expected.flatMap(({ steps }) => steps)[1]?.chain)
      }
      await unseen([base])
      const next = await commitSoon(two)
      await unseen([base, next])
      await unseen([base, next, await commitSoon(one, 2)])
    })

    it('after its commit, before the indexes: whoever comes next completes them', async () => {
      const id = recordId()
      const first = commitOf(zone, (await one.head(zone))!, [{ id }], 1_000)
      await one.commit(first)
      const second = commitOf(zone, (await one.head(zone))!, [{ id, old: first.versions[0]!.leaf }], 2_000)
      await one.commit(second)
      const part = Number.parseInt(id.slice(0, 2), 16) % 64
      const forget = async () => {
        await keyspace.execute(
          `DELETE FROM ${table('fates')} WHERE zone = ? AND bucket = ? AND last = 2`,
          at(),
        )
        await keyspace.execute(
          `DELETE FROM ${table('records')} WHERE zone = ? AND part = ? AND record = ? AND sequence = 2`,
          [blob(zone), part, blob(id)],
        )
        await keyspace.execute(`DELETE FROM ${table('replaced')} WHERE zone = ? AND week = 0`, [blob(zone)])
        await keyspace.execute(
          `DELETE replaced_by FROM ${table('versions')} WHERE zone = ? AND bucket = ? AND sequence = 1 AND commit = ?`,
          [...at(), await commitIdAt(1)],
        )
      }
      await forget()
      expect(await newcomer((zones) => changesOf(zones))).toEqual(second.versions)
      await forget()
      expect((await newcomer((zones) => zones.current(zone, [id]))).get(id)?.sequence).toBe(2)
      await forget()
      expect(await newcomer((zones) => zones.version(zone, 2))).toEqual(second.versions[0])
      await forget()
      expect(await newcomer((zones) => zones.batch(zone, second.batches[0]!.id))).toEqual(second.batches[0])
      await forget()
      const third = await newcomer(async (zones) => {
        const commit = commitOf(
          zone,
          (await zones.head(zone))!,
          [{ id, old: second.versions[0]!.leaf }],
          3_000,
        )
        expect(await zones.commit(commit)).toBe('committed')
        return commit
      })
      expect(await one.history(zone, id, MUCH, 10, MUCH)).toEqual(
        [third, second, first].flatMap(({ versions }) => versions),
      )
      expect(await one.prune(zone, 9_999, 10)).toBe(2)
    })

    it('after its pack was counted, before its row: the pack counts once and becomes readable', async () => {
      const pack = packId()
      const place = { chunk: chunkId(), pack, offset: 41, length: 64 }
      await one.addPack(zone, pack, 1_000, [place])
      const row = [blob(zone), Number.parseInt(pack.slice(0, 2), 16), blob(pack)]
      await keyspace.execute(`DELETE FROM ${table('packs')} WHERE zone = ? AND part = ? AND pack = ?`, row)
      expect(await newcomer((zones) => zones.locate(zone, [place.chunk]))).toEqual(new Map())
      await newcomer((zones) => zones.addPack(zone, pack, 1_000, [place]))
      expect((await newcomer((zones) => zones.locate(zone, [place.chunk]))).get(place.chunk)).toEqual(place)
      expect((await two.head(zone))!.storedBytes).toBe(1_000)
    })

    async function commitIdAt(sequence: number): Promise<unknown> {
      const [row] = await keyspace.execute(
        `SELECT commit FROM ${table('versions')} WHERE zone = ? AND bucket = ? AND sequence = ?`,
        [...at(), sequence],
      )
      return row!.commit
    }
  })

  describe(`a transaction whose answer was lost on ${engine.title}`, () => {
    /** Answers of transactions get lost as `lose` says, whether they were applied or not. */
    class Lossy extends CassandraDatabase {
      lose: (apply: () => Promise<boolean>) => Promise<boolean> = (apply) => apply()
      override transact(statements: readonly Statement[]): Promise<boolean> {
        return this.lose(() => super.transact(statements))
      }
    }
    let lossy: Lossy
    let zones: Zones
    beforeAll(async () => {
      const { contactPoints, dataCenter, keyspace: name, user, password } = keyspace.options
      const client = new cassandra.Client({
        contactPoints: [...contactPoints],
        localDataCenter: dataCenter,
        keyspace: name,
        credentials: { username: user!, password: password! },
      })
      await client.connect()
      lossy = new Lossy(client, 'local')
      zones = zonesIn(lossy)
    })
    afterAll(() => zones?.close())
    const once = (fault: (apply: () => Promise<boolean>) => Promise<unknown>) => {
      lossy.lose = async (apply) => {
        lossy.lose = (again) => again()
        await fault(apply)
        throw new TransactionUncertain('lost')
      }
    }
    const newCommit = async () => commitOf(zone, (await one.head(zone))!, [{ id: recordId() }])

    it('is recognised as done', async () => {
      const commit = await newCommit()
      once((apply) => apply())
      expect(await zones.commit(commit)).toBe('committed')
      expect(await changesOf(two)).toEqual(commit.versions)
    })

    it('is done again where it had not happened', async () => {
      const commit = await newCommit()
      once(async () => undefined)
      expect(await zones.commit(commit)).toBe('committed')
      expect(await changesOf(two)).toEqual(commit.versions)
    })

    it('is recognised as done under what others did since', async () => {
      const commit = await newCommit()
      let later: Commit
      once(async (apply) => {
        await apply()
        later = await commitSoon(two)
      })
      expect(await zones.commit(commit)).toBe('committed')
      expect(await changesOf(one)).toEqual([...commit.versions, ...later!.versions])
    })

    it('is given up where others were faster', async () => {
      const commit = await newCommit()
      let faster: Commit
      once(async () => {
        faster = await commitSoon(two)
      })
      expect(await zones.commit(commit)).toBe('moved')
      expect(await changesOf(one)).toEqual(faster!.versions)
    })

    it('creates a zone, counts a pack and gives back bytes once', async () => {
      const other = zoneId()
      once((apply) => apply())
      expect(await zones.create({ zone: other, genesis: Uint8Array.of(1), head: newHead() })).toBe('created')
      const pack = packId()
      once((apply) => apply())
      expect(
        await zones.addPack(other, pack, 500, [{ chunk: chunkId(), pack, offset: 41, length: 64 }]),
      ).toBe(true)
      expect((await one.head(other))!.storedBytes).toBe(500)
      const id = recordId()
      const first = commitOf(other, (await one.head(other))!, [{ id }])
      await one.commit(first)
      const second = commitOf(other, (await one.head(other))!, [{ id, old: first.versions[0]!.leaf }])
      await one.commit(second)
      once((apply) => apply())
      expect(await zones.prune(other, 9_999, 10)).toBe(1)
      expect((await one.head(other))!.storedBytes).toBe(500 + second.addedBytes)
    })
  })

  describe('a Cassandra cluster that cannot be used', () => {
    const sentenceFor = async (wrong: Partial<CassandraOptions>): Promise<string> => {
      const failure = await cassandraZones({ ...keyspace.options, ...wrong }).then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(failure).toBeInstanceOf(EngineUnusable)
      return (failure as Error).message
    }

    it('with a wrong password', async () => {
      expect(await sentenceFor({ password: 'wrong' })).toMatch(
        /refuses the user "cassandra" with this password; correct PILEUS_CASSANDRA_USER and PILEUS_CASSANDRA_PASSWORD$/,
      )
    })

    it('in another data centre', async () => {
      expect(await sentenceFor({ dataCenter: 'elsewhere' })).toMatch(
        /it has no data centre "elsewhere" but .*datacenter1.*; correct PILEUS_CASSANDRA_DATA_CENTER$/,
      )
    })

    it('with too few nodes for the copies, and with other copies than asked for', async () => {
      expect(await sentenceFor({ replication: { datacenter1: 3 }, keyspace: 'too_many' })).toBe(
        'cannot use the Cassandra cluster: PILEUS_CASSANDRA_REPLICATION asks for 3 copies in the data centre ' +
          '"datacenter1", which has 1 nodes; add nodes, or ask for fewer copies',
      )
      await keyspace.execute(
        `CREATE KEYSPACE other WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 2}`,
      )
      expect(await sentenceFor({ keyspace: 'other' })).toMatch(
        /it keeps datacenter1:2 copies, and PILEUS_CASSANDRA/,
      )
    })

    it('with a keyspace that would lose what it acknowledged', async () => {
      await keyspace.execute(
        `CREATE KEYSPACE loose WITH replication = {'class': 'NetworkTopologyStrategy', 'datacenter1': 1}
         AND durable_writes = false`,
      )
      expect(await sentenceFor({ keyspace: 'loose' })).toMatch(/its durable_writes is off, so it would lose/)
    })

    it('out of reach', async () => {
      expect(await sentenceFor({ contactPoints: ['127.0.0.1:1'] })).toMatch(
        /^cannot reach the Cassandra cluster at 127\.0\.0\.1:1: .*ECONNREFUSED.*; start it, or correct/,
      )
    })

    it('with tables that a newer server made', async () => {
      const newer = [...ZONES_TABLES, ['CREATE TABLE IF NOT EXISTS newer (id blob PRIMARY KEY)']]
      await (await openCassandra(keyspace.options, 'zones', newer)).close()
      expect(await sentenceFor({})).toContain(
        `its zones are of version ${newer.length}, made by a newer Pileus; this one knows up to ${ZONES_TABLES.length}`,
      )
    })
  })
})
