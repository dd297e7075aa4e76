/**
 * Attack classes 5 to 9: what the server stores and sends is flipped, swapped, dropped or put together anew. No file on
 * the disk is touched by it, and all syncs as soon as the server is honest.
 */

import type { Calls } from '@pileus/client/remote/calls'
import { encodePack } from '@pileus/core/content/pack'
import { nodeCrypto } from '@pileus/core/crypto/node'
import { idBytes, idFromBytes, parseId } from '@pileus/core/ids/ids'
import { flipBit, seededRandom } from '@pileus/core/keys/fixtures'
import type { ChangesPage } from '@pileus/core/protocol/changes'
import { describe, expect, it } from 'vitest'
import { noise, type Site, setScene } from '../scenarios/scene.ts'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { aboutChanges, consistent, expectRefused, lieTo } from './tampering.ts'

const home = await createHome(chanceOf(11), 2)
let seed = 100

type Record = ChangesPage['changes'][number]['record']

/** a has three files to tell of; b has one of its own and has heard of nothing. */
async function untold() {
  const scene = await setScene(home, ++seed, 2)
  const [a, b] = scene.sites
  a.put('one', 'first')
  a.put('two', 'second')
  a.write('large', noise(seed, 3_000_000))
  b.put('mine', 'm')
  await a.sync()
  return { ...scene, a, b }
}

/** b is shown these records in place of the true ones, under a head that fits them; refuses; and goes on afterwards. */
async function expectRecordsRefused(
  change: (records: readonly Record[]) => readonly Record[],
  why = /refused|does not tell the truth|data is not this account's/,
): Promise<void> {
  const { a, b, zone, settle } = await untold()
  const honest = lieTo(
    b,
    aboutChanges(zone, (page) => {
      const records = change(page.changes.map(({ record }) => record))
      return consistent({
        ...page,
        changes: page.changes.map((one, n) => ({ ...one, record: records[n]! })),
      })
    }),
  )
  await expectRefused(b, why)
  honest()
  await settle(b, a)
  expect(b.show()).toEqual(a.show())
  expect(Object.keys(b.show()).sort()).toEqual(['large', 'mine', 'one', 'two'])
}

describe('attack 5: flipped bits', () => {
  it.each([
    ['at the beginning of a seal', 10],
    ['in its wrapped key', 100],
    ['in its ciphertext', 700],
  ])('%s', async (_, bit) => {
    await expectRecordsRefused((records) =>
      records.map((record, n) => (n === 1 ? { ...record, seal: flipBit(record.seal, bit) } : record)),
    )
  })

  it('in a signature, a batch header or its leaves', async () => {
    const { a, b, zone, settle } = await untold()
    const [signature, header, leaves] = [
      (batch: ChangesPage['batches'][number]) => ({
        ...batch,
        signed: { ...batch.signed, signature: flipBit(batch.signed.signature, 7) },
      }),
      (batch: ChangesPage['batches'][number]) => ({
        ...batch,
        signed: { ...batch.signed, header: flipBit(batch.signed.header, 900) },
      }),
      (batch: ChangesPage['batches'][number]) => ({ ...batch, leaves: flipBit(batch.leaves, 300) }),
    ]
    for (const flip of [signature, header, leaves]) {
      const honest = lieTo(
        b,
        aboutChanges(zone, (page) => ({ ...page, batches: page.batches.map(flip!) })),
      )
      await expectRefused(b, /refused|data is not/)
      honest()
    }
    await settle(b, a)
    expect(b.show()).toEqual(a.show())
  })
})

/** What b is sent when it fetches chunks is `change` of what it asked for. */
function lieAboutChunks(
  b: Site,
  change: (chunks: { id: string; bytes: Uint8Array }[]) => { id: string; bytes: Uint8Array }[],
): () => void {
  b.device.through = (calls): Calls => ({
    async call(name, input) {
      if (name !== 'fetch') return calls.call(name, input)
      const { ids } = (input as unknown as { body: { ids: string[] } }).body
      const rest = input as unknown as { params: { zone: string }; token: string }
      const chunks: { id: string; bytes: Uint8Array }[] = []
      for (const id of ids) {
        const parts: Uint8Array[] = []
        const one = await calls.call('chunk', {
          params: { zone: parseId('zone', rest.params.zone), chunk: parseId('chunk', id) },
          token: rest.token,
        })
        for await (const part of one) parts.push(part)
        chunks.push({ id, bytes: new Uint8Array(Buffer.concat(parts)) })
      }
      const told = change(chunks).map(({ id, bytes }) => ({ id: parseId('chunk', id), bytes }))
      return (async function* () {
        yield* encodePack(told)
      })() as never
    },
  })
  return () => {
    delete b.device.through
  }
}

describe('attack 6: chunks', () => {
  it.each([
    ['dropped', (chunks) => chunks.slice(1)],
    ['doubled', (chunks) => [chunks[0]!, chunks[0]!, ...chunks.slice(1)]],
    ['in another order', (chunks) => chunks.toReversed()],
    ['cut', (chunks) => chunks.map(({ id, bytes }) => ({ id, bytes: bytes.subarray(0, bytes.length - 1) }))],
    ['another under the same id', (chunks) => chunks.map(({ id }) => ({ id, bytes: noise(1, 200_000) }))],
    ['altered under a fitting id', (chunks) => chunks.map(({ bytes }) => forged(flipBit(bytes, 999)))],
    ['empty', () => []],
  ] satisfies [string, Parameters<typeof lieAboutChunks>[1]][])('%s', async (_, change) => {
    const { a, b, settle } = await untold()
    const honest = lieAboutChunks(b, change)
    const before = b.show()
    for (let n = 0; n < 2; n++) {
      const said = await b.sync().then(
        ({ problems }) => problems.map(({ problem }) => problem).join(),
        (error: Error) => error.message,
      )
      expect(said).not.toBe('')
      // Small files may have come whole and in order; the large one never did, in no part.
      expect(b.show()).toMatchObject(before)
      expect(b.show()).not.toHaveProperty('large')
    }
    honest()
    await settle(b, a)
    expect(b.show()).toEqual(a.show())
    expect(b.files.work.list('stash').names).toEqual([])
  })

  const forged = (bytes: Uint8Array) => ({ id: idFromBytes('chunk', nodeCrypto.sha256(bytes)), bytes })
})

describe('attack 7: names and places', () => {
  it('the seal of one file under the facts of another', () =>
    expectRecordsRefused(([one, two, ...rest]) => [
      { ...one!, seal: two!.seal },
      { ...two!, seal: one!.seal },
      ...rest,
    ]))

  it('one file in the place of another', () =>
    expectRecordsRefused(([one, two, ...rest]) => [two!, one!, ...rest]))
})

describe('attack 8: metadata', () => {
  it('altered facts: id, zone, epoch, vector', async () => {
    for (const bit of [60, 330, 480]) {
      await expectRecordsRefused(([one, ...rest]) => [{ ...one!, facts: flipBit(one!.facts, bit) }, ...rest])
    }
  })

  it('another list of chunks', () =>
    expectRecordsRefused((records) =>
      records.map((record) => ({
        ...record,
        refs: {
          ...record.refs,
          ids: record.refs.ids.map((id) => idFromBytes('chunk', flipBit(idBytes(id), 1))),
        },
      })),
    ))
})

describe('attack 9: planted files', () => {
  it('a record that no device signed, sealed without the key of the zone', async () => {
    const random = seededRandom('planted')
    await expectRecordsRefused(([one, ...rest]) => [{ ...one!, seal: random(one!.seal.length) }, ...rest])
  })

  it('a record of the same account, but of another zone', async () => {
    const other = await untold()
    const page = await home.environment.engines.zones.changes(other.zone, 0, 10, 1e9)
    const foreign = page!.versions[0]!.record
    await expectRecordsRefused(([, ...rest]) => [
      { ...foreign, refs: { ...foreign.refs, ids: [...foreign.refs.ids] } },
      ...rest,
    ])
  })

  it('below a symbolic link of the folder, by a device with every key, nothing is written through it', async () => {
    const { sites, settle } = await setScene(home, ++seed, 2)
    const [a, b] = sites
    a.put('d/inside', 'i')
    await settle(a, b)
    // Behind b's back the folder became a link to somewhere else, while a writes into the folder.
    b.files.asPerson(() => {
      b.remove('d')
      b.put('elsewhere/kept', 'k')
      b.makeLink('d', 'elsewhere')
    })
    a.put('d/inside', 'changed')
    a.put('d/new', 'n')
    await settle(a, b)
    expect(b.show()['elsewhere/kept']).toBe('k')
    expect(
      Object.keys(b.show()).filter((path) => path.startsWith('elsewhere/') && path !== 'elsewhere/'),
    ).toEqual(['elsewhere/kept'])
    expect(a.show()).toEqual(b.show())
  })
})
