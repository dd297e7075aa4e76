import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../bytes/hex.ts'
import { nodeCrypto } from '../crypto/node.ts'
import { type ChunkId, idBytes, idFromBytes } from '../ids/ids.ts'
import { CHUNK_MAX_BYTES, CHUNK_MIN_BYTES, LIST_INLINE_ENTRIES, LIST_NODE_ENTRIES } from '../limits.ts'
import type { ChunkEntry, ChunkList } from '../records/record.ts'
import { ChunkCorrupt, openChunk, sealChunk } from './chunk.ts'
import { buildChunkList, ChunkListBuilder, ListMalformed, readChunkList, type SealedNode } from './list.ts'

const secret = new Uint8Array(32).fill(3)
const seal = (data: Uint8Array) => sealChunk(nodeCrypto, secret, data)

/** Entries are only written and read here, so that no chunk need exist for them. */
function entryOf(seed: number, length = CHUNK_MIN_BYTES + (seed % 1_000)): ChunkEntry {
  const digest = nodeCrypto.sha256(Uint8Array.of(seed, seed >> 8, seed >> 16))
  return {
    id: idFromBytes('chunk', digest),
    key: idFromBytes('digest', digest.toReversed()),
    hash: idFromBytes(
      'digest',
      digest.map((byte) => byte ^ 0xff),
    ),
    length,
  }
}
const entriesOf = (count: number, from = 0) => Array.from({ length: count }, (_, n) => entryOf(from + n))
/** Ids that end a node as often as the rules allow: after every 64 entries. */
const endingEverywhere = (entries: readonly ChunkEntry[]) =>
  entries.map((entry) => ({ ...entry, id: `${entry.id.slice(0, 56)}00000000` as ChunkId }))

const sizeOf = (entries: readonly ChunkEntry[]) => entries.reduce((total, { length }) => total + length, 0)

interface File {
  readonly size: number
  readonly list: ChunkList
  readonly nodes: readonly SealedNode[]
}

function fileOf(entries: readonly ChunkEntry[]): File {
  return { ...buildChunkList(seal, entries), size: sizeOf(entries) }
}

/** Reads all of a file's list, counting the nodes that were fetched. */
async function readAll(file: File, start = 0) {
  const stored = new Map(file.nodes.map(({ entry, bytes }) => [entry.id, bytes]))
  const entries: ChunkEntry[] = []
  const offsets: number[] = []
  let fetched = 0
  const fetchNode = async ({ id }: ChunkEntry) => {
    fetched += 1
    return stored.get(id)!
  }
  for await (const { offset, ...entry } of readChunkList(nodeCrypto, file, fetchNode, start)) {
    entries.push(entry)
    offsets.push(offset)
  }
  return { entries, offsets, fetched }
}

describe('a chunk list (CNT-30)', () => {
  it.each([0, 1, LIST_INLINE_ENTRIES])('of %i entries stands in the record', async (count) => {
    const entries = entriesOf(count)
    const file = fileOf(entries)
    expect(file.list).toEqual({ depth: 0, entries })
    expect(file.nodes).toEqual([])
    expect((await readAll(file)).entries).toEqual(entries)
  })

  it.each([LIST_INLINE_ENTRIES + 1, 1_000, 12_345])('of %i entries is kept in nodes', async (count) => {
    const entries = entriesOf(count)
    const file = fileOf(entries)
    expect(file.list.depth).toBe(1)
    expect(file.list.entries).toEqual(file.nodes.map(({ entry }) => entry))
    expect(sizeOf(file.list.entries)).toBe(sizeOf(entries))
    const { entries: read, offsets } = await readAll(file)
    expect(read).toEqual(entries)
    expect(offsets.at(-1)).toBe(file.size - entries.at(-1)!.length)
  })

  it('has nodes of nodes when there are many', async () => {
    const entries = endingEverywhere(entriesOf(64 * LIST_INLINE_ENTRIES + 1))
    const file = fileOf(entries)
    expect(file.list.depth).toBe(2)
    expect(file.list.entries.length).toBeLessThanOrEqual(LIST_INLINE_ENTRIES)
    expect((await readAll(file)).entries).toEqual(entries)
  })

  it('has nodes of these bytes (CNT-31)', () => {
    const [node] = fileOf(entriesOf(LIST_INLINE_ENTRIES + 1)).nodes
    const length = 6 + (LIST_INLINE_ENTRIES + 1) * 104
    const data = openChunk(nodeCrypto, { ...node!.entry, length }, node!.bytes)
    const first = entryOf(0)
    expect(toHex(data.subarray(0, 110))).toBe(
      `01${'00'}${'00000101'}${first.id}${first.key}${first.hash}${'0000000000010000'}`,
    )
    expect(data).toEqual(naiveNode(0, entriesOf(LIST_INLINE_ENTRIES + 1)))
    expect(toHex(nodeCrypto.sha256(data))).toBe(PINNED_NODE_DIGEST)
  })

  it('ends nodes where ids end in ten zero bits, from 64 entries to 4,096 (CNT-32)', () => {
    const nodeLengths = (entries: readonly ChunkEntry[]) =>
      fileOf(entries).list.entries.map(({ length }) => length)
    const entries = entriesOf(20_000)
    const never = entriesOf(9_000).map((entry) => ({
      ...entry,
      id: `${entry.id.slice(0, 56)}ffffffff` as ChunkId,
    }))
    const always = endingEverywhere(entriesOf(1_000))
    for (const list of [entries, never, always]) expect(nodeLengths(list)).toEqual(naiveNodeLengths(list))
    expect(naiveNodeCounts(never)).toEqual([
      LIST_NODE_ENTRIES,
      LIST_NODE_ENTRIES,
      9_000 - 2 * LIST_NODE_ENTRIES,
    ])
    expect(naiveNodeCounts(always)[0]).toBe(64)
  })

  it('is the same when built entry by entry as when built at once', () => {
    const entries = entriesOf(5_000)
    const builder = new ChunkListBuilder(seal)
    const nodes = entries.flatMap((entry) => builder.add(entry))
    const finished = builder.finish()
    const file = fileOf(entries)
    expect(finished.list).toEqual(file.list)
    expect([...nodes, ...finished.nodes]).toEqual(file.nodes)
    expect(nodes.length).toBeGreaterThan(0)
  })

  it('changes in few nodes when a chunk is put in (CNT-33)', () => {
    const entries = entriesOf(20_000)
    const before = new Set(fileOf(entries).nodes.map(({ entry }) => entry.id))
    fc.assert(
      fc.property(fc.nat(entries.length), (at) => {
        const { nodes } = fileOf(entries.toSpliced(at, 0, entryOf(1_000_000)))
        expect(nodes.filter(({ entry }) => !before.has(entry.id)).length).toBeLessThanOrEqual(3)
      }),
      { numRuns: 5 },
    )
  })

  it('can be read from any byte on, fetching only the nodes it needs (CNT-34)', async () => {
    const entries = entriesOf(3_000)
    const file = fileOf(entries)
    expect((await readAll(file, entries[0]!.length)).entries).toEqual(entries.slice(1))
    await fc.assert(
      fc.asyncProperty(fc.nat(file.size), async (start) => {
        const { entries: read, offsets, fetched } = await readAll(file, start)
        const skipped = entries.length - read.length
        expect(read).toEqual(entries.slice(skipped))
        if (read.length > 0) {
          expect(offsets[0]).toBeLessThanOrEqual(start)
          expect(offsets[0]! + read[0]!.length).toBeGreaterThan(start)
        }
        const before = file.list.entries.findIndex(
          (_, n) => sizeOf(file.list.entries.slice(0, n + 1)) > start,
        )
        expect(fetched).toBe(before < 0 ? 0 : file.list.entries.length - before)
      }),
      { numRuns: 30 },
    )
  })
})

describe('reading a hostile list (CNT-35)', () => {
  const entries = entriesOf(600)
  const file = fileOf(entries)
  const refused = async (change: Partial<File>, message: RegExp | typeof ChunkCorrupt) => {
    const reading = readAll({ ...file, ...change })
    await expect(reading).rejects.toThrow(message)
    const error: unknown = await reading.catch((reason: unknown) => reason)
    expect(error instanceof ListMalformed || error instanceof ChunkCorrupt).toBe(true)
  }
  /** A list of one node with these bytes, correctly sealed: what a member who knows the keys can write. */
  const listOf = (data: Uint8Array, size: number): Partial<File> => {
    const sealed = seal(data)
    const entry = { ...sealed.entry, length: size }
    return { size, list: { depth: 1, entries: [entry] }, nodes: [{ entry, bytes: sealed.bytes }] }
  }
  const changed = (data: Uint8Array, at: number, value: number) => data.with(at, value)

  it('refuses a total that is not the size of the file', async () => {
    for (const size of [file.size - 1, file.size + 1, 0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      await refused({ size }, /fit into|instead of/)
    }
  })

  it('refuses depths and counts beyond the limits', async () => {
    for (const depth of [-1, 0.5, 4]) await refused({ list: { ...file.list, depth } }, /its depth is/)
    const long = entriesOf(LIST_INLINE_ENTRIES + 1)
    await refused({ list: { depth: 0, entries: long }, size: sizeOf(long) }, /it has 257 entries/)
  })

  it('refuses entries of impossible lengths', async () => {
    const one = (length: number, size: number) => ({
      list: { depth: 0, entries: [entryOf(1, length)] },
      size,
    })
    for (const length of [0, -5, 0.5, Number.NaN]) await refused(one(length, length), /does not fit/)
    await refused(one(CHUNK_MAX_BYTES + 1, CHUNK_MAX_BYTES + 1), /its chunk/)
    const cancelling = [entryOf(1, -1), entryOf(2, CHUNK_MIN_BYTES + 1)]
    await refused({ list: { depth: 0, entries: cancelling }, size: CHUNK_MIN_BYTES }, /does not fit/)
  })

  it('refuses a short chunk anywhere but at the end', async () => {
    const short = [entryOf(1), entryOf(2, 10), entryOf(3)]
    await refused({ list: { depth: 0, entries: short }, size: sizeOf(short) }, /has 10 bytes/)
    const good = [entryOf(1), entryOf(2), entryOf(3, 10)]
    expect((await readAll(fileOf(good))).entries).toEqual(good)
  })

  it('refuses swapped, dropped and doubled nodes', async () => {
    const big = fileOf(endingEverywhere(entriesOf(300)))
    const [a, b, ...rest] = big.list.entries
    expect(a!.length).not.toBe(b!.length)
    const lists = [
      [b!, ...rest],
      [a!, a!, b!, ...rest],
      [{ ...a!, length: b!.length }, { ...b!, length: a!.length }, ...rest],
    ]
    for (const list of lists) await refused({ ...big, list: { depth: 1, entries: list } }, /fit|instead/)
    const crossed = big.nodes.map(({ entry }, n) => ({
      entry,
      bytes: big.nodes[(n + 1) % big.nodes.length]!.bytes,
    }))
    await refused({ ...big, nodes: crossed }, ChunkCorrupt)
  })

  it('refuses a node of another format, depth or count', async () => {
    const two = [entryOf(1), entryOf(2)]
    const data = naiveNode(0, two)
    expect((await readAll({ ...file, ...listOf(data, sizeOf(two)) })).entries).toEqual(two)
    await refused(listOf(changed(data, 0, 2), sizeOf(two)), /not a node of format 1/)
    await refused(listOf(changed(data, 1, 1), sizeOf(two)), /node of depth 1 where depth 0/)
    await refused(listOf(changed(data, 5, 0), sizeOf(two)), /it has 0 entries/)
    await refused(listOf(changed(data, 2, 1), sizeOf(two)), /it has 16777218 entries/)
    await refused(listOf(changed(data, 5, 3), sizeOf(two)), ChunkCorrupt)
    await refused(listOf(new Uint8Array([...data, ...new Uint8Array(500)]), sizeOf(two)), /has not the size/)
    await refused(listOf(Uint8Array.of(1, 0), 10), /not a node of format/)
  })

  it('refuses a node whose entries do not cover what its own entry says', async () => {
    const two = [entryOf(1), entryOf(2)]
    await refused(listOf(naiveNode(0, two), sizeOf(two) + 1), /entries cover/)
    await refused(listOf(naiveNode(0, two), sizeOf(two) - 1), /does not fit/)
    const huge = changed(naiveNode(0, two), 6 + 96, 0xff)
    await refused(listOf(huge, sizeOf(two)), /does not fit/)
  })

  it('yields consistent entries or refuses, whatever a member wrote into a node', async () => {
    const few = entriesOf(4)
    const data = naiveNode(0, few)
    const changes = fc.array(fc.tuple(fc.nat(data.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(40), async (list, cut) => {
        const written = data.slice(0, cut < 10 ? data.length - cut : data.length)
        for (const [at, value] of list) written[Math.min(at, written.length - 1)] = value
        try {
          const { entries: read } = await readAll({ ...file, ...listOf(written, sizeOf(few)) })
          expect(sizeOf(read)).toBe(sizeOf(few))
        } catch (error) {
          expect(error instanceof ListMalformed || error instanceof ChunkCorrupt).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('lets a failed fetch through', async () => {
    const reading = readChunkList(nodeCrypto, file, () => Promise.reject(new Error('offline')))
    await expect(reading.next()).rejects.toThrow('offline')
  })
})

/** CNT-31, written out with text. */
function naiveNode(depth: number, entries: readonly ChunkEntry[]): Uint8Array {
  const number = (value: number, bytes: number) => value.toString(16).padStart(2 * bytes, '0')
  const rows = entries.map(({ id, key, hash, length }) => `${id}${key}${hash}${number(length, 8)}`)
  return fromHex(`01${number(depth, 1)}${number(entries.length, 4)}${rows.join('')}`)
}

/** CNT-32: how many entries each node has. */
function naiveNodeCounts(entries: readonly ChunkEntry[]): number[] {
  const counts: number[] = []
  let count = 0
  for (const { id } of entries) {
    count += 1
    const bytes = idBytes(id)
    const ends = bytes[31] === 0 && bytes[30]! % 4 === 0
    if (count === 4_096 || (count >= 64 && ends)) {
      counts.push(count)
      count = 0
    }
  }
  return count > 0 ? [...counts, count] : counts
}

function naiveNodeLengths(entries: readonly ChunkEntry[]): number[] {
  let at = 0
  return naiveNodeCounts(entries).map((count) => {
    at += count
    return sizeOf(entries.slice(at - count, at))
  })
}

const PINNED_NODE_DIGEST = '1ef62e41ee2e568bec37f00ce07176531e9ac123f11d11423c5463b35158e76b'
