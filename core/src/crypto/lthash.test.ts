/** The set hash (LtHash16, eprint 2019/227). */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { browserCrypto } from './browser.ts'
import { addToSet, emptySetHash, removeFromSet, SET_HASH_BYTES, setDigest } from './lthash.ts'
import { nodeCrypto } from './node.ts'

const leaves = fc.array(fc.uint8Array({ minLength: 1, maxLength: 6 }), { maxLength: 8 })

test('the state is the sum of SHAKE128 outputs, read as 16-bit numbers', () => {
  fc.assert(
    fc.property(leaves, (added) => {
      expect(stateOf(added)).toEqual(naiveState(added))
    }),
    { numRuns: 30 },
  )
})

test('the order of additions does not show', () => {
  fc.assert(
    fc.property(leaves, (added) => {
      expect(stateOf(added.toReversed())).toEqual(stateOf(added))
    }),
    { numRuns: 30 },
  )
})

test('removing undoes adding, in any order', () => {
  fc.assert(
    fc.property(leaves, leaves, (kept, removed) => {
      const state = stateOf([...removed, ...kept])
      for (const leaf of removed) removeFromSet(nodeCrypto, state, leaf)
      expect(setDigest(nodeCrypto, state)).toBe(setDigest(nodeCrypto, stateOf(kept)))
    }),
    { numRuns: 30 },
  )
})

test('the digests of two sets differ, of a doubled element too', () => {
  const digests = [[], [[1]], [[2]], [[1], [1]], [[1], [2]], [[1, 2]]].map((set) =>
    setDigest(nodeCrypto, stateOf(set.map((bytes) => Uint8Array.from(bytes)))),
  )
  expect(new Set(digests).size).toBe(digests.length)
})

test('the format is pinned: the empty set and one of a single element', () => {
  expect(setDigest(nodeCrypto, emptySetHash())).toBe(
    'e5a00aa9991ac8a5ee3109844d84a55583bd20572ad3ffcd42792f3c36b183ad',
  )
  for (const crypto of [nodeCrypto, browserCrypto]) {
    const state = emptySetHash()
    addToSet(crypto, state, new Uint8Array(32).fill(1))
    expect(setDigest(crypto, state)).toBe('bd9ff3d23de34e7c3b029c06b0e88f022ef30707ef9618f2809cbcc9e8e632d3')
  }
})

test('a state of another length is refused', () => {
  expect(() => addToSet(nodeCrypto, new Uint8Array(32), new Uint8Array(1))).toThrow(RangeError)
  expect(() => setDigest(nodeCrypto, new Uint8Array(0))).toThrow(RangeError)
})

function stateOf(added: readonly Uint8Array[]): Uint8Array {
  const state = emptySetHash()
  for (const leaf of added) addToSet(nodeCrypto, state, leaf)
  return state
}

/** Component by component with big integers. */
function naiveState(added: readonly Uint8Array[]): Uint8Array {
  const state = new DataView(new ArrayBuffer(SET_HASH_BYTES))
  const outputs = added.map((leaf) => {
    const output = browserCrypto.shake128(leaf, SET_HASH_BYTES)
    return new DataView(output.buffer, output.byteOffset, output.length)
  })
  for (let i = 0; i < SET_HASH_BYTES; i += 2) {
    const sum = outputs.reduce((total, output) => total + BigInt(output.getUint16(i, true)), 0n)
    state.setUint16(i, Number(sum % 65_536n), true)
  }
  return new Uint8Array(state.buffer)
}
