/** Reading a file for upload: stat, hash and seal, stat again (R12). */
import { sealChunk } from '@pileus/core/content/chunk'
import { type ChunkerKey, cutLength } from '@pileus/core/content/chunker'
import { ChunkListBuilder, type SealedNode } from '@pileus/core/content/list'
import type { Crypto } from '@pileus/core/crypto/crypto'
import { type ChunkId, type Digest, idFromBytes } from '@pileus/core/ids/ids'
import { CHUNK_MAX_BYTES } from '@pileus/core/limits'
import type { ChunkEntry, ChunkList } from '@pileus/core/records/record'
import type { Refs } from '@pileus/core/records/refs'
import { buildRefs } from '@pileus/core/records/refs-root'
import type { Area, FileReader, Stat } from '../files/files.ts'
import type { Uploader } from './uploader.ts'

export interface IngestContext {
  readonly crypto: Crypto
  readonly chunkSecret: Uint8Array
  readonly chunker: ChunkerKey
  readonly uploader: Uploader
  readonly signal: AbortSignal | undefined
  /** Called with bytes read. */
  readonly progress: (bytes: number) => void
}

/** A file's content as it was between two equal stats. Its chunks are on their way to the server. */
export interface Ingested {
  readonly hash: Digest
  readonly size: number
  readonly list: ChunkList
  readonly refs: Refs
  readonly stat: Stat
}

const ATTEMPTS = 3
/** Room for two of the longest chunks, so that what is left of one reading is moved seldom. */
const BUFFER_BYTES = 2 * CHUNK_MAX_BYTES

let idleBuffer: Uint8Array | null = null

/**
 * Seals the file and hands its chunks to the uploader. Null when it kept changing while it was read. Throws
 * FileError when it cannot be read.
 */
export async function ingestFile(context: IngestContext, area: Area, path: string): Promise<Ingested | null> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const reader = area.read(path)
    try {
      const before = reader.stat()
      const sealed = await sealAll(context, reader, before.size)
      if (isUnchanged(area, path, reader, before)) return { ...sealed, stat: before }
    } finally {
      reader.close()
    }
  }
  return null
}

/** SHA-256 of the file as it was between two equal stats, or null when it kept changing. Throws FileError. */
export function hashFile(crypto: Crypto, area: Area, path: string): { hash: Digest; stat: Stat } | null {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const reader = area.read(path)
    try {
      const before = reader.stat()
      const sha256 = crypto.createSha256()
      const buffer = new Uint8Array(Math.min(1024 * 1024, before.size + 1))
      let position = 0
      for (let n = reader.read(buffer, 0); n > 0; n = reader.read(buffer, position)) {
        sha256.update(buffer.subarray(0, n))
        position += n
      }
      if (isUnchanged(area, path, reader, before))
        return { hash: idFromBytes('digest', sha256.digest()), stat: before }
    } finally {
      reader.close()
    }
  }
  return null
}

/** True when the open file is what it was, and the path still names it. */
function isUnchanged(area: Area, path: string, reader: FileReader, before: Stat): boolean {
  return reader.stat().signature === before.signature && area.stat(path)?.signature === before.signature
}

async function sealAll(
  context: IngestContext,
  reader: FileReader,
  size: number,
): Promise<Omit<Ingested, 'stat'>> {
  const { crypto, uploader } = context
  const secret = context.chunkSecret
  const seal = (data: Uint8Array): SealedNode => sealChunk(crypto, secret, data)
  const list = new ChunkListBuilder(seal)
  const sha256 = crypto.createSha256()
  const ids: ChunkId[] = []
  let total = 0
  const store = async (entry: ChunkEntry, bytes: Uint8Array) => {
    ids.push(entry.id)
    await uploader.add({ id: entry.id, bytes })
  }
  for (const data of readChunks(context.chunker, reader, size)) {
    context.signal?.throwIfAborted()
    sha256.update(data)
    total += data.length
    const { entry, bytes } = seal(data)
    await store(entry, bytes)
    for (const node of list.add(entry)) await store(node.entry, node.bytes)
    context.progress(data.length)
  }
  const { list: top, nodes } = list.finish()
  for (const node of nodes) await store(node.entry, node.bytes)
  const { refs, nodes: refsNodes } = buildRefs(crypto, ids)
  for (const node of refsNodes) await uploader.add(node)
  return { hash: idFromBytes('digest', sha256.digest()), size: total, list: top, refs }
}

/** The file's chunks in order. Each is a view of one buffer: used up before the next is asked for. */
function* readChunks(key: ChunkerKey, reader: FileReader, size: number): Iterable<Uint8Array> {
  const small = size < CHUNK_MAX_BYTES
  const buffer = small ? new Uint8Array(size + 1) : (idleBuffer ?? new Uint8Array(BUFFER_BYTES))
  if (!small) idleBuffer = null
  let start = 0
  let end = 0
  let position = 0
  let last = false
  try {
    for (;;) {
      while (!last && end - start < Math.min(CHUNK_MAX_BYTES, buffer.length)) {
        if (end === buffer.length) {
          buffer.copyWithin(0, start, end)
          end -= start
          start = 0
        }
        const read = reader.read(buffer.subarray(end), position)
        if (read === 0) last = true
        end += read
        position += read
        // A file that outgrew its stat is read again anyway; what is here suffices to find that out.
        if (small && end === buffer.length) last = true
      }
      if (start === end) return
      const length = cutLength(key, buffer.subarray(start, end), last)
      yield buffer.subarray(start, start + length)
      start += length
    }
  } finally {
    if (!small) idleBuffer = buffer
  }
}
