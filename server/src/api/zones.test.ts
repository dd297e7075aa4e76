/** Zones over HTTP: SRV-20 to SRV-39 in docs/spec/protocol.md. */

import { toHex } from '@pileus/core/bytes/hex'
import { addToSet, emptySetHash, setDigest } from '@pileus/core/crypto/lthash'
import { nodeCrypto } from '@pileus/core/crypto/node'
import { idBytes, idFromBytes, randomId } from '@pileus/core/ids/ids'
import type { ChangesPage } from '@pileus/core/protocol/changes'
import type { PushOutcome, PushRequest, PushResponse } from '@pileus/core/protocol/push'
import { verifyBatch } from '@pileus/core/records/batch'
import { encodeFacts } from '@pileus/core/records/facts'
import { decodeSteps, type Figure } from '@pileus/core/records/figure'
import { buildRefs, refsRoot } from '@pileus/core/records/refs-root'
import { leafOf } from '@pileus/core/records/seal'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type RunningServer, startServer } from '../start.ts'
import {
  ask,
  get,
  newChunks,
  newZone,
  type Person,
  packOf,
  pushOf,
  putPack,
  random,
  refusal,
  signUp,
  type TestZone,
} from './fixtures.ts'

let server: RunningServer
let url: string
let ana: Person
let ben: Person
let zone: TestZone

beforeAll(async () => {
  server = await startServer({ data: 'memory', port: 0 })
  url = server.url
  ana = await signUp(url, 'ana')
  ben = await signUp(url, 'ben')
})
afterAll(() => server.close())
beforeEach(async () => {
  zone = await newZone(ana)
})

const push = (request: PushRequest, token = ana.token): Promise<PushResponse> =>
  get(url, 'push', { token, message: request })
const changes = (query: Record<string, string | number> = {}): Promise<ChangesPage> =>
  get(url, 'changes', { token: ana.token, params: { zone: zone.zone }, query })
const record = () => randomId('record', random)
const kinds = (outcomes: readonly PushOutcome[]) => outcomes.map(({ outcome }) => outcome)

describe('pushing', () => {
  it('gives records the next sequence numbers and moves the head with chain and set hash', async () => {
    const request = pushOf(ana, zone, [{}, {}, {}])
    const { outcomes, head } = await push(request)
    expect(outcomes).toEqual([1, 2, 3].map((sequence) => ({ outcome: 'accepted', sequence })))
    const state = emptySetHash()
    for (const { record } of request.records) addToSet(nodeCrypto, state, idBytes(leafOf(nodeCrypto, record)))
    expect(head).toMatchObject({ sequence: 3, incarnation: 1, setHash: setDigest(nodeCrypto, state) })
    expect(await get(url, 'zone', { token: ana.token, params: { zone: zone.zone } })).toEqual(head)
  })

  it('answers a repeated batch from the store with the same bytes, and refuses its id for other bytes', async () => {
    const request = pushOf(ana, zone, [{}])
    const asked = { token: ana.token, message: request }
    const first = await ask(url, 'push', asked)
    await push(pushOf(ana, zone, [{}]))
    const again = await ask(url, 'push', asked)
    expect(again.status).toBe(200)
    expect(Buffer.compare(again.bytes, first.bytes)).toBe(0)
    const { head } = await changes()
    expect(head.sequence).toBe(2)
  })

  it('refuses an Idempotency-Key that is not the batch id', async () => {
    const message = pushOf(ana, zone, [{}])
    const headers = { 'idempotency-key': randomId('batch', random) }
    expect(await refusal(url, 'push', { token: ana.token, message, headers })).toBe('400 malformed-request')
  })

  it('accepts what dominates, and answers the rest with the stored record', async () => {
    const id = record()
    const [a, b] = [ana.writer, randomId('writer', random)]
    const first = pushOf(ana, zone, [{ id, vector: { [a]: 1 } }])
    await push(first)
    const concurrent = await push(pushOf(ana, zone, [{ id, vector: { [b]: 1 } }, {}]))
    expect(concurrent.outcomes).toEqual([
      { outcome: 'stale', sequence: 1, current: first.records[0]!.record },
      { outcome: 'accepted', sequence: 2 },
    ])
    const joined = await push(pushOf(ana, zone, [{ id, vector: { [a]: 1, [b]: 1 } }]))
    expect(kinds(joined.outcomes)).toEqual(['accepted'])
  })

  it('answers the same bytes of a record as before, in another batch and after it was replaced', async () => {
    const id = record()
    const first = pushOf(ana, zone, [{ id, vector: { [ana.writer]: 1 } }])
    await push(first)
    const sealed = first.records[0]!.record
    const repeat = { outcome: 'accepted', sequence: 1 }
    expect((await push(pushOf(ana, zone, [{ sealed }]))).outcomes).toEqual([repeat])
    await push(pushOf(ana, zone, [{ id, vector: { [ana.writer]: 2 } }]))
    const { outcomes, head } = await push(pushOf(ana, zone, [{ sealed }]))
    expect(outcomes).toEqual([repeat])
    expect(head.sequence).toBe(2)
  })

  it('refuses a version that exists with other bytes, and changes nothing', async () => {
    const id = record()
    await push(pushOf(ana, zone, [{ id, vector: { [ana.writer]: 1 } }]))
    const request = pushOf(ana, zone, [{}, { id, vector: { [ana.writer]: 1 }, name: 'another' }])
    expect(await refusal(url, 'push', { token: ana.token, message: request })).toBe('422 seal-refused')
    expect((await changes()).head.sequence).toBe(1)
  })

  it('takes a group whole or not at all', async () => {
    const id = record()
    await push(pushOf(ana, zone, [{ id, vector: { [ana.writer]: 5 } }]))
    const stale = { id, vector: { [ana.writer]: 4 } }
    const { outcomes } = await push(
      pushOf(ana, zone, [{ group: 1 }, { ...stale, group: 1 }, { group: 2 }, {}]),
    )
    expect(kinds(outcomes)).toEqual(['group', 'stale', 'accepted', 'accepted'])
  })

  it('leaves no trace of a batch of which nothing was accepted', async () => {
    const chunks = newChunks(2, 1_000)
    const request = pushOf(ana, zone, [{ chunks: chunks.map(({ id }) => id) }])
    const missing = await push(request)
    expect(missing.outcomes).toEqual([{ outcome: 'missing', chunks: chunks.map(({ id }) => id) }])
    expect(missing.head.sequence).toBe(0)
    expect((await putPack(ana, zone.zone, packOf(chunks))).status).toBe(200)
    expect(kinds((await push(request)).outcomes)).toEqual(['accepted'])
  })

  it('looks for every chunk of a long list, through its nodes', async () => {
    const ids = newChunks(600, 8)
    const { refs, nodes } = buildRefs(
      nodeCrypto,
      ids.map(({ id }) => id),
    )
    expect(refs.depth).toBe(1)
    const root = refsRoot(nodeCrypto, refs)
    const facts = encodeFacts({
      zone: zone.zone,
      id: record(),
      vector: { [ana.writer]: 1 },
      epoch: 1,
      refsRoot: root,
    })
    const { seal } = pushOf(ana, zone, [{}]).records[0]!.record
    const request = pushOf(ana, zone, [{ sealed: { facts, seal, refs } }])
    expect((await push(request)).outcomes).toEqual([
      { outcome: 'missing', chunks: nodes.map(({ id }) => id) },
    ])
    await putPack(ana, zone.zone, packOf(nodes))
    const lacking = (await push(request)).outcomes[0] as { chunks: string[] }
    expect([...lacking.chunks].sort()).toEqual(ids.map(({ id }) => id).sort())
    await putPack(ana, zone.zone, packOf(ids))
    expect(kinds((await push(request)).outcomes)).toEqual(['accepted'])
  })

  it('refuses a changed signature, record, order, count, zone or device', async () => {
    const good = pushOf(ana, zone, [{}, {}])
    const [one, two] = good.records
    const { header, signature } = good.batch
    const bad: readonly PushRequest[] = [
      { ...good, batch: { header, signature: signature.with(3, signature[3]! ^ 1) } },
      { ...good, batch: { header: header.with(20, header[20]! ^ 1), signature } },
      { ...good, records: [two!, one!] },
      { ...good, records: [one!] },
      {
        ...good,
        records: [
          one!,
          { record: { ...two!.record, seal: two!.record.seal.with(60, two!.record.seal[60]! ^ 1) } },
        ],
      },
      {
        ...good,
        records: [one!, { record: { ...two!.record, refs: { depth: 0, ids: [newChunks(1, 9)[0]!.id] } } }],
      },
      { ...pushOf(ana, zone, [{ sealed: one!.record }, { sealed: one!.record }]) },
      { ...pushOf(ana, ana.accountZone, [{}]), zone: zone.zone },
      pushOf({ ...ana, device: ben.device }, zone, [{}]),
    ]
    for (const message of bad) {
      expect(await refusal(url, 'push', { token: ana.token, message })).toBe('422 seal-refused')
    }
    expect((await changes()).head.sequence).toBe(0)
  })

  it('lets many devices push at once and loses nothing', async () => {
    const requests = Array.from({ length: 20 }, () => pushOf(ana, zone, [{}, {}]))
    await Promise.all(requests.map((request) => push(request)))
    const page = await changes()
    expect(page.changes.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 40 }, (_, n) => n + 1))
  })

  it('works with JSON, as curl sends it', async () => {
    const { message } = await ask(url, 'push', {
      token: ana.token,
      message: pushOf(ana, zone, [{}]),
      format: 'json',
    })
    expect(message).toMatchObject({ outcomes: [{ outcome: 'accepted', sequence: 1 }] })
    const page = await ask(url, 'changes', { token: ana.token, params: { zone: zone.zone }, format: 'json' })
    expect(page.headers.get('content-type')).toBe('application/json')
    expect(page.message).toMatchObject({ cursor: { sequence: 1 }, more: false })
  })
})

describe('reading', () => {
  it('returns records as they were pushed, provable by their batches', async () => {
    const request = pushOf(ana, zone, [{}, {}])
    await push(request)
    const { changes: found, batches } = await changes()
    expect(found.map(({ record }) => record)).toEqual(request.records.map(({ record }) => record))
    expect(batches).toHaveLength(1)
    const { leaves, signed } = batches[0]!
    const digests = [0, 1].map((n) => idFromBytes('digest', leaves.subarray(32 * n, 32 * n + 32)))
    verifyBatch(nodeCrypto, signed, ana.device.publicKey, digests)
    expect(found.map(({ record, leaf }) => leafOf(nodeCrypto, record) === digests[leaf])).toEqual([
      true,
      true,
    ])
  })

  it('goes on from a cursor, in pages, to current versions only', async () => {
    const id = record()
    await push(pushOf(ana, zone, [{ id, vector: { [ana.writer]: 1 } }, {}, {}]))
    await push(pushOf(ana, zone, [{ id, vector: { [ana.writer]: 2 } }]))
    const first = await changes({ limit: 2 })
    expect(first.changes.map(({ sequence }) => sequence)).toEqual([2, 3])
    expect(first).toMatchObject({ more: true, cursor: { sequence: 3 } })
    const { incarnation, sequence, chain } = first.cursor
    const rest = await changes({ incarnation, after: sequence, chain, limit: 2 })
    expect(rest.changes.map((change) => change.sequence)).toEqual([4])
    expect(rest).toMatchObject({ more: false, cursor: { sequence: 4, chain: rest.head.chain } })
    const { cursor } = rest
    const none = await changes({
      incarnation: cursor.incarnation,
      after: cursor.sequence,
      chain: cursor.chain,
    })
    expect(none).toMatchObject({ changes: [], batches: [], more: false, cursor })
  })

  it('takes its own cursor of an empty zone back', async () => {
    const { cursor } = await changes()
    const again = await changes({ incarnation: cursor.incarnation, after: 0, chain: cursor.chain })
    expect(again.cursor).toEqual(cursor)
  })

  it('takes a cursor it never gave as proof that it was set back, and raises the incarnation', async () => {
    await push(pushOf(ana, zone, [{}]))
    const { cursor } = await changes()
    const asked = (query: Record<string, string | number>) =>
      refusal(url, 'changes', { token: ana.token, params: { zone: zone.zone }, query })
    const chain = toHex(random(32))
    expect(await asked({ incarnation: 1, after: 1, chain })).toBe('410 cursor-unknown')
    expect((await changes()).head.incarnation).toBe(2)
    expect(await asked({ incarnation: 1, after: 1, chain: cursor.chain })).toBe('410 cursor-unknown')
    expect((await changes()).head.incarnation).toBe(2)
    expect(await asked({ incarnation: 2, after: 9, chain })).toBe('410 cursor-unknown')
    expect((await changes()).head.incarnation).toBe(3)
  })

  it('takes no batch whose device saw what the zone never had (REC-14)', async () => {
    await push(pushOf(ana, zone, [{}]))
    const { cursor, head } = await changes()
    const told = (seen: Figure) =>
      refusal(url, 'push', { token: ana.token, message: pushOf(ana, zone, [{}], seen) })
    const figure = { ...cursor, setHash: head.setHash }
    await push(pushOf(ana, zone, [{}], figure))
    expect(await told({ ...figure, incarnation: 2 })).toBe('410 cursor-unknown')
    expect((await changes()).head).toMatchObject({ incarnation: 1, sequence: 2 })
    expect(await told({ ...figure, sequence: 2 })).toBe('410 cursor-unknown')
    expect((await changes()).head).toMatchObject({ incarnation: 2, sequence: 2 })
    await push(pushOf(ana, zone, [{}], { ...figure, incarnation: 2 }))
  })

  it('tells which version took the place of which (SRV-65)', async () => {
    const id = record()
    const requests = [1, 2].map((counter) => pushOf(ana, zone, [{ id, vector: { [ana.writer]: counter } }]))
    for (const request of requests) await push(request)
    const [oldLeaf, newLeaf] = requests.map(({ records }) => leafOf(nodeCrypto, records[0]!.record))
    const query = { incarnation: 1, after: 1, to: 2 }
    const asked = { token: ana.token, params: { zone: zone.zone } }
    const { steps } = await get(url, 'steps', { ...asked, query })
    expect(decodeSteps(steps, 1)).toEqual([{ sequence: 2, record: id, oldLeaf, newLeaf }])
    expect((await get(url, 'steps', { ...asked, query: { ...query, after: 2 } })).steps).toHaveLength(0)
    for (const wrong of [{ to: 3 }, { after: 3 }, { incarnation: 2 }]) {
      expect(await refusal(url, 'steps', { ...asked, query: { ...query, ...wrong } })).toBe(
        '410 cursor-unknown',
      )
    }
  })

  it("shows a record's history, newest first", async () => {
    const id = record()
    const requests = [1, 2, 3].map((counter) =>
      pushOf(ana, zone, [{ id, vector: { [ana.writer]: counter } }]),
    )
    for (const request of requests) await push(request)
    const params = { zone: zone.zone, record: id }
    const page = await get(url, 'history', { token: ana.token, params })
    expect(page.versions.map(({ sequence }) => sequence)).toEqual([3, 2, 1])
    expect(page.versions[2]!.record).toEqual(requests[0]!.records[0]!.record)
    expect(page).toMatchObject({ next: null })
    expect(page.batches).toHaveLength(3)
    const older = await get(url, 'history', { token: ana.token, params, query: { before: 3 } })
    expect(older.versions.map(({ sequence }) => sequence)).toEqual([2, 1])
    const unknown = { zone: zone.zone, record: record() }
    expect((await get(url, 'history', { token: ana.token, params: unknown })).versions).toEqual([])
  })

  it('remembers how far a device has read', async () => {
    await push(pushOf(ana, zone, [{}]))
    const { cursor } = await changes()
    await changes({ incarnation: cursor.incarnation, after: cursor.sequence, chain: cursor.chain })
    expect(await server.engines.zones.syncState(zone.zone, ana.device.id)).toMatchObject({ sequence: 1 })
  })
})

describe("other people's zones", () => {
  it('and zones that do not exist are answered alike, wherever they are named', async () => {
    await push(pushOf(ana, zone, [{}]))
    const nowhere = idFromBytes('zone', random(32))
    for (const id of [zone.zone, nowhere]) {
      const asked = {
        token: ben.token,
        params: { zone: id, record: record(), chunk: newChunks(1, 1)[0]!.id },
      }
      for (const name of ['zone', 'log', 'writers', 'changes', 'history', 'chunk'] as const) {
        expect(await refusal(url, name, asked)).toBe('404 not-found')
      }
      const ids = [newChunks(1, 1)[0]!.id]
      expect(await refusal(url, 'missing', { ...asked, message: { ids } })).toBe('404 not-found')
      expect(await refusal(url, 'fetch', { ...asked, message: { ids } })).toBe('404 not-found')
      const entry = { ...asked, message: { entry: random(50) } }
      expect(await refusal(url, 'appendLog', entry)).toBe('404 not-found')
      const message = pushOf(ben, { ...zone, zone: id, keys: { ...zone.keys, zone: id } }, [{}])
      expect(await refusal(url, 'push', { token: ben.token, message })).toBe('404 not-found')
      const { status, message: problem } = await putPack(ben, id, packOf(newChunks(1, 10)))
      expect({ status, problem }).toMatchObject({ status: 404, problem: { code: 'not-found' } })
    }
  })

  it('are not created by whoever has their first entry', async () => {
    const [genesis] = (await get(url, 'log', { token: ana.token, params: { zone: zone.zone } })).entries
    expect(await refusal(url, 'createZone', { token: ben.token, message: { genesis } })).toBe(
      '403 not-allowed',
    )
    expect((await get(url, 'createZone', { token: ana.token, message: { genesis } })).zone).toBe(zone.zone)
  })
})
