/** How much of some files the server lacks, found out without sending anything. */
import { FRAME_HEADER_BYTES, type StoredChunk } from '@pileus/core/content/pack'
import type { ChunkId, ZoneId } from '@pileus/core/ids/ids'
import { CHUNK_IDS_MAX } from '@pileus/core/limits'
import type { Remote } from '../remote/remote.ts'
import type { ChunkSink } from './ingest.ts'

interface Count {
  bytes: number
  chunks: number
}

/** Takes the chunks of one file after another. A chunk that several of them have counts for each. */
export class LackingChunks implements ChunkSink {
  readonly #remote: Remote
  readonly #zone: ZoneId
  /** By chunk: its bytes, and the files that have it. */
  #asked = new Map<ChunkId, { readonly bytes: number; readonly files: Set<Count> }>()
  #file: Count = { bytes: 0, chunks: 0 }

  constructor(remote: Remote, zone: ZoneId) {
    this.#remote = remote
    this.#zone = zone
  }

  async add({ id, bytes }: StoredChunk): Promise<void> {
    this.#file.chunks++
    const asked = this.#asked.get(id) ?? { bytes: bytes.length + FRAME_HEADER_BYTES, files: new Set() }
    asked.files.add(this.#file)
    this.#asked.set(id, asked)
    if (this.#asked.size >= CHUNK_IDS_MAX) await this.#ask()
  }

  /** Ends a file. What is told of it is complete after `finish`: bytes that the server lacks, and chunks in all. */
  endFile(): Readonly<Count> {
    const ended = this.#file
    this.#file = { bytes: 0, chunks: 0 }
    return ended
  }

  /** Rejects like `Remote.missing`. */
  finish(): Promise<void> {
    return this.#ask()
  }

  async #ask(): Promise<void> {
    const asked = this.#asked
    this.#asked = new Map()
    if (asked.size === 0) return
    const { missing } = await this.#remote.missing(this.#zone, [...asked.keys()])
    for (const id of missing) {
      const { bytes, files } = asked.get(id)!
      for (const file of files) file.bytes += bytes
    }
  }
}
