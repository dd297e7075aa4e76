/**
 * Checking a pack while it passes by: the same format and bounds as core's PackReader, but no chunk is put together
 * in memory. Each piece goes straight into the hash of the chunk it belongs to. PackReader is its twin in the tests.
 */
import { toHex } from '@pileus/core/bytes/hex'
import {
  FRAME_HEADER_BYTES,
  PACK_HEADER_BYTES,
  PACK_LIMITS,
  PackMalformed,
  packHeader,
} from '@pileus/core/content/pack'
import type { Crypto, Sha256 } from '@pileus/core/crypto/crypto'
import { type ChunkId, idFromBytes, type PackId } from '@pileus/core/ids/ids'
import { STORED_CHUNK_MAX_BYTES } from '@pileus/core/limits'
import { Problem } from '@pileus/core/protocol/problem'
import type { ChunkPlace } from '../zones/zones.ts'

const LENGTH_BYTES = 4

interface Chunk {
  readonly id: ChunkId
  readonly offset: number
  readonly length: number
  readonly hash: Sha256
  left: number
}

/** Takes a pack's bytes in order, in any pieces. Throws PackMalformed, or Problem 'chunk-corrupt' naming the chunk. */
export class PackScanner {
  readonly #crypto: Crypto
  readonly #pack: PackId
  readonly #places: ChunkPlace[] = []
  readonly #seen = new Set<ChunkId>()
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES)
  #headerBytes = PACK_HEADER_BYTES
  #headerFilled = 0
  #chunk: Chunk | null = null
  #position = 0

  constructor(crypto: Crypto, pack: PackId) {
    this.#crypto = crypto
    this.#pack = pack
  }

  push(piece: Uint8Array): void {
    if (this.#position + piece.length > PACK_LIMITS.maxBytes) {
      throw new PackMalformed(`more than ${PACK_LIMITS.maxBytes} bytes`, PACK_LIMITS.maxBytes)
    }
    let at = 0
    while (at < piece.length) {
      const taken = this.#chunk ? this.#takeBytes(this.#chunk, piece, at) : this.#takeHeader(piece, at)
      at += taken
    }
  }

  /** Says that all pieces were pushed. Returns where the chunks stand, and the pack's bytes. */
  end(): { places: readonly ChunkPlace[]; bytes: number } {
    if (this.#chunk !== null || this.#headerFilled > 0 || this.#places.length === 0) {
      throw new PackMalformed('unexpected end', this.#position)
    }
    return { places: this.#places, bytes: this.#position }
  }

  #takeHeader(piece: Uint8Array, at: number): number {
    const taken = Math.min(this.#headerBytes - this.#headerFilled, piece.length - at)
    this.#header.set(piece.subarray(at, at + taken), this.#headerFilled)
    this.#headerFilled += taken
    this.#position += taken
    if (this.#headerFilled < this.#headerBytes) return taken
    this.#headerFilled = 0
    if (this.#headerBytes === PACK_HEADER_BYTES) this.#checkPackHeader()
    else this.#chunk = this.#openChunk()
    return taken
  }

  #checkPackHeader(): void {
    if (!packHeader().every((byte, index) => this.#header[index] === byte)) {
      throw new PackMalformed('not the header of a version 1 pack', 0)
    }
    this.#headerBytes = FRAME_HEADER_BYTES
  }

  #openChunk(): Chunk {
    const offset = this.#position
    const at = offset - FRAME_HEADER_BYTES
    const length = new DataView(this.#header.buffer).getUint32(0)
    if (length < 1 || length > STORED_CHUNK_MAX_BYTES)
      throw new PackMalformed(`a chunk of ${length} bytes`, at)
    if (offset + length > PACK_LIMITS.maxBytes) throw new PackMalformed('a chunk that passes the end', at)
    if (this.#seen.size >= PACK_LIMITS.maxChunks) {
      throw new PackMalformed(`more than ${PACK_LIMITS.maxChunks} chunks`, at)
    }
    const id = idFromBytes('chunk', this.#header.subarray(LENGTH_BYTES))
    if (this.#seen.has(id)) throw new PackMalformed(`chunk ${id} a second time`, at)
    this.#seen.add(id)
    return { id, offset, length, hash: this.#crypto.createSha256(), left: length }
  }

  #takeBytes(chunk: Chunk, piece: Uint8Array, at: number): number {
    const taken = Math.min(chunk.left, piece.length - at)
    chunk.hash.update(piece.subarray(at, at + taken))
    chunk.left -= taken
    this.#position += taken
    if (chunk.left === 0) this.#closeChunk(chunk)
    return taken
  }

  #closeChunk({ id, offset, length, hash }: Chunk): void {
    if (toHex(hash.digest()) !== id) {
      throw new Problem('chunk-corrupt', `chunk ${id} does not match its id: it was damaged, send it again`, {
        ids: [id],
      })
    }
    this.#places.push({ chunk: id, pack: this.#pack, offset, length })
    this.#chunk = null
  }
}
