/**
 * Brings sealed chunks to the server: collects them into packs, asks which are missing, uploads those. One pack
 * travels while the next is being filled; no more are held. What an interrupted run uploaded is not missing
 * and is not sent again.
 */
import {
  encodePack,
  FRAME_HEADER_BYTES,
  PACK_HEADER_BYTES,
  packId,
  type StoredChunk,
} from '@pileus/core/content/pack'
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { ChunkId, ZoneId } from '@pileus/core/ids/ids'
import { CHUNK_IDS_MAX, PACK_MAX_BYTES } from '@pileus/core/limits'
import type { Remote } from '../remote/remote.ts'

export interface UploadCounts {
  chunksSent: number
  bytesSent: number
  /** Chunks that the server had already. */
  chunksKnown: number
}

interface Load {
  readonly chunks: Map<ChunkId, StoredChunk>
  bytes: number
  readonly waiting: (() => void)[]
}

export class Uploader {
  readonly counts: UploadCounts = { chunksSent: 0, bytesSent: 0, chunksKnown: 0 }
  readonly #remote: Remote
  readonly #zone: ZoneId
  readonly #crypto: Crypto
  readonly #progress: () => void
  #load = emptyLoad()
  #underWay: Promise<void> = Promise.resolve()
  #failure: { error: unknown } | null = null

  constructor(remote: Remote, zone: ZoneId, crypto: Crypto, progress: () => void = () => {}) {
    this.#remote = remote
    this.#zone = zone
    this.#crypto = crypto
    this.#progress = progress
  }

  /** Takes a chunk. Waits while a full pack and the one before it are under way. Rejects once an upload failed. */
  async add(chunk: StoredChunk): Promise<void> {
    const frame = FRAME_HEADER_BYTES + chunk.bytes.length
    const full = this.#load.bytes + frame > PACK_MAX_BYTES || this.#load.chunks.size >= CHUNK_IDS_MAX
    if (full) await this.#send()
    if (this.#load.chunks.has(chunk.id)) return
    this.#load.chunks.set(chunk.id, chunk)
    this.#load.bytes += frame
  }

  /** Calls `done` once everything added so far is durable on the server; never when that fails. */
  whenStored(done: () => void): void {
    this.#load.waiting.push(done)
  }

  /** Sends what is left and waits for all of it. Rejects when an upload failed. */
  async finish(): Promise<void> {
    await this.#send()
    await this.#underWay
    if (this.#failure) throw this.#failure.error
  }

  async #send(): Promise<void> {
    await this.#underWay
    if (this.#failure) throw this.#failure.error
    const load = this.#load
    this.#load = emptyLoad()
    this.#underWay = this.#upload(load).catch((error: unknown) => {
      this.#failure = { error }
    })
  }

  async #upload(load: Load): Promise<void> {
    if (load.chunks.size > 0) {
      const ids = [...load.chunks.keys()]
      const { missing } = await this.#remote.missing(this.#zone, ids)
      this.counts.chunksKnown += ids.length - missing.length
      const chunks = missing.map((id) => load.chunks.get(id)!)
      if (chunks.length > 0) {
        await this.#remote.putPack(this.#zone, packId(this.#crypto, missing), encodePack(chunks))
        this.counts.chunksSent += chunks.length
        for (const chunk of chunks) this.counts.bytesSent += chunk.bytes.length
        this.#progress()
      }
    }
    for (const done of load.waiting) done()
  }
}

function emptyLoad(): Load {
  return { chunks: new Map(), bytes: PACK_HEADER_BYTES, waiting: [] }
}
