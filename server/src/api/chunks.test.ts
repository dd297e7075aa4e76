/** Packs and chunks over HTTP, on the file-system and SQLite engines: SRV-40 to SRV-50 in docs/spec/protocol.md. */
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toHex } from '@pileus/core/bytes/hex'
import { FETCH_LIMITS, PACK_HEADER_BYTES, PackReader, type StoredChunk } from '@pileus/core/content/pack'
import { nodeCrypto } from '@pileus/core/crypto/node'
import type { ChunkId, PackId, ZoneId } from '@pileus/core/ids/ids'
import { decodeFacts } from '@pileus/core/records/facts'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { memoryBlobs } from '../blobs/memory.ts'
import { StorageFull } from '../engine-errors.ts'
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
  refusal,
  signUp,
  type TestZone,
} from './fixtures.ts'

const folder = mkdtempSync(join(tmpdir(), 'pileus-api-'))
let server: RunningServer
let url: string
let ana: Person
let zone: TestZone

beforeAll(async () => {
  server = await startServer({ data: folder, port: 0 })
  url = server.url
  ana = await signUp(url, 'ana')
})
afterAll(async () => {
  await server.close()
  rmSync(folder, { recursive: true })
})
beforeEach(async () => {
  zone = await newZone(ana)
})

const idsOf = (chunks: readonly StoredChunk[]) => chunks.map(({ id }) => id)
const usedBytes = async () => (await get(url, 'account', { token: ana.token })).usedBytes

function blobPath(zoneId: ZoneId, pack: PackId): string {
  return join(folder, 'blobs', zoneId.slice(0, 2), zoneId, pack.slice(0, 2), pack)
}

async function fetchIds(ids: readonly ChunkId[]): Promise<StoredChunk[]> {
  const asked = { token: ana.token, params: { zone: zone.zone }, message: { ids: [...ids] } }
  const { status, bytes } = await ask(url, 'fetch', asked)
  expect(status).toBe(200)
  const reader = new PackReader(FETCH_LIMITS)
  const frames = reader.push(bytes)
  reader.end()
  return frames.map(({ id, bytes }) => ({ id, bytes: new Uint8Array(bytes) }))
}

describe('storing packs', () => {
  it('makes chunks present, once they are durable in their file', async () => {
    const chunks = newChunks(5, 40_000)
    const ids = idsOf(chunks)
    const asked = { token: ana.token, params: { zone: zone.zone }, message: { ids } }
    expect((await get(url, 'missing', asked)).missing).toEqual(ids)
    const packed = packOf(chunks)
    const { message } = await putPack(ana, zone.zone, packed)
    expect(message).toEqual({ chunks: 5, storedBytes: packed.bytes.length })
    expect((await get(url, 'missing', asked)).missing).toEqual([])
    expect(Buffer.compare(readFileSync(blobPath(zone.zone, packed.pack)), packed.bytes)).toBe(0)
  })

  it('is idempotent and counts once, also when the same pack comes twice at a time', async () => {
    const packed = packOf(newChunks(3, 10_000))
    const before = await usedBytes()
    await Promise.all([putPack(ana, zone.zone, packed), putPack(ana, zone.zone, packed)])
    expect((await putPack(ana, zone.zone, packed)).message).toEqual({
      chunks: 3,
      storedBytes: packed.bytes.length,
    })
    expect((await usedBytes()) - before).toBe(packed.bytes.length)
  })

  it('refuses damaged, cut, renamed and senseless packs, and keeps nothing of them', async () => {
    const chunks = newChunks(3, 10_000)
    const { pack, bytes } = packOf(chunks)
    const before = await usedBytes()
    const bad = [
      { pack, bytes: bytes.with(20_000, bytes[20_000]! ^ 1) },
      { pack, bytes: bytes.with(41, bytes[41]! ^ 1) },
      { pack, bytes: bytes.subarray(0, bytes.length - 1) },
      { pack, bytes: bytes.subarray(0, 3) },
      { pack, bytes: new Uint8Array(1_000) },
      { pack: packOf(newChunks(1, 10)).pack, bytes },
    ]
    for (const one of bad) {
      const { status, message } = await putPack(ana, zone.zone, one)
      expect({ status, message }).toMatchObject({ status: 422, message: { code: 'chunk-corrupt' } })
    }
    const asked = { token: ana.token, params: { zone: zone.zone }, message: { ids: idsOf(chunks) } }
    expect((await get(url, 'missing', asked)).missing).toHaveLength(3)
    expect(await usedBytes()).toBe(before)
    expect(readdirSync(join(folder, 'blobs', 'incoming'))).toEqual([])
  })

  it('names the corrupt chunk', async () => {
    const chunks = newChunks(3, 1_000)
    const { pack, bytes } = packOf(chunks)
    const damaged = bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1)
    const { message } = await putPack(ana, zone.zone, { pack, bytes: damaged })
    expect(message).toMatchObject({ ids: [chunks[2]!.id] })
  })

  it('refuses a pack that is too large', async () => {
    const packed = packOf(newChunks(16, 1_000_000))
    const bytes = new Uint8Array(24_000_000)
    expect((await putPack(ana, zone.zone, { ...packed, bytes })).status).toBe(413)
    expect((await putPack(ana, zone.zone, packed)).status).toBe(200)
  })
})

describe('fetching', () => {
  it('answers with the chunks in the order asked, across packs and twice when asked twice', async () => {
    const [a, b] = [newChunks(4, 30_000), newChunks(4, 200_000)]
    await putPack(ana, zone.zone, packOf(a))
    await putPack(ana, zone.zone, packOf(b))
    const wanted = [b[3]!, a[0]!, a[1]!, a[3]!, b[0]!, b[1]!, a[0]!]
    expect(await fetchIds(idsOf(wanted))).toEqual(wanted)
  })

  it('names the chunks that the zone lacks, and sends nothing', async () => {
    const [known] = newChunks(1, 100)
    const [unknown] = newChunks(1, 100)
    await putPack(ana, zone.zone, packOf([known!]))
    const asked = {
      token: ana.token,
      params: { zone: zone.zone },
      message: { ids: [known!.id, unknown!.id] },
    }
    const { status, message } = await ask(url, 'fetch', asked)
    expect({ status, message }).toMatchObject({
      status: 404,
      message: { code: 'not-found', ids: [unknown!.id] },
    })
  })

  it('does not give a chunk of another zone of the same person', async () => {
    const chunks = newChunks(1, 100)
    await putPack(ana, zone.zone, packOf(chunks))
    const other = await newZone(ana)
    const asked = { token: ana.token, params: { zone: other.zone }, message: { ids: idsOf(chunks) } }
    expect(await refusal(url, 'fetch', asked)).toBe('404 not-found')
    expect((await get(url, 'missing', asked)).missing).toEqual(idsOf(chunks))
  })

  it('refuses to send more than 32 MiB at once', async () => {
    const chunks = newChunks(3, 1_100_000)
    await putPack(ana, zone.zone, packOf(chunks))
    const ids = Array.from({ length: 31 }, (_, n) => chunks[n % 3]!.id)
    const asked = { token: ana.token, params: { zone: zone.zone }, message: { ids } }
    expect(await refusal(url, 'fetch', asked)).toBe('413 body-too-large')
  })

  it('says so when a chunk that is asked for alone is damaged on the disk', async () => {
    const chunks = newChunks(3, 200_000)
    const packed = packOf(chunks)
    await putPack(ana, zone.zone, packed)
    const file = readFileSync(blobPath(zone.zone, packed.pack))
    file[file.length - 5]! ^= 1
    writeFileSync(blobPath(zone.zone, packed.pack), file)
    const asked = (ids: ChunkId[]) => ({ token: ana.token, params: { zone: zone.zone }, message: { ids } })
    const last = chunks[2]!.id
    const { status, message } = await ask(url, 'fetch', asked([last]))
    expect({ status, message }).toMatchObject({
      status: 500,
      message: { code: 'damaged-storage', ids: [last] },
    })
    expect(await fetchIds(idsOf(chunks.slice(0, 2)))).toEqual(chunks.slice(0, 2))
    // Among others it leaves as it is: the device finds out, and asks again for it alone.
    const [, bad] = await fetchIds([chunks[0]!.id, last])
    expect(toHex(nodeCrypto.sha256(bad!.bytes))).not.toBe(last)
    expect(
      (await ask(url, 'chunk', { token: ana.token, params: { zone: zone.zone, chunk: last } })).status,
    ).toBe(500)
  })

  it('cuts the answer at a chunk, not among the first, of which the disk has no whole frame', async () => {
    const [whole, bad] = [newChunks(6, 1_000_000), newChunks(1, 200_000)]
    await putPack(ana, zone.zone, packOf(whole))
    const packed = packOf(bad)
    await putPack(ana, zone.zone, packed)
    const ids = idsOf([...whole, ...bad])
    const file = readFileSync(blobPath(zone.zone, packed.pack))
    file[PACK_HEADER_BYTES + 10]! ^= 1
    file[file.length - 1]! ^= 1
    writeFileSync(blobPath(zone.zone, packed.pack), file)
    const asked = { token: ana.token, params: { zone: zone.zone }, message: { ids } }
    await expect(ask(url, 'fetch', asked)).rejects.toThrow()
    const first = { ...asked, message: { ids: ids.toReversed() } }
    expect((await ask(url, 'fetch', first)).message).toMatchObject({
      code: 'damaged-storage',
      ids: [bad[0]!.id],
    })
    file[file.length - 1]! ^= 1
    writeFileSync(blobPath(zone.zone, packed.pack), file)
    expect(await fetchIds(ids)).toEqual([...whole, ...bad])
  })

  it('leaves out what lies between the chunks asked for', async () => {
    const chunks = newChunks(9, 20_000)
    await putPack(ana, zone.zone, packOf(chunks))
    const wanted = [0, 2, 3, 8].map((n) => chunks[n]!)
    expect(await fetchIds(idsOf(wanted))).toEqual(wanted)
  })

  it('finds a whole copy in another pack when one pack is damaged, cut or gone', async () => {
    const chunks = newChunks(2, 50_000)
    const [one, two] = [packOf(chunks), packOf([chunks[1]!, ...newChunks(1, 10)])]
    await putPack(ana, zone.zone, one)
    await putPack(ana, zone.zone, two)
    const file = readFileSync(blobPath(zone.zone, one.pack))
    writeFileSync(blobPath(zone.zone, one.pack), file.with(file.length - 1, file.at(-1)! ^ 1))
    expect(await fetchIds([chunks[1]!.id])).toEqual([chunks[1]])
    truncateSync(blobPath(zone.zone, one.pack), 60_000)
    expect(await fetchIds(idsOf(chunks))).toEqual(chunks)
    rmSync(blobPath(zone.zone, one.pack))
    expect(await fetchIds([chunks[1]!.id])).toEqual([chunks[1]])
    const asked = { token: ana.token, params: { zone: zone.zone }, message: { ids: [chunks[0]!.id] } }
    expect(await refusal(url, 'fetch', asked)).toBe('500 damaged-storage')
  })
})

describe('one chunk', () => {
  let chunk: StoredChunk
  const read = (headers: Record<string, string> = {}) =>
    ask(url, 'chunk', { token: ana.token, params: { zone: zone.zone, chunk: chunk.id }, headers })
  beforeEach(async () => {
    chunk = newChunks(1, 1_000)[0]!
    await putPack(ana, zone.zone, packOf([chunk]))
  })

  it('comes whole, to be kept for ever', async () => {
    const { status, headers, bytes } = await read()
    expect(status).toBe(200)
    expect(new Uint8Array(bytes)).toEqual(chunk.bytes)
    expect(headers.get('etag')).toBe(`"${chunk.id}"`)
    expect(headers.get('cache-control')).toBe('private, max-age=31536000, immutable')
  })

  it.each([
    ['bytes=0-9', 0, 10],
    ['bytes=990-', 990, 1_000],
    ['bytes=-10', 990, 1_000],
    ['bytes=900-5000', 900, 1_000],
  ])('comes in the range %s', async (range, from, to) => {
    const { status, headers, bytes } = await read({ range })
    expect(status).toBe(206)
    expect(new Uint8Array(bytes)).toEqual(chunk.bytes.subarray(from, to))
    expect(headers.get('content-range')).toBe(`bytes ${from}-${to - 1}/1000`)
  })

  it.each(['bytes=1000-', 'bytes=5000-6000', 'bytes=-0'])('has no range %s', async (range) => {
    const { status, headers } = await read({ range })
    expect({ status, range: headers.get('content-range') }).toEqual({ status: 416, range: 'bytes */1000' })
  })

  it.each(['bytes=5-1', 'bytes=0-1,5-9', 'lines=1-2', 'nonsense'])(
    'comes whole for the range %s',
    async (range) => {
      expect((await read({ range })).status).toBe(200)
    },
  )

  it('is not sent again to whoever has it', async () => {
    const { status, bytes } = await read({ 'if-none-match': `"${chunk.id}"` })
    expect({ status, length: bytes.length }).toEqual({ status: 304, length: 0 })
  })
})

describe('room', () => {
  it('is refused before the bytes when the quota is used up; edits of known records still pass', async () => {
    const small = await startServer({ data: 'memory', port: 0, quotaBytes: 60_000 })
    try {
      const ben = await signUp(small.url, 'ben')
      const space = await newZone(ben)
      const known = pushOf(ben, space, [{ vector: { [ben.writer]: 1 } }])
      await get(small.url, 'push', { token: ben.token, message: known })
      const { status, message } = await putPack(ben, space.zone, packOf(newChunks(1, 70_000)))
      expect({ status, message }).toMatchObject({ status: 507, message: { code: 'quota-exceeded' } })
      expect((await putPack(ben, space.zone, packOf(newChunks(1, 40_000)))).status).toBe(200)
      const many = pushOf(
        ben,
        space,
        Array.from({ length: 60 }, () => ({})),
      )
      expect(await refusal(small.url, 'push', { token: ben.token, message: many })).toBe('507 quota-exceeded')
      const { facts } = (await get(small.url, 'changes', { token: ben.token, params: { zone: space.zone } }))
        .changes[0]!.record
      const { id } = decodeFacts(facts)
      for (let counter = 2; counter < 40; counter++) {
        const edit = pushOf(ben, space, [{ id, vector: { [ben.writer]: counter } }])
        await get(small.url, 'push', { token: ben.token, message: edit })
      }
      const account = await get(small.url, 'account', { token: ben.token })
      expect(account.usedBytes).toBeGreaterThan(account.quotaBytes)
    } finally {
      await small.close()
    }
  })

  it('on a full disk is one clear refusal that changes nothing', async () => {
    let full = true
    const inner = memoryBlobs()
    const failing = await startServer({
      data: 'memory',
      port: 0,
      wrap: (engines) => ({
        ...engines,
        blobs: {
          ...inner,
          async put(key, bytes) {
            if (full) for await (const _ of bytes) throw new StorageFull('a test object')
            return inner.put(key, bytes)
          },
        },
      }),
    })
    try {
      const ben = await signUp(failing.url, 'ben')
      const space = await newZone(ben)
      const packed = packOf(newChunks(2, 100_000))
      for (let n = 0; n < 8; n++) {
        const { status, message } = await putPack(ben, space.zone, packed)
        expect({ status, message }).toMatchObject({ status: 507, message: { code: 'storage-full' } })
      }
      full = false
      expect((await putPack(ben, space.zone, packed)).status).toBe(200)
    } finally {
      await failing.close()
    }
  })

  it('that fails in the engine opens its circuit, and says so', async () => {
    const failing = await startServer({
      data: 'memory',
      port: 0,
      wrap: (engines) => ({
        ...engines,
        blobs: {
          ...engines.blobs,
          async put() {
            throw new Error('the disk does not answer')
          },
        },
      }),
    })
    try {
      const ben = await signUp(failing.url, 'ben')
      const space = await newZone(ben)
      const packed = packOf(newChunks(1, 100))
      for (let n = 0; n < 5; n++) expect((await putPack(ben, space.zone, packed)).status).toBe(500)
      const refused = await putPack(ben, space.zone, packed)
      expect(refused.headers.get('retry-after')).toBe('30')
      expect(JSON.stringify(refused.message)).not.toContain('does not answer: the disk')
      const circuits = await (await fetch(`${failing.url}/health/circuits`)).json()
      expect(circuits).toMatchObject({ storage_put: 'open', storage_get: 'closed' })
      const metrics = await (await fetch(`${failing.url}/metrics`)).text()
      expect(metrics).toContain('icloud_circuit_breaker_state{name="storage_put"} 2')
    } finally {
      await failing.close()
    }
  })
})

it('the data folder and the secret of all passwords are for their owner only', () => {
  expect(statSync(join(folder, 'opaque-setup')).mode & 0o777).toBe(0o600)
  expect(statSync(join(folder, 'blobs')).mode & 0o077).toBe(0)
})
