/** Reading files for upload: sealed content goes to the uploader or to whoever counts it, what each file is made of comes back (R12). */
import { sealChunk } from '@pileus/core/content/chunk'
import { ChunkListBuilder, type SealedNode } from '@pileus/core/content/list'
import type { StoredChunk } from '@pileus/core/content/pack'
import type { Crypto } from '@pileus/core/crypto/crypto'
import { type ChunkId, type Digest, idFromBytes } from '@pileus/core/ids/ids'
import type { ChunkEntry, ChunkList } from '@pileus/core/records/record'
import type { Refs } from '@pileus/core/records/refs'
import { buildRefs } from '@pileus/core/records/refs-root'
import type { Area, FileError, FileReader, Stat } from '../files/files.ts'
import type { Sealing, SourceFile } from './sealing/sealing.ts'

/** Where sealed chunks go; whoever has one given may use its bytes until `add` has resolved. */
export interface ChunkSink {
  /** `content` is how many bytes of a file's content the chunk holds: none where it is a part of a list. */
  add(chunk: StoredChunk, content?: number): Promise<void>
}

export interface IngestContext {
  readonly crypto: Crypto
  readonly chunkSecret: Uint8Array
  readonly sealing: Sealing
  readonly sink: ChunkSink
  readonly signal: AbortSignal | undefined
  /** Called with bytes read. */
  readonly progress: (bytes: number) => void
}

/** A file's content as it was between two equal stats. Its chunks were handed to the sink. */
export interface Ingested {
  readonly hash: Digest
  readonly size: number
  readonly list: ChunkList
  readonly refs: Refs
  readonly stat: Stat
}

/** What came of reading a file; null when it kept changing. */
export type Read<F> = { readonly file: F; readonly found: Ingested | FileError | null }

const ATTEMPTS = 3

/**
 * Seals the files and hands their chunks to the sink. Each file comes back once all of it was handed over; in
 * order, except that one which changed while it was read is read again after the others. Throws what the sink
 * or the sealing throws.
 */
export async function* ingestFiles<F extends SourceFile>(
  context: IngestContext,
  files: Iterable<F>,
): AsyncGenerator<Read<F>> {
  let left = yield* ingestOnce(context, firstReading(files))
  for (let attempt = 1; left.length > 0 && attempt < ATTEMPTS; attempt++)
    left = yield* ingestOnce(context, left)
  for (const { file } of left) yield { file, found: null }
}

/** A file to be read, perhaps again: then with the size it has by now. */
interface Reading<F> extends SourceFile {
  readonly file: F
}

function* firstReading<F extends SourceFile>(files: Iterable<F>): Generator<Reading<F>> {
  for (const file of files) {
    const { path, size, known } = file
    yield { file, path, size, ...(known && { known }) }
  }
}

/** Returns the files that changed while they were read. */
async function* ingestOnce<F>(
  context: IngestContext,
  files: Iterable<Reading<F>>,
): AsyncGenerator<Read<F>, Reading<F>[]> {
  const changed: Reading<F>[] = []
  let content = new ContentBuilder(context)
  for await (const piece of context.sealing.seal(files, context.signal)) {
    if (piece.type === 'chunk') {
      await content.add(piece.entry, piece.bytes)
      context.progress(piece.entry.length)
      continue
    }
    const { file, outcome } = piece
    const built = content
    content = new ContentBuilder(context)
    if (outcome.type === 'failed') yield { file: file.file, found: outcome.error }
    else if (outcome.type === 'changed') changed.push({ ...file, size: outcome.size })
    else yield { file: file.file, found: { ...outcome, ...(await built.finish()) } }
  }
  return changed
}

/** What one file is made of, put together while its chunks go to the sink. */
class ContentBuilder {
  readonly #context: IngestContext
  readonly #list: ChunkListBuilder
  readonly #ids: ChunkId[] = []
  #size = 0

  constructor(context: IngestContext) {
    this.#context = context
    this.#list = new ChunkListBuilder((data) => sealChunk(context.crypto, context.chunkSecret, data))
  }

  /** Without bytes for a chunk that the server has. */
  async add(entry: ChunkEntry, bytes: Uint8Array | null): Promise<void> {
    this.#size += entry.length
    await this.#store(entry, bytes, entry.length)
    const nodes = this.#list.add(entry)
    if (nodes.length > 0) await this.#storeNodes(nodes)
  }

  async finish(): Promise<Pick<Ingested, 'size' | 'list' | 'refs'>> {
    const { list, nodes } = this.#list.finish()
    if (nodes.length > 0) await this.#storeNodes(nodes)
    const { refs, nodes: refsNodes } = buildRefs(this.#context.crypto, this.#ids)
    for (const node of refsNodes) await this.#context.sink.add(node)
    return { size: this.#size, list, refs }
  }

  async #storeNodes(nodes: readonly SealedNode[]): Promise<void> {
    for (const { entry, bytes } of nodes) await this.#store(entry, bytes, 0)
  }

  async #store({ id }: ChunkEntry, bytes: Uint8Array | null, content: number): Promise<void> {
    this.#ids.push(id)
    if (bytes) await this.#context.sink.add({ id, bytes }, content)
  }
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
