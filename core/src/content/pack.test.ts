import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../bytes/hex.ts'
import { nodeCrypto } from '../crypto/node.ts'
import { idFromBytes } from '../ids/ids.ts'
import { FETCH_MAX_BYTES, PACK_MAX_BYTES, PACK_MAX_CHUNKS, STORED_CHUNK_MAX_BYTES } from '../limits.ts'
import {
  encodePack,
  FETCH_LIMITS,
  FRAME_HEADER_BYTES,
  frameHeader,
  PACK_HEADER_BYTES,
  PACK_LIMITS,
  type PackFrame,
  PackMalformed,
  PackReader,
  packHeader,
  packId,
  type StoredChunk,
} from './pack.ts'

const idOf = (bytes: Uint8Array) => idFromBytes('chunk', nodeCrypto.sha256(bytes))
const chunkOf = (bytes: Uint8Array): StoredChunk => ({ id: idOf(bytes), bytes })
const join = (parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts))

const someChunks = fc
  .uniqueArray(fc.uint8Array({ minLength: 1, maxLength: 300 }), {
    minLength: 1,
    maxLength: 12,
    selector: toHex,
  })
  .map((list) => list.map(chunkOf))

/** Pushes `pack` in pieces whose lengths cycle through `sizes`. */
function read(pack: Uint8Array, sizes: readonly number[], limits = PACK_LIMITS): PackFrame[] {
  const reader = new PackReader(limits)
  const frames: PackFrame[] = []
  for (let at = 0, turn = 0; at < pack.length; turn++) {
    const size = sizes[turn % sizes.length]!
    frames.push(...reader.push(pack.slice(at, at + size)))
    at += size
  }
  expect(reader.end()).toEqual({ chunks: frames.length, bytes: pack.length })
  return frames
}

describe('a pack (CNT-20)', () => {
  it('has these bytes', () => {
    const a = { id: idFromBytes('chunk', new Uint8Array(32).fill(0xaa)), bytes: Uint8Array.of(1, 2, 3) }
    const b = { id: idFromBytes('chunk', new Uint8Array(32).fill(0xbb)), bytes: Uint8Array.of(9) }
    expect(toHex(join(encodePack([a, b])))).toBe(
      `504c504b01${'00000003'}${'aa'.repeat(32)}010203${'00000001'}${'bb'.repeat(32)}09`,
    )
    expect(PACK_HEADER_BYTES).toBe(5)
    expect(FRAME_HEADER_BYTES).toBe(36)
  })

  it('is named by the hash of its chunk ids in order (CNT-21)', () => {
    const ids = [idOf(Uint8Array.of(1)), idOf(Uint8Array.of(2))]
    expect(packId(nodeCrypto, ids)).toBe(toHex(nodeCrypto.sha256(fromHex(ids.join('')))))
    expect(packId(nodeCrypto, ids.toReversed())).not.toBe(packId(nodeCrypto, ids))
  })

  it('does not copy the chunks it is made of', () => {
    const chunk = chunkOf(new Uint8Array(1_000))
    expect(encodePack([chunk])[2]).toBe(chunk.bytes)
  })

  it('can be written as a stream of headers and chunks', () => {
    const chunks = [1, 2, 3].map((n) => chunkOf(new Uint8Array(n)))
    const streamed = chunks.flatMap(({ id, bytes }) => [frameHeader(id, bytes.length), bytes])
    expect(join([packHeader(), ...streamed])).toEqual(join(encodePack(chunks)))
  })

  it('is not made when it would break a limit', () => {
    const chunk = chunkOf(new Uint8Array(10))
    const big = Array.from({ length: 15 }, (_, n) => chunkOf(new Uint8Array(STORED_CHUNK_MAX_BYTES).fill(n)))
    expect(() => encodePack([])).toThrow(RangeError)
    expect(() => encodePack([chunk, chunk])).toThrow(/same chunk twice/)
    expect(() => encodePack(big)).toThrow(/17696225 bytes: a pack holds at most 16777216/)
    expect(() => frameHeader(chunk.id, 0)).toThrow(RangeError)
    expect(() => frameHeader(chunk.id, STORED_CHUNK_MAX_BYTES + 1)).toThrow(RangeError)
    expect(() => encodePack(Array(PACK_MAX_CHUNKS + 1).fill(chunk))).toThrow(RangeError)
    expect(encodePack([chunk, chunk], FETCH_LIMITS)).toHaveLength(5)
  })
})

describe('reading a pack', () => {
  it('gives the chunks back, with their places, however the bytes are split (CNT-22)', () => {
    fc.assert(
      fc.property(
        someChunks,
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }),
        (chunks, sizes) => {
          const pack = join(encodePack(chunks))
          const frames = read(pack, sizes)
          expect(frames.map(({ id, bytes }) => ({ id, bytes }))).toEqual(chunks)
          for (const { offset, bytes } of frames) {
            expect(pack.subarray(offset, offset + bytes.length)).toEqual(bytes)
          }
        },
      ),
    )
  })

  it('gives a large chunk back that arrives in network pieces', () => {
    const chunk = chunkOf(new Uint8Array(STORED_CHUNK_MAX_BYTES).map((_, n) => n * 7))
    const [frame] = read(join(encodePack([chunk])), [16_384, 1, 65_536])
    expect(Buffer.compare(frame!.bytes, chunk.bytes)).toBe(0)
  })

  it('takes nothing from an empty piece', () => {
    expect(new PackReader().push(new Uint8Array(0))).toEqual([])
  })

  it('shares memory with a piece that holds the whole chunk', () => {
    const pack = join(encodePack([chunkOf(new Uint8Array(100))]))
    expect(new PackReader().push(pack)[0]!.bytes.buffer).toBe(pack.buffer)
  })

  it('puts each chunk into the place that is given for it, whatever the pieces, and shares nothing', () => {
    fc.assert(
      fc.property(someChunks, fc.integer({ min: 1, max: 400 }), (chunks, size) => {
        const pack = join(encodePack(chunks))
        const room = new Uint8Array(pack.length).fill(0xee)
        let used = 0
        const reader = new PackReader(PACK_LIMITS, (bytes) => {
          used += bytes
          return room.subarray(used - bytes, used)
        })
        const frames: PackFrame[] = []
        for (let at = 0; at < pack.length; at += size) {
          const piece = pack.slice(at, at + size)
          frames.push(...reader.push(piece))
          piece.fill(0xdd)
        }
        reader.end()
        expect(frames.map(({ id, bytes }) => ({ id, bytes }))).toEqual(chunks)
        expect(room.subarray(0, used)).toEqual(join(chunks.map(({ bytes }) => bytes)))
      }),
    )
  })

  it('fails at the end of anything cut short (CNT-23)', () => {
    const pack = join(encodePack([chunkOf(new Uint8Array(20)), chunkOf(new Uint8Array(30))]))
    const ends = [PACK_HEADER_BYTES + FRAME_HEADER_BYTES + 20, pack.length]
    for (let length = 0; length <= pack.length; length++) {
      const reader = new PackReader()
      reader.push(pack.subarray(0, length))
      if (ends.includes(length)) expect(reader.end().bytes).toBe(length)
      else expect(() => reader.end()).toThrow(new PackMalformed('unexpected end', length))
    }
  })

  it('refuses another magic or version', () => {
    for (let at = 0; at < PACK_HEADER_BYTES; at++) {
      const pack = join(encodePack([chunkOf(new Uint8Array(8))]))
      pack[at]! ^= 1
      expect(() => new PackReader().push(pack)).toThrow(/not the header of a version 1 pack at byte 0/)
    }
  })

  it.each([0, STORED_CHUNK_MAX_BYTES + 1, 0xffff_ffff])('refuses a chunk that claims %i bytes', (length) => {
    const pack = join(encodePack([chunkOf(new Uint8Array(8))]))
    new DataView(pack.buffer).setUint32(PACK_HEADER_BYTES, length)
    expect(() => new PackReader().push(pack)).toThrow(/a chunk of \d+ bytes .* at byte 5;/)
  })

  it('refuses a chunk as soon as it claims to pass the end of the largest pack', () => {
    const chunk = chunkOf(new Uint8Array(100))
    const reader = new PackReader({ ...PACK_LIMITS, maxBytes: 200 })
    const headers = join([packHeader(), frameHeader(chunk.id, 160)])
    expect(() => reader.push(headers)).toThrow(/passes the pack's 200 bytes at byte 5/)
  })

  it('refuses more bytes and more chunks than the limits', () => {
    const pack = join(encodePack([1, 2, 3].map((n) => chunkOf(new Uint8Array(n)))))
    expect(() => new PackReader({ ...PACK_LIMITS, maxChunks: 2 }).push(pack)).toThrow(/more than 2 chunks/)
    expect(() => new PackReader({ ...PACK_LIMITS, maxBytes: 100 }).push(pack)).toThrow(/more than 100 bytes/)
  })

  it('refuses a chunk that stands twice in an upload, and takes it in the answer to a fetch', () => {
    const chunk = chunkOf(new Uint8Array(8))
    const pack = join(encodePack([chunk, chunk], FETCH_LIMITS))
    expect(() => new PackReader().push(pack)).toThrow(/a second time at byte 49/)
    expect(read(pack, [10], FETCH_LIMITS)).toHaveLength(2)
  })

  it('takes all that one fetch may ask for', () => {
    expect(FETCH_LIMITS.maxBytes).toBe(FETCH_MAX_BYTES + 5 + 36 * FETCH_LIMITS.maxChunks)
    expect(PACK_LIMITS.maxBytes).toBe(PACK_MAX_BYTES)
  })

  it('stays failed', () => {
    const reader = new PackReader()
    const garbage = new Uint8Array(10)
    expect(() => reader.push(garbage)).toThrow(PackMalformed)
    const pack = join(encodePack([chunkOf(new Uint8Array(8))]))
    expect(() => reader.push(pack)).toThrow(/not the header/)
    expect(() => reader.end()).toThrow(/not the header/)
  })

  it('holds memory for what arrived, not for what was claimed (CNT-24)', () => {
    const { id } = chunkOf(new Uint8Array(1))
    const start = join([packHeader(), frameHeader(id, STORED_CHUNK_MAX_BYTES), new Uint8Array(10)])
    const before = process.memoryUsage().arrayBuffers
    const readers = Array.from({ length: 200 }, () => new PackReader())
    for (const reader of readers) reader.push(start)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024)
  })

  it('either fails as PackMalformed or reports only bytes that were sent, whatever was changed', () => {
    const change = fc.record({ at: fc.nat(), value: fc.nat(255), cut: fc.nat(3) })
    fc.assert(
      fc.property(someChunks, fc.array(change, { minLength: 1, maxLength: 4 }), (chunks, changes) => {
        let pack: Uint8Array = join(encodePack(chunks))
        for (const { at, value, cut } of changes) {
          pack[at % pack.length] = value
          if (cut === 0) pack = pack.slice(0, 1 + (at % pack.length))
        }
        for (const { id, offset, bytes } of framesOrFailure(pack)) {
          expect(pack.subarray(offset, offset + bytes.length)).toEqual(bytes)
          expect(toHex(pack.subarray(offset - 32, offset))).toBe(id)
        }
      }),
      { numRuns: 500 },
    )
  })
})

function framesOrFailure(pack: Uint8Array): PackFrame[] {
  try {
    return read(pack, [17])
  } catch (error) {
    expect(error).toBeInstanceOf(PackMalformed)
    return []
  }
}
