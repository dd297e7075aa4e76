/** Who is told where chunks rest: SRV-49 in docs/spec/protocol.md. */
import { parseId } from '@pileus/core/ids/ids'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BlobKey } from '../blobs/blobs.ts'
import { type RunningServer, startServer } from '../start.ts'
import {
  ask,
  get,
  newChunks,
  newZone,
  type Person,
  packOf,
  putPack,
  refusal,
  signUp,
  type TestZone,
} from './fixtures.ts'

const SIGNATURE = 'X-Amz-Signature=0123456789abcdef'
const addressOf = ({ zone, object }: BlobKey) => `https://store.example/${zone}/${object}?${SIGNATURE}`
const chunks = newChunks(3, 40_000)
const ids = chunks.map(({ id }) => id)
const logged: string[] = []

describe('a server whose store gives addresses', () => {
  let server: RunningServer
  let ana: Person
  let zone: TestZone
  const asked = (who: Person, of = zone, wanted: readonly string[] = ids) => ({
    token: who.token,
    params: { zone: of.zone },
    message: { ids: [...wanted] },
  })
  beforeAll(async () => {
    server = await startServer({
      data: 'memory',
      port: 0,
      logLevel: 'debug',
      logTo: { write: (line) => void logged.push(line) },
      wrap: (engines) => ({
        ...engines,
        blobs: { ...engines.blobs, directRead: async (key) => addressOf(key) },
      }),
    })
    ana = await signUp(server.url, 'ana')
    zone = await newZone(ana)
  })
  afterAll(() => server.close())

  it('tells the pack’s address and where in it each chunk is, by offset, once each', async () => {
    const packed = packOf(chunks)
    await putPack(ana, zone.zone, packed)
    const { packs } = await get(server.url, 'directReads', asked(ana, zone, [...ids.toReversed(), ids[0]!]))
    expect(packs).toHaveLength(1)
    expect(packs[0]!.address).toBe(addressOf({ zone: zone.zone, object: packed.pack }))
    expect(packs[0]!.chunks.map(({ id }) => id)).toEqual(ids)
    for (const { id, offset, length } of packs[0]!.chunks) {
      const chunk = chunks.find((one) => one.id === id)!
      expect(Buffer.compare(packed.bytes.subarray(offset, offset + length), chunk.bytes)).toBe(0)
    }
  })

  it('tells chunks of several packs apart, also as JSON', async () => {
    const other = newChunks(1, 20_000)
    await putPack(ana, zone.zone, packOf(other))
    const question = asked(ana, zone, [...ids, other[0]!.id])
    const { packs } = await get(server.url, 'directReads', { ...question, format: 'json' })
    expect(packs.map(({ chunks: held }) => held.length).sort()).toEqual([1, 3])
  })

  it('names the chunks that the zone lacks, and tells nothing', async () => {
    const unknown = parseId('chunk', 'ab'.repeat(32))
    const { status, message } = await ask(server.url, 'directReads', asked(ana, zone, [...ids, unknown]))
    expect({ status, message }).toMatchObject({ status: 404, message: { code: 'not-found', ids: [unknown] } })
  })

  it('tells nobody but members with a session (SRV-3, SRV-5)', async () => {
    const eve = await signUp(server.url, 'eve')
    expect(await refusal(server.url, 'directReads', asked(eve))).toBe('404 not-found')
    const { token: _, ...nobody } = asked(ana)
    expect(await refusal(server.url, 'directReads', nobody)).toBe('401 not-signed-in')
    // The chunks of one zone are none of another's, whoever asks.
    expect(await refusal(server.url, 'directReads', asked(ana, await newZone(ana)))).toBe('404 not-found')
  })

  it('writes no address into its log (SRV-8)', () => {
    expect(logged.join('')).toContain('/api/v1/zones/:zone/chunks/direct')
    expect(logged.join('')).not.toContain('Signature')
    expect(logged.join('')).not.toContain('store.example')
  })
})

it('a server whose store gives none says so, without looking', async () => {
  const server = await startServer({ data: 'memory', port: 0 })
  try {
    const ana = await signUp(server.url, 'ana')
    const { zone } = await newZone(ana)
    const asked = { token: ana.token, params: { zone }, message: { ids } }
    expect(await get(server.url, 'directReads', asked)).toEqual({ packs: [] })
  } finally {
    await server.close()
  }
})
