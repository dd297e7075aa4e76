import { PackReader, type StoredChunk } from '@pileus/core/content/pack'
import { nodeCrypto as crypto } from '@pileus/core/crypto/node'
import { type ChunkId, idFromBytes, parseId } from '@pileus/core/ids/ids'
import { expect, test } from 'vitest'
import type { Remote } from '../remote/remote.ts'
import { PACK_FULL_BYTES } from './pack-buffer.ts'
import { Uploader } from './uploader.ts'

const zone = parseId('zone', 'ab'.repeat(32))

/** So many of these fit into a pack: one more leaves no room for headers. */
const PACK_CHUNKS = 7
const CHUNK_BYTES = PACK_FULL_BYTES / 8

function chunk(name: number, length = CHUNK_BYTES): StoredChunk {
  const bytes = new Uint8Array(length).fill(name)
  return { id: idFromBytes('chunk', crypto.sha256(bytes)), bytes }
}

interface Arrival {
  readonly ids: readonly ChunkId[]
  settle(error?: Error): void
}

/** A server that holds what it was sent, and answers a pack when the test says so. */
function server() {
  const held = new Set<ChunkId>()
  const arrivals: Arrival[] = []
  const asked: number[] = []
  const remote = {
    missing: async (_: unknown, ids: readonly ChunkId[]) => {
      asked.push(ids.length)
      return { missing: ids.filter((id) => !held.has(id)).toReversed(), generation: 1 }
    },
    putPack: (_: unknown, _pack: unknown, parts: readonly Uint8Array[]) => {
      const reader = new PackReader()
      const ids = parts
        .flatMap((part) => reader.push(part))
        .map(({ id, bytes }) => {
          expect(idFromBytes('chunk', crypto.sha256(bytes))).toBe(id)
          return id
        })
      reader.end()
      return new Promise<void>((resolve, reject) => {
        const settle = (error?: Error) => {
          if (error) return reject(error)
          for (const id of ids) held.add(id)
          resolve()
        }
        arrivals.push({ ids, settle })
      })
    },
  }
  return { remote: remote as unknown as Remote, held, arrivals, asked }
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 5))

/** A full pack, and somebody who waits for it. */
async function addPack(uploader: Uploader, from: number, done: () => void): Promise<void> {
  for (let n = from; n < from + PACK_CHUNKS; n++) await uploader.add(chunk(n))
  uploader.whenStored(done)
}

test('two packs travel while a third is being filled, and no more', async () => {
  const { remote, arrivals } = server()
  const uploader = new Uploader(remote, zone, crypto)
  const told: number[] = []
  let added = 0
  const adding = (async () => {
    for (; added < 4; added++) await addPack(uploader, added * PACK_CHUNKS, () => told.push(added))
    await uploader.finish()
  })()
  await settled()
  expect([arrivals.length, added]).toEqual([2, 3])
  arrivals[0]!.settle()
  await settled()
  expect(arrivals.length).toBe(3)
  for (const n of [1, 2]) arrivals[n]!.settle()
  await settled()
  arrivals[3]!.settle()
  await adding
  expect(told.length).toBe(4)
  expect(uploader.counts).toEqual({
    chunksSent: 4 * PACK_CHUNKS,
    bytesSent: 4 * PACK_CHUNKS * CHUNK_BYTES,
    contentSent: 0,
    chunksKnown: 0,
  })
})

test('what waits is told in order, and only when all before it is durable', async () => {
  const { remote, arrivals } = server()
  const uploader = new Uploader(remote, zone, crypto)
  const told: string[] = []
  await addPack(uploader, 0, () => told.push('first'))
  await addPack(uploader, PACK_CHUNKS, () => told.push('second'))
  const finished = uploader.finish()
  await settled()
  arrivals[1]!.settle()
  await settled()
  expect(told).toEqual([])
  arrivals[0]!.settle()
  await finished
  expect(told).toEqual(['first', 'second'])
})

test('after a failure nothing is told that waits behind it, and what was before it still is', async () => {
  for (const fails of [0, 1]) {
    const { remote, arrivals } = server()
    const uploader = new Uploader(remote, zone, crypto)
    const told: number[] = []
    await addPack(uploader, 0, () => told.push(0))
    await addPack(uploader, PACK_CHUNKS, () => told.push(1))
    const finished = uploader.finish()
    const outcome = expect(finished).rejects.toThrow('the line broke')
    await settled()
    arrivals[fails]!.settle(new Error('the line broke'))
    await settled()
    arrivals[1 - fails]!.settle()
    await outcome
    expect(told).toEqual(fails === 0 ? [] : [0])
    await expect(uploader.finish()).rejects.toThrow('the line broke')
  }
})

test('a failure while being told is a failure of the upload', async () => {
  const { remote, arrivals } = server()
  const uploader = new Uploader(remote, zone, crypto)
  await uploader.add(chunk(1, 10))
  uploader.whenStored(() => {
    throw new Error('the disk is full')
  })
  const outcome = expect(uploader.finish()).rejects.toThrow('the disk is full')
  await settled()
  arrivals[0]!.settle()
  await outcome
})

test('a chunk is sent once, though it comes again while it travels, and after', async () => {
  const { remote, arrivals, held } = server()
  const uploader = new Uploader(remote, zone, crypto)
  const told: string[] = []
  await addPack(uploader, 0, () => {})
  await uploader.add(chunk(PACK_CHUNKS))
  await uploader.add(chunk(0))
  uploader.whenStored(() => told.push('again'))
  const first = uploader.finish()
  await settled()
  expect(arrivals.map(({ ids }) => ids.length)).toEqual([PACK_CHUNKS, 1])
  arrivals[1]!.settle()
  await settled()
  expect(told).toEqual([])
  arrivals[0]!.settle()
  await first
  expect([told, held.size]).toEqual([['again'], PACK_CHUNKS + 1])
  await uploader.add(chunk(2))
  await uploader.add(chunk(PACK_CHUNKS + 1))
  const second = uploader.finish()
  await settled()
  arrivals[2]!.settle()
  await second
  expect(uploader.counts).toMatchObject({ chunksSent: PACK_CHUNKS + 2, chunksKnown: 1 })
})

test('only what the server lacks of a pack is sent, in the order it was added', async () => {
  const { remote, arrivals, held } = server()
  const uploader = new Uploader(remote, zone, crypto)
  const chunks = Array.from({ length: 9 }, (_, n) => chunk(n, 1_000 + n))
  for (const n of [0, 3, 4, 8]) held.add(chunks[n]!.id)
  for (const [n, each] of chunks.entries()) await uploader.add(each, n)
  const finished = uploader.finish()
  await settled()
  expect(arrivals[0]!.ids).toEqual([1, 2, 5, 6, 7].map((n) => chunks[n]!.id))
  arrivals[0]!.settle()
  await finished
  const contentSent = 1 + 2 + 5 + 6 + 7
  expect(uploader.counts).toEqual({
    chunksSent: 5,
    bytesSent: 5_000 + contentSent,
    contentSent,
    chunksKnown: 4,
  })
})

test('the bytes of a chunk may be used again as soon as it was taken', async () => {
  const { remote, arrivals } = server()
  const uploader = new Uploader(remote, zone, crypto)
  const bytes = new Uint8Array(PACK_FULL_BYTES / 64)
  for (let n = 0; n < 70; n++) {
    bytes.fill(n)
    await uploader.add({ id: idFromBytes('chunk', crypto.sha256(bytes)), bytes })
  }
  const finished = uploader.finish()
  await settled()
  for (const arrival of arrivals) arrival.settle()
  await finished
  expect(arrivals.map(({ ids }) => ids.length)).toEqual([63, 7])
})

test('nothing to send is no request', async () => {
  const { remote, asked } = server()
  const uploader = new Uploader(remote, zone, crypto)
  let told = false
  uploader.whenStored(() => {
    told = true
  })
  await uploader.finish()
  expect([told, asked]).toEqual([true, []])
})
