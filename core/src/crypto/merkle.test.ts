/** Merkle roots (RFC 6962 §2.1). */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { toHex } from '../bytes/hex.ts'
import { merkleRoot } from './merkle.ts'
import { nodeCrypto } from './node.ts'

test('the root over nothing is the hash of nothing, over one leaf the leaf hash', () => {
  expect(toHex(merkleRoot(nodeCrypto, []))).toBe(
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  )
  expect(toHex(merkleRoot(nodeCrypto, [new Uint8Array()]))).toBe(
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  )
})

test('the root is that of the recursive definition', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 8 }), { minLength: 1, maxLength: 70 }), (leaves) => {
      expect(merkleRoot(nodeCrypto, leaves)).toEqual(naiveRoot(leaves))
    }),
  )
})

test('a changed, moved, added or missing leaf changes the root, and an inner node is no leaf', () => {
  const leaves = Array.from({ length: 7 }, (_, i) => Uint8Array.of(i))
  const hash = (...parts: number[][]) => nodeCrypto.sha256(Uint8Array.from(parts.flat()))
  const inner = Uint8Array.from([1, ...hash([0, 0]), ...hash([0, 1])])
  const roots = [
    leaves,
    leaves.with(3, Uint8Array.of(9)),
    leaves.toReversed(),
    [...leaves, leaves[6]!],
    leaves.slice(0, 6),
    [inner, ...leaves.slice(2)],
  ].map((list) => toHex(merkleRoot(nodeCrypto, list)))
  expect(new Set(roots).size).toBe(roots.length)
})

/** MTH of RFC 6962: split at the largest power of two below the number of leaves. */
function naiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 1) return nodeCrypto.sha256(Uint8Array.of(0, ...leaves[0]!))
  let split = 1
  while (2 * split < leaves.length) split *= 2
  return nodeCrypto.sha256(
    Uint8Array.of(1, ...naiveRoot(leaves.slice(0, split)), ...naiveRoot(leaves.slice(split))),
  )
}
