import { createCipheriv, createHash, createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../bytes/hex.ts'
import { browserCrypto } from '../crypto/browser.ts'
import { nodeCrypto } from '../crypto/node.ts'
import { type Digest, idFromBytes } from '../ids/ids.ts'
import { CHUNK_MAX_BYTES, STORED_CHUNK_MAX_BYTES } from '../limits.ts'
import type { ChunkEntry } from '../records/record.ts'
import {
  ChunkCorrupt,
  chunkIdOf,
  openChunk,
  openChunkInPlace,
  openPadded,
  sealChunk,
  sealChunkInto,
  storedChunkBytes,
} from './chunk.ts'
import { padmeLength } from './padding.ts'

const secret = new Uint8Array(32).map((_, n) => n)
const data = fc.uint8Array({ minLength: 1, maxLength: 2_000 })
const hello = new TextEncoder().encode('hello, chunk')

/** A chunk as a member could write it who keeps to none of the rules about what stands inside. */
function sealAnything(padded: Uint8Array, length: number): { entry: ChunkEntry; bytes: Uint8Array } {
  const key = new Uint8Array(32).fill(9)
  const bytes = nodeCrypto.aesGcmSeal(key, new Uint8Array(12), new Uint8Array(0), padded)
  const hash = idFromBytes('digest', nodeCrypto.sha256(padded))
  return {
    entry: { id: chunkIdOf(nodeCrypto, bytes), key: idFromBytes('digest', key), hash, length },
    bytes,
  }
}

const otherDigest = (digest: string) => `${digest.startsWith('0') ? '1' : '0'}${digest.slice(1)}` as Digest

describe('sealing a chunk (CNT-10)', () => {
  it('gives these bytes', () => {
    const { entry, bytes } = sealChunk(nodeCrypto, secret, hello)
    expect({ ...entry, bytes: toHex(bytes) }).toEqual(PINNED)
  })

  it('equals the definition, written out with node:crypto', () => {
    fc.assert(
      fc.property(data, (plain) => {
        expect(sealChunk(nodeCrypto, secret, plain)).toEqual(naiveSeal(secret, plain))
      }),
    )
  })

  it('writes the same into a place given to it, whatever stood there, and nothing beside it', () => {
    fc.assert(
      fc.property(data, (plain) => {
        const { entry, bytes } = sealChunk(nodeCrypto, secret, plain)
        const room = new Uint8Array(bytes.length + 20).fill(0xee)
        const into = room.subarray(10, 10 + bytes.length)
        expect(sealChunkInto(nodeCrypto, secret, plain, into)).toEqual(entry)
        expect(into).toEqual(bytes)
        expect(room.subarray(0, 10)).toEqual(new Uint8Array(10).fill(0xee))
        expect(room.subarray(-10)).toEqual(new Uint8Array(10).fill(0xee))
        expect(() => sealChunkInto(nodeCrypto, secret, plain, room)).toThrow(RangeError)
      }),
    )
  })

  it('is the same on Node and in the browser', () => {
    fc.assert(
      fc.property(data, (plain) => {
        const sealed = sealChunk(browserCrypto, secret, plain)
        expect(sealed).toEqual(sealChunk(nodeCrypto, secret, plain))
        expect(openChunk(browserCrypto, sealed.entry, sealed.bytes)).toEqual(plain)
      }),
      { numRuns: 20 },
    )
  })

  it('gives equal chunks for equal data and secret, and others under another secret (CNT-11)', () => {
    const other = secret.toReversed()
    expect(sealChunk(nodeCrypto, secret, hello)).toEqual(sealChunk(nodeCrypto, secret, hello.slice()))
    expect(sealChunk(nodeCrypto, other, hello).entry.id).not.toBe(
      sealChunk(nodeCrypto, secret, hello).entry.id,
    )
    expect(sealChunk(nodeCrypto, other, hello).entry.hash).toBe(
      sealChunk(nodeCrypto, secret, hello).entry.hash,
    )
  })

  it('shows only padded lengths', () => {
    fc.assert(
      fc.property(data, (plain) => {
        const { bytes } = sealChunk(nodeCrypto, secret, plain)
        expect(bytes.length).toBe(padmeLength(1 + plain.length) + 16)
        expect(storedChunkBytes(plain.length)).toBe(bytes.length)
      }),
    )
  })

  it('takes 1 byte to the greatest length, and no other', () => {
    expect(() => sealChunk(nodeCrypto, secret, new Uint8Array(0))).toThrow(/chunk of 0 bytes/)
    expect(() => sealChunk(nodeCrypto, secret, new Uint8Array(CHUNK_MAX_BYTES + 1))).toThrow(RangeError)
    expect(() => sealChunk(nodeCrypto, secret.subarray(1), hello)).toThrow(/secret of 31 bytes/)
    const longest = new Uint8Array(CHUNK_MAX_BYTES).fill(5)
    const { entry, bytes } = sealChunk(nodeCrypto, secret, longest)
    expect(Buffer.compare(openChunk(nodeCrypto, entry, bytes), longest)).toBe(0)
  })
})

describe('opening a chunk (CNT-13)', () => {
  const sealed = sealChunk(nodeCrypto, secret, hello)

  it('gives the data back', () => {
    fc.assert(
      fc.property(data, (plain) => {
        const { entry, bytes } = sealChunk(nodeCrypto, secret, plain)
        expect(openChunk(nodeCrypto, entry, bytes)).toEqual(plain)
      }),
    )
  })

  it('refuses any changed byte, missing end or added end, naming the chunk', () => {
    const { entry, bytes } = sealed
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice()
      changed[at]! ^= 0x80
      expect(() => openChunk(nodeCrypto, entry, changed)).toThrow(/do not have this id/)
      expect(() => openChunk(nodeCrypto, entry, bytes.subarray(0, at))).toThrow(ChunkCorrupt)
    }
    expect(() => openChunk(nodeCrypto, entry, new Uint8Array([...bytes, 0]))).toThrow(ChunkCorrupt)
    expect(corruptIdOf(() => openChunk(nodeCrypto, entry, new Uint8Array(0)))).toBe(entry.id)
  })

  it('refuses a changed byte even when the id was made to match', () => {
    const bytes = sealed.bytes.slice()
    bytes[3]! ^= 1
    const entry = { ...sealed.entry, id: chunkIdOf(nodeCrypto, bytes) }
    expect(() => openChunk(nodeCrypto, entry, bytes)).toThrow(/does not authenticate/)
  })

  it('refuses another key, hash or length in the entry', () => {
    const { entry, bytes } = sealed
    const openAs = (change: Partial<ChunkEntry>) => () =>
      openChunk(nodeCrypto, { ...entry, ...change }, bytes)
    expect(openAs({ key: otherDigest(entry.key) })).toThrow(/does not authenticate/)
    expect(openAs({ hash: otherDigest(entry.hash) })).toThrow(/listed hash/)
    const unpadded = sealChunk(nodeCrypto, secret, hello.subarray(0, 9))
    const shorter = { ...unpadded.entry, length: 8 }
    expect(() => openChunk(nodeCrypto, shorter, unpadded.bytes)).toThrow(/padding is not zero/)
    for (const length of [0, -1, 0.5, Number.NaN, 2 ** 40, CHUNK_MAX_BYTES + 1]) {
      expect(openAs({ length })).toThrow(/entry claims/)
    }
    expect(openAs({ length: 5_000 })).toThrow(/stored bytes instead of/)
  })

  it('refuses an unknown codec and padding that is not zero, though their maker knew the key', () => {
    const good = sealAnything(Uint8Array.of(0, 7, 8, 9, 10, 11, 12, 13, 14, 0), 8)
    expect(openChunk(nodeCrypto, good.entry, good.bytes)).toEqual(Uint8Array.of(7, 8, 9, 10, 11, 12, 13, 14))
    const codec = sealAnything(Uint8Array.of(1, 7, 8, 9, 10, 11, 12, 13, 14, 0), 8)
    expect(() => openChunk(nodeCrypto, codec.entry, codec.bytes)).toThrow(/codec 1 is not known/)
    const padding = sealAnything(Uint8Array.of(0, 7, 8, 9, 10, 11, 12, 13, 14, 3), 8)
    expect(() => openChunk(nodeCrypto, padding.entry, padding.bytes)).toThrow(/padding is not zero/)
  })

  it('refuses stored bytes beyond the limit, whose length no entry gives away', () => {
    const { entry, bytes } = sealAnything(new Uint8Array(STORED_CHUNK_MAX_BYTES), 1)
    expect(() => openPadded(nodeCrypto, entry, bytes)).toThrow(ChunkCorrupt)
    const within = sealAnything(new Uint8Array(STORED_CHUNK_MAX_BYTES - 16), 1)
    expect(openPadded(nodeCrypto, within.entry, within.bytes)).toHaveLength(STORED_CHUNK_MAX_BYTES - 17)
  })

  it('refuses padding of another length than the rule gives', () => {
    const longer = sealAnything(Uint8Array.of(0, 7, 8, 0, 0, 0, 0, 0), 2)
    expect(() => openChunk(nodeCrypto, longer.entry, longer.bytes)).toThrow(ChunkCorrupt)
  })
})

describe('opening a chunk in place, for a file that is hashed whole (CNT-14)', () => {
  it('gives the data back, in the memory of the stored bytes', () => {
    fc.assert(
      fc.property(data, (plain) => {
        const { entry, bytes } = sealChunk(nodeCrypto, secret, plain)
        const stored = bytes.slice()
        const opened = openChunkInPlace(nodeCrypto, entry, stored)
        expect(opened).toEqual(plain)
        expect(opened.buffer).toBe(stored.buffer)
        expect(openChunkInPlace(browserCrypto, entry, bytes)).toEqual(plain)
      }),
    )
  })

  it('refuses any changed byte, another key or length, and padding that is not zero, naming the chunk', () => {
    const { entry, bytes } = sealChunk(nodeCrypto, secret, hello)
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.with(at, bytes[at]! ^ 0x80)
      expect(corruptIdOf(() => openChunkInPlace(nodeCrypto, entry, changed))).toBe(entry.id)
      expect(() => openChunkInPlace(nodeCrypto, entry, bytes.slice(0, at))).toThrow(ChunkCorrupt)
    }
    const openAs = (change: Partial<ChunkEntry>) => () =>
      openChunkInPlace(nodeCrypto, { ...entry, ...change }, bytes.slice())
    expect(openAs({ key: otherDigest(entry.key) })).toThrow(/does not authenticate/)
    expect(openAs({ length: 0 })).toThrow(/entry claims/)
    const padding = sealAnything(Uint8Array.of(0, 7, 8, 9, 10, 11, 12, 13, 14, 3), 8)
    expect(() => openChunkInPlace(nodeCrypto, padding.entry, padding.bytes)).toThrow(/padding is not zero/)
  })
})

function corruptIdOf(action: () => unknown): string | undefined {
  try {
    action()
  } catch (error) {
    if (error instanceof ChunkCorrupt) return error.id
  }
  return undefined
}

/** The definition step by step, HKDF from RFC 5869 with HMAC alone. */
function naiveSeal(chunkSecret: Uint8Array, plain: Uint8Array): { entry: ChunkEntry; bytes: Uint8Array } {
  const padded = Buffer.alloc(padmeLength(1 + plain.length))
  padded.set(plain, 1)
  const hash = createHash('sha256').update(padded).digest()
  const extracted = createHmac('sha256', Buffer.alloc(32)).update(chunkSecret).digest()
  const key = createHmac('sha256', extracted)
    .update(Buffer.concat([Buffer.of(1), hash, Buffer.of(1)]))
    .digest()
  const cipher = createCipheriv('aes-256-gcm', key, Buffer.alloc(12))
  const bytes = Buffer.concat([cipher.update(padded), cipher.final(), cipher.getAuthTag()])
  const entry: ChunkEntry = {
    id: idFromBytes('chunk', createHash('sha256').update(bytes).digest()),
    key: idFromBytes('digest', key),
    hash: idFromBytes('digest', hash),
    length: plain.length,
  }
  return { entry, bytes: new Uint8Array(bytes) }
}

const PINNED = {
  id: 'd5646ffd0b27df5fd9ea2c71e78110015fb76cf307b810b18534c8000e9dca1b',
  key: '032a7ad63e5fa9a0a361687481f504628703335f2b133c2674fca45251a80838',
  hash: 'a3f4f7fbf1ad098d449aeb188cec8f110864351e744708b3813940c6341a2bd8',
  length: 12,
  bytes: '89c589b52431bff3622a0de8335af715b12c861a336fc72859049d45849e',
}
