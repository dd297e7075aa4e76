/**
 * Chunk lists: which chunks make a file, in order. A short list stands in the record; a long one becomes sealed
 * nodes, which travel and rest as chunks. The format is in docs/spec/content.md (CNT-30 and on).
 */
import type { Crypto } from '../crypto/crypto.ts'
import { type ChunkId, ID_BYTES, idBytes, idFromBytes } from '../ids/ids.ts'
import {
  CHUNK_MAX_BYTES,
  CHUNK_MIN_BYTES,
  LIST_INLINE_ENTRIES,
  LIST_MAX_DEPTH,
  LIST_NODE_ENTRIES,
} from '../limits.ts'
import type { ChunkEntry, ChunkList } from '../records/record.ts'
import { openPadded, withoutPadding } from './chunk.ts'

const NODE_FORMAT = 1
/** Format, depth, count (u32, big endian). */
const NODE_HEADER_BYTES = 6
/** Id, key, hash, length (u64, big endian). */
const ENTRY_BYTES = ID_BYTES.chunk + 2 * ID_BYTES.digest + 8

/**
 * A node ends where the id of its last entry says so, one time in 1,024: then an edit inside a huge file changes
 * one node and not all that follow. Ids are public, so node lengths tell nothing new.
 */
const NODE_END_MASK = 0x3ff
/** Even if every id said so, a node has this many entries: keeps any list within the depth. */
const NODE_MIN_ENTRIES = 64

export interface SealedNode {
  /** Its `length` counts the bytes of the file under the node. */
  readonly entry: ChunkEntry
  readonly bytes: Uint8Array
}

/** Seals a node's bytes: `sealChunk` with the zone's chunk secret. */
export type SealNode = (data: Uint8Array) => SealedNode

/** An entry and where its bytes begin in the file. */
export interface PlacedEntry extends ChunkEntry {
  readonly offset: number
}

/** A chunk list that contradicts itself or the limits: written wrongly, or by someone hostile. */
export class ListMalformed extends Error {
  /** The node at fault; null for the list in the record. */
  readonly node: ChunkId | null
  constructor(node: ChunkId | null, what: string) {
    const where = node ? `node ${node} of the chunk list` : 'the chunk list'
    super(`cannot read ${where}: ${what}; restore an earlier version of the file`)
    this.name = 'ListMalformed'
    this.node = node
  }
}

/** The list of a file's entries and the sealed nodes it needs, none for a short list. Throws RangeError. */
export function buildChunkList(
  seal: SealNode,
  entries: Iterable<ChunkEntry>,
): { list: ChunkList; nodes: SealedNode[] } {
  const builder = new ChunkListBuilder(seal)
  const nodes: SealedNode[] = []
  for (const entry of entries) nodes.push(...builder.add(entry))
  const finished = builder.finish()
  return { list: finished.list, nodes: [...nodes, ...finished.nodes] }
}

/**
 * Builds a list entry by entry, holding at most one node's entries per level, so that a file of any size can be
 * sealed in bounded memory. Nodes are handed out as they are made and not kept.
 */
export class ChunkListBuilder {
  readonly #seal: SealNode
  readonly #levels: Level[] = [newLevel()]

  constructor(seal: SealNode) {
    this.#seal = seal
  }

  /** Adds the file's next chunk; returns the nodes this completes, mostly none. */
  add(entry: ChunkEntry): SealedNode[] {
    const nodes: SealedNode[] = []
    this.#addTo(0, entry, nodes)
    return nodes
  }

  /** The list and the last nodes. Call it once. */
  finish(): { list: ChunkList; nodes: SealedNode[] } {
    const nodes: SealedNode[] = []
    for (let depth = 0; ; depth++) {
      const level = this.#level(depth)
      if (!level.split) return { list: { depth, entries: level.entries }, nodes }
      if (level.entries.length > 0) this.#closeNode(depth, nodes)
    }
  }

  #addTo(depth: number, entry: ChunkEntry, nodes: SealedNode[]): void {
    const level = this.#level(depth)
    if (level.split) {
      this.#append(depth, entry, nodes)
    } else if (level.entries.length < LIST_INLINE_ENTRIES) {
      level.entries.push(entry)
    } else {
      const held = level.entries
      level.split = true
      level.entries = []
      for (const earlier of [...held, entry]) this.#append(depth, earlier, nodes)
    }
  }

  #append(depth: number, entry: ChunkEntry, nodes: SealedNode[]): void {
    const { entries } = this.#level(depth)
    entries.push(entry)
    if (endsNode(entry, entries.length)) this.#closeNode(depth, nodes)
  }

  #closeNode(depth: number, nodes: SealedNode[]): void {
    const level = this.#level(depth)
    const sealed = this.#seal(encodeNode(depth, level.entries))
    const node = { entry: { ...sealed.entry, length: totalLength(level.entries) }, bytes: sealed.bytes }
    level.entries = []
    nodes.push(node)
    this.#addTo(depth + 1, node.entry, nodes)
  }

  #level(depth: number): Level {
    if (depth > LIST_MAX_DEPTH) {
      throw new RangeError(`cannot list so many chunks: a list has at most ${LIST_MAX_DEPTH} levels of nodes`)
    }
    const level = this.#levels[depth] ?? newLevel()
    this.#levels[depth] = level
    return level
  }
}

/**
 * The chunks of a file in order, from the one that covers byte `start` on; nodes wholly before it are not fetched.
 * `fetchNode` returns a node's stored bytes as they came; they are verified here. Throws ListMalformed when lengths,
 * depth or counts contradict each other, the limits or `size`, ChunkCorrupt when a node is damaged.
 */
export async function* readChunkList(
  crypto: Crypto,
  content: { readonly size: number; readonly list: ChunkList },
  fetchNode: (entry: ChunkEntry) => Promise<Uint8Array>,
  start = 0,
): AsyncGenerator<PlacedEntry, void, void> {
  const { size, list } = content
  checkTop(list, size)
  const walk: Walk = { crypto, fetchNode, start, size }
  yield* readEntries(walk, list.depth, list.entries, 0)
}

interface Walk {
  readonly crypto: Crypto
  readonly fetchNode: (entry: ChunkEntry) => Promise<Uint8Array>
  readonly start: number
  readonly size: number
}

async function* readEntries(
  walk: Walk,
  depth: number,
  entries: readonly ChunkEntry[],
  from: number,
): AsyncGenerator<PlacedEntry, void, void> {
  let offset = from
  for (const entry of entries) {
    const next = offset + entry.length
    if (next > walk.start) {
      if (depth === 0) {
        checkChunkLength(entry, next === walk.size)
        yield { ...entry, offset }
      } else {
        const children = openNode(walk.crypto, entry, depth - 1, await walk.fetchNode(entry))
        yield* readEntries(walk, depth - 1, children, offset)
      }
    }
    offset = next
  }
}

function checkTop(list: ChunkList, size: number): void {
  if (!Number.isInteger(list.depth) || list.depth < 0 || list.depth > LIST_MAX_DEPTH) {
    throw new ListMalformed(null, `its depth is ${list.depth} (0 to ${LIST_MAX_DEPTH} allowed)`)
  }
  if (list.entries.length > LIST_INLINE_ENTRIES) {
    throw new ListMalformed(
      null,
      `it has ${list.entries.length} entries (at most ${LIST_INLINE_ENTRIES} allowed)`,
    )
  }
  checkTotal(null, list.entries, size)
}

/** The entries of a node, verified against the entry that names it. */
function openNode(crypto: Crypto, node: ChunkEntry, depth: number, stored: Uint8Array): ChunkEntry[] {
  const padded = openPadded(crypto, node, stored)
  const view = new DataView(padded.buffer, padded.byteOffset, padded.byteLength)
  if (padded.length < NODE_HEADER_BYTES || padded[0] !== NODE_FORMAT) {
    throw new ListMalformed(node.id, `it is not a node of format ${NODE_FORMAT}`)
  }
  if (padded[1] !== depth) {
    throw new ListMalformed(node.id, `it is a node of depth ${padded[1]} where depth ${depth} belongs`)
  }
  const count = view.getUint32(2)
  if (count < 1 || count > LIST_NODE_ENTRIES) {
    throw new ListMalformed(node.id, `it has ${count} entries (1 to ${LIST_NODE_ENTRIES} allowed)`)
  }
  const data = withoutPadding(node.id, padded, NODE_HEADER_BYTES + count * ENTRY_BYTES)
  const entries = Array.from({ length: count }, (_, index) => decodeEntry(data, view, index))
  checkTotal(node.id, entries, node.length)
  return entries
}

/** That lengths are positive and add up. Sums beyond 2^53 cannot pass: each step is checked. */
function checkTotal(node: ChunkId | null, entries: readonly ChunkEntry[], expected: number): void {
  let total = 0
  for (const { length } of entries) {
    total += length
    if (!Number.isSafeInteger(length) || length < 1 || total > expected) {
      throw new ListMalformed(node, `an entry of ${length} bytes does not fit into ${expected} bytes`)
    }
  }
  if (total !== expected) {
    throw new ListMalformed(node, `its entries cover ${total} bytes instead of ${expected}`)
  }
}

/** A file in crumbs would cost its reader thousands of times its size: only its last chunk may be short. */
function checkChunkLength({ id, length }: ChunkEntry, last: boolean): void {
  if (length > CHUNK_MAX_BYTES || (length < CHUNK_MIN_BYTES && !last)) {
    throw new ListMalformed(
      null,
      `its chunk ${id} has ${length} bytes (${CHUNK_MIN_BYTES} to ${CHUNK_MAX_BYTES} allowed; less for the last)`,
    )
  }
}

function encodeNode(depth: number, entries: readonly ChunkEntry[]): Uint8Array {
  const data = new Uint8Array(NODE_HEADER_BYTES + entries.length * ENTRY_BYTES)
  const view = new DataView(data.buffer)
  data[0] = NODE_FORMAT
  data[1] = depth
  view.setUint32(2, entries.length)
  for (const [index, entry] of entries.entries()) {
    const at = NODE_HEADER_BYTES + index * ENTRY_BYTES
    data.set(idBytes(entry.id), at)
    data.set(idBytes(entry.key), at + 32)
    data.set(idBytes(entry.hash), at + 64)
    view.setBigUint64(at + 96, BigInt(entry.length))
  }
  return data
}

function decodeEntry(data: Uint8Array, view: DataView, index: number): ChunkEntry {
  const at = NODE_HEADER_BYTES + index * ENTRY_BYTES
  return {
    id: idFromBytes('chunk', data.subarray(at, at + 32)),
    key: idFromBytes('digest', data.subarray(at + 32, at + 64)),
    hash: idFromBytes('digest', data.subarray(at + 64, at + 96)),
    length: Number(view.getBigUint64(at + 96)),
  }
}

function endsNode({ id }: ChunkEntry, count: number): boolean {
  if (count >= LIST_NODE_ENTRIES) return true
  return count >= NODE_MIN_ENTRIES && (Number.parseInt(id.slice(-8), 16) & NODE_END_MASK) === 0
}

function totalLength(entries: readonly ChunkEntry[]): number {
  return entries.reduce((total, entry) => total + entry.length, 0)
}

interface Level {
  /** False while the entries still fit into the level above as they are. */
  split: boolean
  entries: ChunkEntry[]
}

function newLevel(): Level {
  return { split: false, entries: [] }
}
