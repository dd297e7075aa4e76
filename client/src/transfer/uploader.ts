/**
 * Brings sealed chunks to the server: collects them into packs, asks which are missing, uploads those. While one
 * pack is being filled a few travel, so that a question, the sending and the server's work on the pack before overlap;
 * no more are held. What an interrupted run uploaded is not missing and is not sent again.
 */
import { packId, type StoredChunk } from '@pileus/core/content/pack'
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { ZoneId } from '@pileus/core/ids/ids'
import type { Remote } from '../remote/remote.ts'
import type { ChunkSink } from './ingest.ts'
import { PackBuffer } from './pack-buffer.ts'

export interface UploadCounts {
  chunksSent: number
  /** As they travelled: sealed, padded. */
  bytesSent: number
  /** Bytes of content in them. */
  contentSent: number
  /** Chunks that the server had already. */
  chunksKnown: number
}

/** With the one being filled they bound the memory: three times PACK_FULL_BYTES. */
const PACKS_UNDER_WAY = 2

interface Load {
  readonly pack: PackBuffer
  readonly waiting: (() => void)[]
}

interface LoadUnderWay extends Load {
  /** True once it and all before it are durable and told of; false when one of them failed. Never rejects. */
  readonly stored: Promise<boolean>
}

export class Uploader implements ChunkSink {
  readonly counts: UploadCounts
  readonly #remote: Remote
  readonly #zone: ZoneId
  readonly #crypto: Crypto
  readonly #progress: () => void
  readonly #idle: PackBuffer[] = []
  #load: Load = { pack: new PackBuffer(), waiting: [] }
  #underWay: LoadUnderWay[] = []
  #failure: { error: unknown } | null = null

  /** `counts` goes on where another uploader ended. */
  constructor(
    remote: Remote,
    zone: ZoneId,
    crypto: Crypto,
    progress: () => void = () => {},
    counts: UploadCounts = { chunksSent: 0, bytesSent: 0, contentSent: 0, chunksKnown: 0 },
  ) {
    this.counts = counts
    this.#remote = remote
    this.#zone = zone
    this.#crypto = crypto
    this.#progress = progress
  }

  /**
   * Takes a copy of a chunk, which holds so many bytes of content. Waits while a full pack and those before it are under way. Rejects once an upload
   * failed.
   */
  async add(chunk: StoredChunk, content = 0): Promise<void> {
    if (this.#holds(chunk)) return
    if (!this.#load.pack.fits(chunk.bytes.length)) await this.#send()
    this.#load.pack.add(chunk, content)
  }

  /**
   * Calls `done` once everything added so far is durable on the server, in the order of these calls; never when
   * that fails.
   */
  whenStored(done: () => void): void {
    this.#load.waiting.push(done)
  }

  /** Sends what is left and waits for all of it. Rejects when an upload failed. */
  async finish(): Promise<void> {
    await this.#send()
    await this.#underWay.at(-1)?.stored
    if (this.#failure) throw this.#failure.error
  }

  /** Waits until nothing is under way any more, however it ended. Never rejects. */
  async settled(): Promise<void> {
    await this.#underWay.at(-1)?.stored
  }

  /** A chunk on its way is not sent twice: whoever waits for this one waits for that one first. */
  #holds({ id }: StoredChunk): boolean {
    return this.#load.pack.has(id) || this.#underWay.some(({ pack }) => pack.has(id))
  }

  async #send(): Promise<void> {
    while (this.#underWay.length >= PACKS_UNDER_WAY) await this.#underWay[0]!.stored
    if (this.#failure) throw this.#failure.error
    const load = this.#load
    this.#load = { pack: this.#idle.pop() ?? new PackBuffer(), waiting: [] }
    const before = this.#underWay.at(-1)?.stored ?? Promise.resolve(true)
    this.#underWay.push({ ...load, stored: this.#store(load, before) })
  }

  async #store(load: Load, before: Promise<boolean>): Promise<boolean> {
    try {
      await this.#upload(load.pack)
      if (!(await before)) return false
      for (const done of load.waiting) done()
      return true
    } catch (error) {
      this.#failure ??= { error }
      // Those before it go on, and are not overtaken by the news of this failure.
      await before
      return false
    } finally {
      this.#underWay = this.#underWay.filter(({ pack }) => pack !== load.pack)
      load.pack.clear()
      this.#idle.push(load.pack)
    }
  }

  async #upload(pack: PackBuffer): Promise<void> {
    const ids = pack.ids()
    if (ids.length === 0) return
    const missing = new Set((await this.#remote.missing(this.#zone, ids)).missing)
    this.counts.chunksKnown += ids.length - missing.size
    const lacking = ids.filter((id) => missing.has(id))
    if (lacking.length === 0) return
    const { parts, bytes, content } = pack.pack(lacking)
    await this.#remote.putPack(this.#zone, packId(this.#crypto, lacking), parts)
    this.counts.chunksSent += lacking.length
    this.counts.bytesSent += bytes
    this.counts.contentSent += content
    this.#progress()
  }
}
