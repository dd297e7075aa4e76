import { sealChunk } from '@pileus/core/content/chunk'
import { buildChunkList } from '@pileus/core/content/list'
import { nodeCrypto as crypto } from '@pileus/core/crypto/node'
import { type ChunkId, parseId } from '@pileus/core/ids/ids'
import { CHUNK_MIN_BYTES } from '@pileus/core/limits'
import { expect, test } from 'vitest'
import type { Remote } from '../remote/remote.ts'
import { type FileContent, KeptNodes, readList } from './chunks.ts'
import { knownChunks } from './known-chunks.ts'

const secret = new Uint8Array(32).fill(1)
const seal = (data: Uint8Array) => sealChunk(crypto, secret, data)

/** A content of `count` chunks, and the server that has all of it but these chunks. */
function stored(count: number, lost: ReadonlySet<number> = new Set()) {
  const chunks = Array.from({ length: count }, (_, n) => {
    const data = new Uint8Array(CHUNK_MIN_BYTES)
    new DataView(data.buffer).setUint32(0, n)
    return seal(data)
  })
  const entries = chunks.map(({ entry }) => entry)
  const { list, nodes } = buildChunkList(seal, entries)
  const size = count * CHUNK_MIN_BYTES
  const content: FileContent = { type: 'chunks', hash: entries[0]!.hash, size, list, base: '', by: '' }
  const gone = new Set([...lost].map((n) => entries[n]!.id))
  const bytesOf = new Map(nodes.map(({ entry, bytes }) => [entry.id, bytes]))
  const fetched: ChunkId[] = []
  const remote = {
    missing: async (_: unknown, ids: readonly ChunkId[]) => ({ missing: ids.filter((id) => gone.has(id)) }),
    async *fetch(_: unknown, ids: readonly ChunkId[]) {
      fetched.push(...ids)
      for (const id of ids) yield { id, bytes: bytesOf.get(id)! }
    },
  } as unknown as Remote
  const context = {
    remote,
    crypto,
    zone: parseId('zone', 'ab'.repeat(32)),
    signal: undefined,
    progress: () => {},
  }
  return { content, entries, context, fetched }
}

test.each([3, 300])('of %i chunks those are known that the server has', async (count) => {
  const { content, entries, context } = stored(count, new Set([1]))
  const known = await knownChunks(context, secret, content)
  expect(known.size).toBe(count - 1)
  expect(known.get(entries[0]!.hash)).toEqual(entries[0])
  expect(known.has(entries[1]!.hash)).toBe(false)
})

test('none are known that were sealed under another secret', async () => {
  const { content, context } = stored(3)
  expect((await knownChunks(context, new Uint8Array(32).fill(2), content)).size).toBe(0)
})

test('a node that was kept is not fetched for another list', async () => {
  const { content, context, fetched } = stored(300)
  const kept = new KeptNodes()
  const read = async (nodes?: KeptNodes) => {
    let entries = 0
    for await (const _ of readList(context, content, nodes)) entries++
    return entries
  }
  for (let turn = 0; turn < 2; turn++) {
    expect(await read(kept)).toBe(300)
    expect(fetched).toEqual(content.list.entries.map(({ id }) => id))
  }
  await read()
  expect(fetched.length).toBe(2 * content.list.entries.length)
})
