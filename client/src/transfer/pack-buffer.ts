/** A pack being filled: its frames lie in one piece of memory, as they travel, which serves for pack after pack. */
import { copyBytes } from '@pileus/core/bytes/copy'
import {
  FRAME_HEADER_BYTES,
  frameHeader,
  PACK_HEADER_BYTES,
  packHeader,
  type StoredChunk,
} from '@pileus/core/content/pack'
import type { ChunkId } from '@pileus/core/ids/ids'
import { CHUNK_IDS_MAX } from '@pileus/core/limits'

/** A pack is full well below what the server takes: three of them are held, and more of them overlap better. */
export const PACK_FULL_BYTES = 8 * 1024 * 1024
/** Most syncs send little: the buffer grows with what is added, up to a whole pack. */
const FIRST_BYTES = 64 * 1024

interface Frame {
  readonly start: number
  readonly end: number
  readonly content: number
}

export class PackBuffer {
  readonly #frames = new Map<ChunkId, Frame>()
  #bytes = new Uint8Array(FIRST_BYTES)
  #length = 0

  constructor() {
    this.clear()
  }

  /** In the order added. */
  ids(): ChunkId[] {
    return [...this.#frames.keys()]
  }

  has(id: ChunkId): boolean {
    return this.#frames.has(id)
  }

  /** Whether a chunk of `length` bytes finds room in this pack, and its id in one question about what is missing. */
  fits(length: number): boolean {
    return this.#length + FRAME_HEADER_BYTES + length <= PACK_FULL_BYTES && this.#frames.size < CHUNK_IDS_MAX
  }

  /** Copies the chunk, which holds so many bytes of content. It must fit, and not be there already. */
  add({ id, bytes }: StoredChunk, content: number): void {
    const start = this.#length
    const end = start + FRAME_HEADER_BYTES + bytes.length
    if (end > this.#bytes.length) this.#grow(end)
    this.#bytes.set(frameHeader(id, bytes.length), start)
    copyBytes(bytes, this.#bytes, start + FRAME_HEADER_BYTES)
    this.#frames.set(id, { start, end, content })
    this.#length = end
  }

  /**
   * The pack of these chunks of this buffer, given in the order they were added: parts to be sent one after another.
   * They are views of the buffer, good until it is cleared. `bytes` counts the chunks alone, `content` what they hold.
   */
  pack(ids: readonly ChunkId[]): { parts: Uint8Array[]; bytes: number; content: number } {
    const runs: { start: number; end: number }[] = [{ start: 0, end: PACK_HEADER_BYTES }]
    let bytes = 0
    let content = 0
    for (const id of ids) {
      const { start, end, content: held } = this.#frames.get(id)!
      const last = runs.at(-1)!
      if (last.end === start) last.end = end
      else runs.push({ start, end })
      bytes += end - start - FRAME_HEADER_BYTES
      content += held
    }
    return { parts: runs.map(({ start, end }) => this.#bytes.subarray(start, end)), bytes, content }
  }

  clear(): void {
    this.#frames.clear()
    this.#bytes.set(packHeader())
    this.#length = PACK_HEADER_BYTES
  }

  #grow(needed: number): void {
    const grown = new Uint8Array(Math.min(PACK_FULL_BYTES, Math.max(needed, 4 * this.#bytes.length)))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}
