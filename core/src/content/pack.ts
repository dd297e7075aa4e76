/**
 * Packs: many stored chunks in one immutable object. The format is in docs/spec/content.md (CNT-20 and on).
 * Chunks are opaque here: whoever reads a pack checks each frame's bytes against its id.
 */
import { copyBytes } from '../bytes/copy.ts'
import type { Crypto } from '../crypto/crypto.ts'
import { type ChunkId, ID_BYTES, idBytes, idFromBytes, type PackId } from '../ids/ids.ts'
import {
  CHUNK_IDS_MAX,
  FETCH_MAX_BYTES,
  PACK_MAX_BYTES,
  PACK_MAX_CHUNKS,
  STORED_CHUNK_MAX_BYTES,
} from '../limits.ts'

/** 'PLPK' and the format version. */
const HEADER = Uint8Array.of(0x50, 0x4c, 0x50, 0x4b, 1)
const LENGTH_BYTES = 4

export const PACK_HEADER_BYTES = HEADER.length
/** Stands before each chunk: length (u32, big endian), id. */
export const FRAME_HEADER_BYTES = LENGTH_BYTES + ID_BYTES.chunk

export interface PackLimits {
  /** Of the whole pack, headers included. */
  readonly maxBytes: number
  readonly maxChunks: number
  /** Whether one chunk may stand twice. */
  readonly repeats: boolean
}

/** What holds for a pack at rest and in upload. */
export const PACK_LIMITS: PackLimits = {
  maxBytes: PACK_MAX_BYTES,
  maxChunks: PACK_MAX_CHUNKS,
  repeats: false,
}

/** What holds for the answer to a fetch, which is a pack of the chunks asked for. */
export const FETCH_LIMITS: PackLimits = {
  maxBytes: FETCH_MAX_BYTES + PACK_HEADER_BYTES + CHUNK_IDS_MAX * FRAME_HEADER_BYTES,
  maxChunks: CHUNK_IDS_MAX,
  repeats: true,
}

export interface StoredChunk {
  readonly id: ChunkId
  readonly bytes: Uint8Array
}

export interface PackFrame extends StoredChunk {
  /** Where `bytes` begins in the pack, in bytes from the pack's start. */
  readonly offset: number
}

/** Bytes that are not a pack within the limits. */
export class PackMalformed extends Error {
  /** Bytes from the start of the pack. */
  readonly at: number
  constructor(what: string, at: number) {
    super(`cannot read the pack: ${what} at byte ${at}; it was damaged or cut short, send or fetch it again`)
    this.name = 'PackMalformed'
    this.at = at
  }
}

/** The id of a pack holding these chunks in this order. */
export function packId(crypto: Crypto, ids: readonly ChunkId[]): PackId {
  const bytes = new Uint8Array(ids.length * ID_BYTES.chunk)
  for (const [index, id] of ids.entries()) bytes.set(idBytes(id), index * ID_BYTES.chunk)
  return idFromBytes('pack', crypto.sha256(bytes))
}

/** The five bytes a pack begins with; for a writer that streams. */
export function packHeader(): Uint8Array {
  return HEADER.slice()
}

/** What stands before a chunk of `length` stored bytes; for a writer that streams. Throws RangeError. */
export function frameHeader(id: ChunkId, length: number): Uint8Array {
  if (!isFrameLength(length)) {
    throw new RangeError(
      `cannot pack chunk ${id} of ${length} bytes: expected 1 to ${STORED_CHUNK_MAX_BYTES} bytes`,
    )
  }
  const header = new Uint8Array(FRAME_HEADER_BYTES)
  new DataView(header.buffer).setUint32(0, length)
  header.set(idBytes(id), LENGTH_BYTES)
  return header
}

/**
 * The pack of these chunks, as parts to be sent one after another; the chunks' bytes are not copied.
 * Throws RangeError when the pack would break the limits, which is the caller's mistake.
 */
export function encodePack(chunks: readonly StoredChunk[], limits: PackLimits = PACK_LIMITS): Uint8Array[] {
  if (chunks.length === 0 || chunks.length > limits.maxChunks) {
    throw new RangeError(`cannot pack ${chunks.length} chunks: expected 1 to ${limits.maxChunks}`)
  }
  if (!limits.repeats && new Set(chunks.map((chunk) => chunk.id)).size !== chunks.length) {
    throw new RangeError('cannot pack the same chunk twice: keep one of each id')
  }
  const parts = [packHeader()]
  let total = PACK_HEADER_BYTES
  for (const { id, bytes } of chunks) {
    parts.push(frameHeader(id, bytes.length), bytes)
    total += FRAME_HEADER_BYTES + bytes.length
  }
  if (total > limits.maxBytes) {
    throw new RangeError(`cannot pack ${total} bytes: a pack holds at most ${limits.maxBytes}`)
  }
  return parts
}

/**
 * Decodes a pack that arrives in any pieces, holding at most one unfinished chunk. Memory follows the bytes
 * that arrived, never a length the sender merely claims. After a throw every later call throws the same.
 */
export class PackReader {
  readonly #limits: PackLimits
  readonly #allocate: ((bytes: number) => Uint8Array) | null
  readonly #seen = new Set<ChunkId>()
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES)
  /** The pack's header counts as a frame header of its own length, with no bytes after it. */
  #headerBytes = PACK_HEADER_BYTES
  #headerFilled = 0
  #position = 0
  #chunks = 0
  #frame: PartialFrame | null = null
  #failure: PackMalformed | null = null

  /** `allocate` gives the place of each chunk's bytes, of exactly this length; then no frame shares an input's memory. */
  constructor(limits: PackLimits = PACK_LIMITS, allocate: ((bytes: number) => Uint8Array) | null = null) {
    this.#limits = limits
    this.#allocate = allocate
  }

  /**
   * Takes the next piece and returns the frames it completes, in order. Unless there is an `allocate`, a frame that
   * lies wholly in `input` shares its memory: do not write to `input` while a frame of it is in use. Throws
   * PackMalformed.
   */
  push(input: Uint8Array): PackFrame[] {
    return this.#guarded(() => {
      if (this.#position + input.length > this.#limits.maxBytes) {
        throw new PackMalformed(`more than ${this.#limits.maxBytes} bytes`, this.#limits.maxBytes)
      }
      const frames: PackFrame[] = []
      let at = 0
      while (at < input.length) {
        const taken = this.#frame
          ? this.#takeBytes(this.#frame, input, at, frames)
          : this.#takeHeader(input, at)
        this.#position += taken
        at += taken
      }
      return frames
    })
  }

  /** Says that all pieces were pushed. Returns the pack's totals. Throws PackMalformed when it is not complete. */
  end(): { chunks: number; bytes: number } {
    return this.#guarded(() => {
      const complete = this.#frame === null && this.#headerFilled === 0 && this.#chunks > 0
      if (!complete) throw new PackMalformed('unexpected end', this.#position)
      return { chunks: this.#chunks, bytes: this.#position }
    })
  }

  #guarded<T>(action: () => T): T {
    if (this.#failure) throw this.#failure
    try {
      return action()
    } catch (error) {
      if (error instanceof PackMalformed) this.#failure = error
      throw error
    }
  }

  #takeHeader(input: Uint8Array, at: number): number {
    const taken = Math.min(this.#headerBytes - this.#headerFilled, input.length - at)
    this.#header.set(input.subarray(at, at + taken), this.#headerFilled)
    this.#headerFilled += taken
    if (this.#headerFilled < this.#headerBytes) return taken
    this.#headerFilled = 0
    if (this.#headerBytes === PACK_HEADER_BYTES) this.#checkPackHeader()
    else this.#frame = this.#openFrame(this.#position + taken)
    return taken
  }

  #checkPackHeader(): void {
    for (const [index, byte] of HEADER.entries()) {
      if (this.#header[index] !== byte) throw new PackMalformed('not the header of a version 1 pack', 0)
    }
    this.#headerBytes = FRAME_HEADER_BYTES
  }

  #openFrame(offset: number): PartialFrame {
    const at = offset - FRAME_HEADER_BYTES
    const length = new DataView(this.#header.buffer).getUint32(0)
    if (!isFrameLength(length)) {
      throw new PackMalformed(`a chunk of ${length} bytes (expected 1 to ${STORED_CHUNK_MAX_BYTES})`, at)
    }
    if (offset + length > this.#limits.maxBytes) {
      throw new PackMalformed(`a chunk that passes the pack's ${this.#limits.maxBytes} bytes`, at)
    }
    if (this.#chunks >= this.#limits.maxChunks) {
      throw new PackMalformed(`more than ${this.#limits.maxChunks} chunks`, at)
    }
    const id = idFromBytes('chunk', this.#header.subarray(LENGTH_BYTES))
    if (!this.#limits.repeats) {
      if (this.#seen.has(id)) throw new PackMalformed(`chunk ${id} a second time`, at)
      this.#seen.add(id)
    }
    return { id, offset, length, filled: 0, buffer: this.#allocate?.(length) ?? EMPTY }
  }

  #takeBytes(frame: PartialFrame, input: Uint8Array, at: number, frames: PackFrame[]): number {
    const taken = Math.min(frame.length - frame.filled, input.length - at)
    const piece = input.subarray(at, at + taken)
    const whole = taken === frame.length && this.#allocate === null
    if (!whole) append(frame, piece)
    if (whole || frame.filled === frame.length) {
      frames.push({ id: frame.id, offset: frame.offset, bytes: whole ? piece : frame.buffer })
      this.#chunks += 1
      this.#frame = null
    }
    return taken
  }
}

interface PartialFrame {
  readonly id: ChunkId
  readonly offset: number
  readonly length: number
  filled: number
  buffer: Uint8Array
}

const EMPTY = new Uint8Array(0)
const FIRST_BUFFER_BYTES = 65_536

function append(frame: PartialFrame, piece: Uint8Array): void {
  const needed = frame.filled + piece.length
  if (needed > frame.buffer.length) {
    const grown = new Uint8Array(Math.min(frame.length, Math.max(FIRST_BUFFER_BYTES, 2 * needed)))
    grown.set(frame.buffer.subarray(0, frame.filled))
    frame.buffer = grown
  }
  copyBytes(piece, frame.buffer, frame.filled)
  frame.filled = needed
}

function isFrameLength(length: number): boolean {
  return length >= 1 && length <= STORED_CHUNK_MAX_BYTES
}
