/**
 * The clear chunk list: its root, which the record's facts hold, and the content-addressed nodes of a list
 * that is too long to stand in the record.
 */
import type { Crypto } from '../crypto/crypto.ts'
import { type ChunkId, type Digest, ID_BYTES, idBytes, idFromBytes } from '../ids/ids.ts'
import { FORMAT, SUITE } from '../keys/suite.ts'
import { REFS_INLINE_IDS, REFS_MAX_DEPTH, REFS_NODE_IDS } from '../limits.ts'
import type { Refs } from './refs.ts'
import { RecordRefused } from './refused.ts'

/** One clear list node: stored like a chunk, under the SHA-256 of its bytes. */
export interface RefsNode {
  readonly id: ChunkId
  readonly bytes: Uint8Array
}

/** The largest clear list node. */
export const REFS_NODE_MAX_BYTES = 2 + REFS_NODE_IDS * ID_BYTES.chunk

/** SHA-256 of suite ‖ format ‖ depth ‖ the ids in order (REC-4). */
export function refsRoot(crypto: Crypto, refs: Refs): Digest {
  if (refs.depth > REFS_MAX_DEPTH || refs.ids.length > REFS_INLINE_IDS) {
    throw new RecordRefused(
      'too-large',
      `its clear list has depth ${refs.depth} and ${refs.ids.length} ids, at most ${REFS_MAX_DEPTH} and ${REFS_INLINE_IDS} are taken`,
    )
  }
  const bytes = withIds(Uint8Array.of(SUITE, FORMAT.refsRoot, refs.depth), refs.ids)
  return idFromBytes('digest', crypto.sha256(bytes))
}

/** suite ‖ format ‖ ids of 32 bytes each (REC-5). Throws RangeError for none or too many. */
export function encodeRefsNode(ids: readonly ChunkId[]): Uint8Array {
  if (ids.length < 1 || ids.length > REFS_NODE_IDS) {
    throw new RangeError(`cannot write a list node of ${ids.length} ids: expected 1 to ${REFS_NODE_IDS}`)
  }
  return withIds(Uint8Array.of(SUITE, FORMAT.refsNode), ids)
}

/** The ids of a node whose bytes were already checked against its id. Throws RecordRefused 'malformed'. */
export function decodeRefsNode(bytes: Uint8Array): ChunkId[] {
  const count = (bytes.length - 2) / ID_BYTES.chunk
  if (bytes[0] !== SUITE || bytes[1] !== FORMAT.refsNode) {
    throw new RecordRefused('malformed', 'a node of its clear list does not begin with its suite and format')
  }
  if (!Number.isInteger(count) || count < 1 || count > REFS_NODE_IDS) {
    throw new RecordRefused('malformed', `a node of its clear list has ${bytes.length} bytes`)
  }
  return Array.from({ length: count }, (_, i) =>
    idFromBytes('chunk', bytes.subarray(2 + i * ID_BYTES.chunk, 2 + (i + 1) * ID_BYTES.chunk)),
  )
}

/**
 * The clear list of these chunks, each named once in order of first appearance, and the nodes to store when
 * it is too long for the record. Pass the ids of all data chunks and of all sealed list nodes.
 * Throws RangeError for more chunks than a list can name.
 */
export function buildRefs(crypto: Crypto, ids: Iterable<ChunkId>): { refs: Refs; nodes: RefsNode[] } {
  let level = [...new Set(ids)]
  const nodes: RefsNode[] = []
  let depth = 0
  while (level.length > REFS_INLINE_IDS) {
    if (++depth > REFS_MAX_DEPTH)
      throw new RangeError(`cannot list so many chunks in ${REFS_MAX_DEPTH} levels`)
    const above: ChunkId[] = []
    for (let start = 0; start < level.length; start += REFS_NODE_IDS) {
      const bytes = encodeRefsNode(level.slice(start, start + REFS_NODE_IDS))
      const id = idFromBytes('chunk', crypto.sha256(bytes))
      nodes.push({ id, bytes })
      above.push(id)
    }
    level = above
  }
  return { refs: { depth, ids: level }, nodes }
}

function withIds(head: Uint8Array, ids: readonly ChunkId[]): Uint8Array {
  const bytes = new Uint8Array(head.length + ids.length * ID_BYTES.chunk)
  bytes.set(head)
  ids.forEach((id, i) => {
    bytes.set(idBytes(id), head.length + i * ID_BYTES.chunk)
  })
  return bytes
}
