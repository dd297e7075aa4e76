import { createCipheriv, createHash, hkdfSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { browserCrypto } from '../crypto/browser.ts'
import type { Crypto } from '../crypto/crypto.ts'
import { nodeCrypto } from '../crypto/node.ts'
import { CHUNK_MAX_BYTES, CHUNK_MIN_BYTES, CHUNK_TARGET_BYTES } from '../limits.ts'
import { type ChunkerKey, chunkerKey, cutLength } from './chunker.ts'

const MiB = 1024 * 1024

const keyBytes = (seed: number) => {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, seed)
  return bytes
}
const keyOf = (seed: number, crypto: Crypto = nodeCrypto) => chunkerKey(crypto, keyBytes(seed))

/** Random-looking bytes that are the same for the same seed everywhere: the AES-128-CTR key stream. */
function noise(seed: number, length: number): Uint8Array {
  const key = Buffer.alloc(16)
  key.writeUInt32BE(seed)
  return new Uint8Array(createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(new Uint8Array(length)))
}

/** Positions after each chunk of `data`; the last is its length. */
function cuts(key: ChunkerKey, data: Uint8Array): number[] {
  const found: number[] = []
  for (let at = 0; at < data.length; ) {
    at += cutLength(key, data.subarray(at), true)
    found.push(at)
  }
  return found
}

/** The same of data that arrives in pieces, holding no more than it must. */
function streamedCuts(key: ChunkerKey, data: Uint8Array, pieces: readonly number[]): number[] {
  const found: number[] = []
  let start = 0
  let arrived = 0
  for (let turn = 0; start < data.length; turn++) {
    arrived = Math.min(data.length, arrived + pieces[turn % pieces.length]!)
    for (;;) {
      const length = cutLength(key, data.subarray(start, arrived), arrived === data.length)
      if (length === 0) break
      start += length
      found.push(start)
    }
  }
  return found
}

describe('cutting a file into chunks', () => {
  it('cuts these bytes here, on Node and in the browser (CNT-1)', () => {
    const data = noise(1, 3 * MiB)
    expect(cuts(keyOf(7), data)).toEqual(PINNED_CUTS)
    expect(cuts(keyOf(7, browserCrypto), data)).toEqual(PINNED_CUTS)
  })

  it('cuts where the definition says, worked out slowly (CNT-2, CNT-3, CNT-4)', () => {
    const data = noise(2, 5 * MiB)
    expect(cuts(keyOf(2), data)).toEqual(naiveCuts(keyBytes(2), data))
  })

  it('gives chunks from the least to the greatest length, only the last may be shorter (CNT-5)', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.integer({ min: 1, max: 12 * MiB }), (seed, length) => {
        const ends = cuts(keyOf(seed), noise(seed, length))
        const lengths = ends.map((end, index) => end - (ends[index - 1] ?? 0))
        expect(ends.at(-1)).toBe(length)
        expect(Math.max(...lengths)).toBeLessThanOrEqual(CHUNK_MAX_BYTES)
        expect(Math.min(CHUNK_MAX_BYTES, ...lengths.slice(0, -1))).toBeGreaterThanOrEqual(CHUNK_MIN_BYTES)
      }),
      { numRuns: 30 },
    )
  })

  it('cuts a stream as it cuts the whole, whatever pieces it comes in (CNT-6)', () => {
    const pieces = fc.array(fc.integer({ min: 10_000, max: 5 * MiB }), { minLength: 1, maxLength: 6 })
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.integer({ min: 1, max: 8 * MiB }), pieces, (seed, length, sizes) => {
        const data = noise(seed, length)
        expect(streamedCuts(keyOf(3), data, sizes)).toEqual(cuts(keyOf(3), data))
      }),
      { numRuns: 20 },
    )
  })

  it('makes chunks of about the target length', () => {
    const data = noise(5, 192 * MiB)
    const ends = cuts(keyOf(5), data)
    const mean = data.length / ends.length
    const longest = ends.filter((end, index) => end - (ends[index - 1] ?? 0) === CHUNK_MAX_BYTES)
    // 64 KiB, then a geometric distribution of mean 256 KiB hardly ever cut off at 4 MiB: 320 KiB.
    expect(mean).toBeGreaterThan(1.05 * CHUNK_TARGET_BYTES)
    expect(mean).toBeLessThan(1.4 * CHUNK_TARGET_BYTES)
    expect(longest.length / ends.length).toBeLessThan(0.08)
  })

  it('tells at the greatest length and at the end, and asks for more before', () => {
    const data = new Uint8Array(CHUNK_MAX_BYTES + 10)
    const key = keyOf(1)
    expect(cutLength(key, data.subarray(0, CHUNK_MAX_BYTES), false)).toBe(CHUNK_MAX_BYTES)
    expect(cutLength(key, data, true)).toBe(CHUNK_MAX_BYTES)
    expect(cutLength(key, data.subarray(0, CHUNK_MAX_BYTES - 1), false)).toBe(0)
    expect(cutLength(key, data.subarray(0, CHUNK_MAX_BYTES - 1), true)).toBe(CHUNK_MAX_BYTES - 1)
    expect(cutLength(key, data.subarray(0, 1), true)).toBe(1)
    expect(cutLength(key, data.subarray(0, 1), false)).toBe(0)
    expect(cutLength(key, data.subarray(0, 0), true)).toBe(0)
  })

  it('can cut at the least length and at the very end of what is there', () => {
    const data = noise(9, 6 * MiB)
    const [first] = cuts(keyOf(9), data)
    // The bytes before a cut, moved so that they end at the least length.
    const moved = data.subarray(first! - CHUNK_MIN_BYTES)
    expect(cutLength(keyOf(9), moved, false)).toBe(CHUNK_MIN_BYTES)
    expect(cutLength(keyOf(9), moved.subarray(0, CHUNK_MIN_BYTES), false)).toBe(CHUNK_MIN_BYTES)
    expect(cutLength(keyOf(9), moved.subarray(0, CHUNK_MIN_BYTES - 1), false)).toBe(0)
  })
})

describe('after an edit', () => {
  const data = noise(11, 24 * MiB)
  const before = cuts(keyOf(11), data)
  const place = fc.integer({ min: 0, max: data.length - 100_000 })
  const count = fc.integer({ min: 1, max: 100_000 })

  /** How many chunks are new when the tail behind `kept` moved by `shift`. */
  function newChunks(after: readonly number[], editEnd: number, shift: number): number {
    const old = new Set([0, ...before.map((end) => (end >= editEnd ? end + shift : end))])
    return after.filter((end, index) => !old.has(end) || !old.has(after[index - 1] ?? 0)).length
  }

  it('few chunks are new when bytes were put in (CNT-7)', () => {
    fc.assert(
      fc.property(place, count, fc.nat(1_000), (at, length, seed) => {
        const edited = Buffer.concat([data.subarray(0, at), noise(seed, length), data.subarray(at)])
        expect(newChunks(cuts(keyOf(11), edited), at, length)).toBeLessThanOrEqual(MOST_NEW_CHUNKS)
      }),
      { numRuns: 20 },
    )
  })

  it('few chunks are new when bytes were taken out (CNT-7)', () => {
    fc.assert(
      fc.property(place, count, (at, length) => {
        const edited = Buffer.concat([data.subarray(0, at), data.subarray(at + length)])
        expect(newChunks(cuts(keyOf(11), edited), at + length, -length)).toBeLessThanOrEqual(MOST_NEW_CHUNKS)
      }),
      { numRuns: 20 },
    )
  })
})

describe('the key', () => {
  it('decides where the cuts are: two keys hardly share one (CNT-8)', () => {
    const data = noise(13, 32 * MiB)
    const one = new Set(cuts(keyOf(1), data).slice(0, -1))
    const two = cuts(keyOf(2), data).slice(0, -1)
    expect(one.size).toBeGreaterThan(10)
    expect(two.filter((end) => one.has(end))).toEqual([])
  })

  it('has 32 bytes', () => {
    expect(() => chunkerKey(nodeCrypto, new Uint8Array(31))).toThrow(/key of 31 bytes/)
  })

  it('does not show when printed', () => {
    expect(JSON.stringify(keyOf(1))).toBe('{}')
  })
})

describe('periodic data (CNT-9)', () => {
  it('costs at most 1,024 verdicts a chunk, though every position is a candidate', () => {
    let verdicts = 0
    const counting: Crypto = {
      ...nodeCrypto,
      sha256: (...parts) => {
        verdicts += 1
        return nodeCrypto.sha256(...parts)
      },
    }
    // Under this key, found by search, the gear hash of 32 zero bytes is zero in its top bits.
    const key = keyOf(23_196, counting)
    expect(cutLength(key, new Uint8Array(5 * MiB), false)).toBe(CHUNK_MAX_BYTES)
    expect(verdicts).toBe(1_024)
  })

  it('looks at each of many candidates in a row', () => {
    const data = noise(17, 3 * MiB)
    // Under this key each position in a run of zeros is a candidate from the 32nd on.
    for (let at = 500; at < data.length; at += 20_000) data.fill(0, at, at + 64)
    const ends = cuts(keyOf(23_196), data)
    expect(ends.length).toBeGreaterThan(4)
    expect(ends).toEqual(naiveCuts(keyBytes(23_196), data))
  })

  it('asks for more bytes rather than decide early', () => {
    const key = keyOf(23_196)
    expect(cutLength(key, new Uint8Array(MiB / 2), false)).toBe(0)
    expect(cutLength(key, new Uint8Array(MiB / 2), true)).toBe(MiB / 2)
  })
})

/** The definition: every sum and every verdict from nothing, no state from one position to the next. */
function naiveCuts(key: Uint8Array, data: Uint8Array): number[] {
  const derive = (info: string, bytes: number) => Buffer.from(hkdfSync('sha256', key, '', info, bytes))
  const table = derive('pileus chunker 1 table', 1024)
  const verdictKey = derive('pileus chunker 1 verdict', 32)
  const gear = Array.from({ length: 256 }, (_, byte) => table.readUInt32LE(4 * byte))
  const accepted = (position: number) => {
    let sum = 0
    for (let back = 0; back < 32; back++) sum += gear[data[position - 1 - back]!]! << back
    if (sum >>> 0 >= 2 ** 18) return false
    const window = data.subarray(position - 64, position)
    return (
      createHash('sha256').update(verdictKey).update(Buffer.alloc(32)).update(window).digest()[0]! % 16 === 0
    )
  }
  const found: number[] = []
  for (let start = 0; start < data.length; ) {
    const end = Math.min(data.length, start + CHUNK_MAX_BYTES)
    let position = Math.min(end, start + CHUNK_MIN_BYTES)
    while (position < end && !accepted(position)) position += 1
    found.push(position)
    start = position
  }
  return found
}

/** Measured on 1,000 edits: 9 in 10 meet the old cuts at once, each further chunk is ten times less likely. */
const MOST_NEW_CHUNKS = 8

const PINNED_CUTS = [
  237_622, 395_041, 574_236, 823_781, 1_063_417, 1_966_876, 2_326_291, 2_480_224, 2_800_101, 3_145_728,
]
