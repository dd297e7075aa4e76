import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../bytes/hex.ts'
import { nodeCrypto } from '../crypto/node.ts'
import { type ChunkId, idBytes, parseId } from '../ids/ids.ts'
import { thrown } from '../keys/fixtures.ts'
import { REFS_INLINE_IDS, REFS_NODE_IDS } from '../limits.ts'
import { NO_REFS, type Refs } from './refs.ts'
import { buildRefs, decodeRefsNode, encodeRefsNode, REFS_NODE_MAX_BYTES, refsRoot } from './refs-root.ts'
import { RecordRefused } from './refused.ts'

const chunk = (n: number): ChunkId => parseId('chunk', n.toString(16).padStart(64, '0'))
const chunks = (count: number): ChunkId[] => Array.from({ length: count }, (_, n) => chunk(n + 1))

describe('the root of a clear list', () => {
  it('is the hash of exactly these bytes (REC-4)', () => {
    const bytes = Uint8Array.of(1, 4, 2, ...idBytes(chunk(7)), ...idBytes(chunk(8)))
    expect(refsRoot(nodeCrypto, { depth: 2, ids: [chunk(7), chunk(8)] })).toBe(
      toHex(nodeCrypto.sha256(bytes)),
    )
    expect(refsRoot(nodeCrypto, NO_REFS)).toBe(
      '55e3787d6a9434a3eca44186565ffe1a4054127f0fbd3555dc1559d0771ab952',
    )
  })

  it('changes with depth, order, any id, and an id more or less', () => {
    const refs: Refs = { depth: 0, ids: [chunk(1), chunk(2)] }
    const others: Refs[] = [
      { ...refs, depth: 1 },
      { ...refs, ids: [chunk(2), chunk(1)] },
      { ...refs, ids: [chunk(1), chunk(3)] },
      { ...refs, ids: [chunk(1)] },
      { ...refs, ids: [chunk(1), chunk(2), chunk(2)] },
      NO_REFS,
    ]
    const roots = [refs, ...others].map((one) => refsRoot(nodeCrypto, one))
    expect(new Set(roots).size).toBe(roots.length)
  })

  it('is not taken of a list too long or too deep for a record', () => {
    expect(() => refsRoot(nodeCrypto, { depth: 0, ids: chunks(REFS_INLINE_IDS + 1) })).toThrow(RecordRefused)
    expect(() => refsRoot(nodeCrypto, { depth: 4, ids: [] })).toThrow(RecordRefused)
  })
})

describe('a clear list node', () => {
  it('is exactly these bytes and comes back (REC-5)', () => {
    const ids = [chunk(1), chunk(0xab)]
    expect(toHex(encodeRefsNode(ids))).toBe(`0105${chunk(1)}${chunk(0xab)}`)
    expect(decodeRefsNode(encodeRefsNode(ids))).toEqual(ids)
  })

  it('is refused with another suite or format, in part, empty or too long', () => {
    const bytes = encodeRefsNode([chunk(1)])
    for (const wrong of [
      bytes.with(0, 2),
      bytes.with(1, 4),
      bytes.subarray(0, -1),
      encodeRefsNode([chunk(1), chunk(2)]).subarray(0, -1),
      bytes.subarray(0, 2),
      new Uint8Array(0),
      new Uint8Array(REFS_NODE_MAX_BYTES + 32).with(0, 1).with(1, 5),
    ]) {
      expect(() => decodeRefsNode(wrong)).toThrow(RecordRefused)
    }
    expect(() => encodeRefsNode([])).toThrow(RangeError)
    expect(() => encodeRefsNode(chunks(REFS_NODE_IDS + 1))).toThrow(RangeError)
  })

  it('of arbitrary bytes throws RecordRefused only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(['nothing', 'RecordRefused']).toContain(thrown(() => decodeRefsNode(bytes)))
      }),
    )
  })
})

describe('building a clear list', () => {
  it('names each chunk once, in order of first appearance', () => {
    const built = buildRefs(nodeCrypto, [chunk(3), chunk(1), chunk(3), chunk(2), chunk(1)])
    expect(built).toEqual({ refs: { depth: 0, ids: [chunk(3), chunk(1), chunk(2)] }, nodes: [] })
  })

  it.each([
    [REFS_INLINE_IDS, 0, 0],
    [REFS_INLINE_IDS + 1, 1, 1],
    [REFS_NODE_IDS + 1, 1, 2],
  ])('keeps %i ids at depth %i with %i nodes', (count, depth, nodes) => {
    const ids = chunks(count)
    const built = buildRefs(nodeCrypto, ids)
    expect(built.refs.depth).toBe(depth)
    expect(built.nodes).toHaveLength(nodes)
    expect(walk(built.refs, built.nodes)).toEqual(ids)
    for (const node of built.nodes) expect(toHex(nodeCrypto.sha256(node.bytes))).toBe(node.id)
  })

  it('finds a way down two levels when one is not enough', () => {
    // A naive twin of two levels: the real sizes would need four million ids.
    const leaves = [encodeRefsNode(chunks(3)), encodeRefsNode([chunk(9)])]
    const nodes = leaves.map((bytes) => ({ id: parseId('chunk', toHex(nodeCrypto.sha256(bytes))), bytes }))
    const top = encodeRefsNode(nodes.map((node) => node.id))
    const id = parseId('chunk', toHex(nodeCrypto.sha256(top)))
    expect(walk({ depth: 2, ids: [id] }, [...nodes, { id, bytes: top }])).toEqual([...chunks(3), chunk(9)])
  })
})

function walk(refs: Refs, nodes: readonly { id: ChunkId; bytes: Uint8Array }[]): ChunkId[] {
  if (refs.depth === 0) return [...refs.ids]
  return refs.ids.flatMap((id) => {
    const node = nodes.find((one) => one.id === id)!
    return walk({ depth: refs.depth - 1, ids: decodeRefsNode(node.bytes) }, nodes)
  })
}
