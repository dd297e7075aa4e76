/**
 * Sealing one chunk: deterministic, so that equal content in a zone gives equal chunks, and verifiable by
 * anyone by its id alone. The format is in docs/spec/content.md (CNT-10 and on).
 */
import { AuthenticationFailed, type Crypto } from '../crypto/crypto.ts'
import { type ChunkId, type Digest, ID_BYTES, idBytes, idFromBytes } from '../ids/ids.ts'
import { CHUNK_MAX_BYTES, STORED_CHUNK_MAX_BYTES } from '../limits.ts'
import type { ChunkEntry } from '../records/record.ts'
import { padmeLength } from './padding.ts'

/** The suite of this format: SHA-256, HKDF-SHA-256, AES-256-GCM. Nothing else is ever opened. */
const SUITE = 1
/** The only codec there is: the data as it stands. */
const CODEC_STORED = 0
const CODEC_BYTES = 1
const CODEC = Uint8Array.of(CODEC_STORED)
/** The longest padding there is, and more. */
const ZEROS = new Uint8Array(CHUNK_MAX_BYTES / 8)
const TAG_BYTES = 16
const SECRET_BYTES = 32

/** Safe only because each key seals exactly one plaintext: the key is derived from the plaintext's hash. */
const ZERO_NONCE = new Uint8Array(12)
const EMPTY = new Uint8Array(0)

/** Stored bytes that are not the chunk an entry describes. */
export class ChunkCorrupt extends Error {
  readonly id: ChunkId
  constructor(id: ChunkId, reason: string) {
    super(`cannot open chunk ${id}: ${reason}; fetch it again, or restore the file from another device`)
    this.name = 'ChunkCorrupt'
    this.id = id
  }
}

/** Stored bytes of a chunk of `length` bytes of data. */
export function storedChunkBytes(length: number): number {
  return padmeLength(CODEC_BYTES + length) + TAG_BYTES
}

/**
 * Seals 1 to CHUNK_MAX_BYTES of data under a key derived from it and the zone's 32-byte chunk secret.
 * The same data and secret always give the same bytes. Throws RangeError when a length is wrong.
 */
export function sealChunk(
  crypto: Crypto,
  chunkSecret: Uint8Array,
  data: Uint8Array,
): { entry: ChunkEntry; bytes: Uint8Array } {
  assertDataLength(data.length)
  const bytes = new Uint8Array(storedChunkBytes(data.length))
  return { entry: sealChunkInto(crypto, chunkSecret, data, bytes), bytes }
}

/**
 * The same into a place that is there already: the `storedChunkBytes(data.length)` bytes of `into`, which `data`
 * must not share. Throws RangeError when a length is wrong.
 */
export function sealChunkInto(
  crypto: Crypto,
  chunkSecret: Uint8Array,
  data: Uint8Array,
  into: Uint8Array,
): ChunkEntry {
  if (chunkSecret.length !== SECRET_BYTES) {
    throw new RangeError(`cannot seal with a secret of ${chunkSecret.length} bytes: expected ${SECRET_BYTES}`)
  }
  assertDataLength(data.length)
  if (into.length !== storedChunkBytes(data.length)) {
    throw new RangeError(
      `cannot seal ${data.length} bytes into ${into.length}: expected ${storedChunkBytes(data.length)}`,
    )
  }
  const text = [CODEC, data, paddingOf(data.length)]
  const hash = crypto.sha256(...text)
  const key = chunkKey(crypto, chunkSecret, hash)
  crypto.aesGcmSealInto(key, ZERO_NONCE, EMPTY, text, into)
  return {
    id: chunkIdOf(crypto, into),
    key: idFromBytes('digest', key),
    hash: idFromBytes('digest', hash),
    length: data.length,
  }
}

/** The `hash` of the entry of this data: whether bytes at hand are a chunk's, without sealing them. */
export function dataHash(crypto: Crypto, data: Uint8Array): Digest {
  return idFromBytes('digest', crypto.sha256(CODEC, data, paddingOf(data.length)))
}

/** Whether the chunk of an entry is the one that `sealChunk` makes with this secret, if its id is that of its bytes. */
export function isSealedUnder(
  crypto: Crypto,
  chunkSecret: Uint8Array,
  { key, hash }: Pick<ChunkEntry, 'key' | 'hash'>,
): boolean {
  return idFromBytes('digest', chunkKey(crypto, chunkSecret, idBytes(hash))) === key
}

/** The id of stored bytes; needs no key, so that anyone can check a chunk. */
export function chunkIdOf(crypto: Crypto, bytes: Uint8Array): ChunkId {
  return idFromBytes('chunk', crypto.sha256(bytes))
}

/**
 * The data of the chunk that `entry` describes. Trusts neither side: the bytes come from the server, the entry
 * perhaps from another member. Throws ChunkCorrupt when id, length, tag, hash, codec or padding is not right.
 */
export function openChunk(crypto: Crypto, entry: ChunkEntry, bytes: Uint8Array): Uint8Array {
  requireLengths(entry, bytes)
  return withoutPadding(entry.id, openPadded(crypto, entry, bytes), entry.length)
}

/**
 * What openChunk returns, put where the stored bytes were, with neither these nor the data hashed: only for a reader
 * that checks the hash of the whole file which the chunks make (CNT-14). Throws ChunkCorrupt; then nothing in `bytes`
 * may be used.
 */
export function openChunkInPlace(crypto: Crypto, entry: ChunkEntry, bytes: Uint8Array): Uint8Array {
  requireLengths(entry, bytes)
  authentic(entry.id, () => crypto.aesGcmOpenInPlace(idBytes(entry.key), ZERO_NONCE, EMPTY, bytes))
  const padded = bytes.subarray(0, bytes.length - TAG_BYTES)
  return withoutPadding(entry.id, withoutCodec(entry.id, padded), entry.length)
}

/**
 * What openChunk returns, still followed by its padding: for data that says its own length (list nodes, whose
 * entries count bytes of the file instead). Throws ChunkCorrupt.
 */
export function openPadded(crypto: Crypto, entry: Omit<ChunkEntry, 'length'>, bytes: Uint8Array): Uint8Array {
  if (bytes.length > STORED_CHUNK_MAX_BYTES || chunkIdOf(crypto, bytes) !== entry.id) {
    throw new ChunkCorrupt(entry.id, 'its bytes do not have this id')
  }
  const padded = authentic(entry.id, () => crypto.aesGcmOpen(idBytes(entry.key), ZERO_NONCE, EMPTY, bytes))
  if (idFromBytes('digest', crypto.sha256(padded)) !== entry.hash) {
    throw new ChunkCorrupt(entry.id, 'its content does not have the listed hash')
  }
  return withoutCodec(entry.id, padded)
}

/** The first `length` bytes, once all after them is the padding that belongs to them. Throws ChunkCorrupt. */
export function withoutPadding(id: ChunkId, data: Uint8Array, length: number): Uint8Array {
  if (CODEC_BYTES + data.length !== padmeLength(CODEC_BYTES + length)) {
    throw new ChunkCorrupt(id, `it has not the size of ${length} bytes of data`)
  }
  for (let at = length; at < data.length; at++) {
    if (data[at] !== 0) throw new ChunkCorrupt(id, 'its padding is not zero')
  }
  return data.subarray(0, length)
}

function requireLengths({ id, length }: ChunkEntry, bytes: Uint8Array): void {
  if (!isDataLength(length)) {
    throw new ChunkCorrupt(id, `its entry claims ${length} bytes (1 to ${CHUNK_MAX_BYTES} allowed)`)
  }
  const expected = storedChunkBytes(length)
  if (bytes.length !== expected) {
    throw new ChunkCorrupt(id, `it has ${bytes.length} stored bytes instead of ${expected}`)
  }
}

function withoutCodec(id: ChunkId, padded: Uint8Array): Uint8Array {
  if (padded[0] !== CODEC_STORED) throw new ChunkCorrupt(id, `its codec ${padded[0]} is not known`)
  return padded.subarray(CODEC_BYTES)
}

function authentic<T>(id: ChunkId, open: () => T): T {
  try {
    return open()
  } catch (error) {
    if (error instanceof AuthenticationFailed) throw new ChunkCorrupt(id, 'it does not authenticate')
    throw error
  }
}

function chunkKey(crypto: Crypto, chunkSecret: Uint8Array, hash: Uint8Array): Uint8Array {
  return crypto.hkdfSha256(chunkSecret, EMPTY, keyInfo(hash), SECRET_BYTES)
}

function keyInfo(hash: Uint8Array): Uint8Array {
  const info = new Uint8Array(1 + ID_BYTES.digest)
  info[0] = SUITE
  info.set(hash, 1)
  return info
}

function isDataLength(length: number): boolean {
  return Number.isInteger(length) && length >= 1 && length <= CHUNK_MAX_BYTES
}

function assertDataLength(length: number): void {
  if (isDataLength(length)) return
  throw new RangeError(`cannot seal a chunk of ${length} bytes: expected 1 to ${CHUNK_MAX_BYTES}`)
}

/** What follows so many bytes of data; do not write to it. */
function paddingOf(length: number): Uint8Array {
  return ZEROS.subarray(0, padmeLength(CODEC_BYTES + length) - CODEC_BYTES - length)
}
