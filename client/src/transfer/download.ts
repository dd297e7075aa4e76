/**
 * Assembling files from chunks: what is at hand on this disk is used, the rest is fetched in groups, one group
 * ahead of the one being written. Every chunk is verified when it is opened, every file when it is whole.
 */
import { ChunkCorrupt, dataHash, openChunk, storedChunkBytes } from '@pileus/core/content/chunk'
import { ListMalformed, type PlacedEntry, readChunkList } from '@pileus/core/content/list'
import type { Crypto, Sha256 } from '@pileus/core/crypto/crypto'
import { type ChunkId, idFromBytes, type ZoneId } from '@pileus/core/ids/ids'
import { Problem } from '@pileus/core/protocol/problem'
import type { ChunkEntry, Content } from '@pileus/core/records/record'
import type { Area, FileReader, FileWriter } from '../files/files.ts'
import { type Remote, Unreachable } from '../remote/remote.ts'

export type FileContent = Extract<Content, { type: 'chunks' }>

/** A file to assemble at `path` in the work area. */
export interface Assembly<T> {
  readonly label: T
  readonly path: string
  readonly content: FileContent
  /** An earlier version of the file on this disk, and the content it had. */
  readonly earlier: { readonly area: Area; readonly path: string; readonly content: FileContent } | null
}

export interface DownloadContext {
  readonly remote: Remote
  readonly crypto: Crypto
  readonly zone: ZoneId
  readonly work: Area
  readonly signal: AbortSignal | undefined
  readonly progress: (bytes: number) => void
}

export interface AssemblyResult<T> {
  readonly assembly: Assembly<T>
  /** Null when it is whole; else why it could not be assembled. */
  readonly failure: string | null
}

const GROUP_BYTES = 16 * 1024 * 1024
const GROUP_CHUNKS = 1_024

/**
 * Assembles the files and hands them over in groups, in order, as they are whole or have failed. Files in `work`
 * are written but not yet durable. Rejects when the server cannot be reached or the disk refuses.
 */
export async function* assembleFiles<T>(
  context: DownloadContext,
  assemblies: Iterable<Assembly<T>>,
): AsyncGenerator<AssemblyResult<T>[], void, void> {
  let ahead: { group: Piece<T>[]; chunks: Promise<Fetched> } | null = null
  for await (const group of groups(context, assemblies)) {
    const next = { group, chunks: fetchGroup(context, group) }
    // Rejections are for the await below, which may come after another throw.
    next.chunks.catch(() => undefined)
    if (ahead) yield writeGroup(context, ahead.group, await ahead.chunks)
    ahead = next
  }
  if (ahead) yield writeGroup(context, ahead.group, await ahead.chunks)
}

/** A file under way. */
interface OpenFile<T> {
  readonly assembly: Assembly<T>
  /** Opened at the first write, so that a group of many files holds one open at a time. */
  writer: FileWriter | null
  readonly sha256: Sha256
  written: number
  failure: string | null
}

type Piece<T> =
  | { readonly do: 'data'; readonly file: OpenFile<T>; readonly data: Uint8Array }
  | { readonly do: 'chunk'; readonly file: OpenFile<T>; readonly entry: ChunkEntry }
  | { readonly do: 'close'; readonly file: OpenFile<T> }

/** Stored bytes by id, or why there are none. */
type Fetched = ReadonlyMap<ChunkId, Uint8Array | string>

async function* groups<T>(
  context: DownloadContext,
  assemblies: Iterable<Assembly<T>>,
): AsyncGenerator<Piece<T>[]> {
  let group: Piece<T>[] = []
  let bytes = 0
  let chunks = 0
  for (const assembly of assemblies) {
    const file = newFile(context, assembly)
    const local = openEarlier(assembly)
    try {
      for await (const entry of entriesOf(context, file)) {
        context.signal?.throwIfAborted()
        const data = local?.find(context.crypto, entry)
        group.push(data ? { do: 'data', file, data } : { do: 'chunk', file, entry })
        bytes += storedChunkBytes(entry.length)
        chunks++
        if (bytes >= GROUP_BYTES || chunks >= GROUP_CHUNKS) {
          yield group
          group = []
          bytes = 0
          chunks = 0
        }
      }
    } finally {
      local?.close()
    }
    group.push({ do: 'close', file })
  }
  if (group.length > 0) yield group
}

function newFile<T>(context: DownloadContext, assembly: Assembly<T>): OpenFile<T> {
  return { assembly, writer: null, sha256: context.crypto.createSha256(), written: 0, failure: null }
}

function writerOf<T>(context: DownloadContext, file: OpenFile<T>): FileWriter {
  if (file.writer) return file.writer
  const { path } = file.assembly
  if (context.work.stat(path)) context.work.removeFile(path)
  file.writer = context.work.create(path)
  return file.writer
}

/** The chunks of the file; a list that cannot be read fails the file and no other. */
async function* entriesOf<T>(context: DownloadContext, file: OpenFile<T>): AsyncGenerator<PlacedEntry> {
  const fetchNode = async (entry: ChunkEntry): Promise<Uint8Array> => {
    const bytes = (await fetchIds(context, [entry.id])).get(entry.id)!
    if (typeof bytes === 'string') throw new UnreadableNode(bytes)
    return bytes
  }
  try {
    yield* readChunkList(context.crypto, file.assembly.content, fetchNode)
  } catch (error) {
    const expected =
      error instanceof UnreadableNode || error instanceof ListMalformed || error instanceof ChunkCorrupt
    if (!expected) throw error
    file.failure = error.message
  }
}

class UnreadableNode extends Error {}

interface Earlier {
  find(crypto: Crypto, entry: PlacedEntry): Uint8Array | null
  close(): void
}

/** Chunks of the file's earlier version, checked by hash as they are read. */
function openEarlier<T>({ earlier, content }: Assembly<T>): Earlier | null {
  // Longer lists would have to be fetched to be compared; their own chunks tell enough.
  if (!earlier || earlier.content.list.depth > 0 || content.list.depth > 0) return null
  const offsets = new Map<ChunkId, number>()
  let offset = 0
  for (const entry of earlier.content.list.entries) {
    offsets.set(entry.id, offset)
    offset += entry.length
  }
  let reader: FileReader
  try {
    reader = earlier.area.read(earlier.path)
  } catch {
    // It is a short cut only: a file that went away is fetched whole.
    return null
  }
  return {
    find(crypto, entry) {
      const at = offsets.get(entry.id)
      if (at === undefined) return null
      const data = new Uint8Array(entry.length)
      const whole = reader.read(data, at) === entry.length && dataHash(crypto, data) === entry.hash
      return whole ? data : null
    },
    close: () => reader.close(),
  }
}

async function fetchGroup<T>(context: DownloadContext, group: readonly Piece<T>[]): Promise<Fetched> {
  const ids = new Set<ChunkId>()
  for (const piece of group) if (piece.do === 'chunk') ids.add(piece.entry.id)
  return ids.size > 0 ? fetchIds(context, [...ids]) : new Map()
}

/** Fetches these chunks; when the server cannot give all at once, one by one, so that only the bad ones fail. */
async function fetchIds(context: DownloadContext, ids: readonly ChunkId[]): Promise<Fetched> {
  const fetched = new Map<ChunkId, Uint8Array | string>()
  try {
    for await (const { id, bytes } of context.remote.fetch(context.zone, ids)) {
      fetched.set(id, bytes)
      context.progress(bytes.length)
    }
    return fetched
  } catch (error) {
    context.signal?.throwIfAborted()
    if (ids.length === 1) {
      if (error instanceof Unreachable && !error.midway) throw error
      if (!(error instanceof Problem || error instanceof Unreachable)) throw error
      return new Map([[ids[0]!, error.message]])
    }
    if (error instanceof Unreachable && !error.midway) throw error
  }
  for (const id of ids) {
    if (!fetched.has(id)) fetched.set(id, (await fetchIds(context, [id])).get(id)!)
  }
  return fetched
}

function writeGroup<T>(
  context: DownloadContext,
  group: readonly Piece<T>[],
  chunks: Fetched,
): AssemblyResult<T>[] {
  const results: AssemblyResult<T>[] = []
  for (const piece of group) {
    const { file } = piece
    switch (piece.do) {
      case 'data':
        writeData(context, file, piece.data)
        break
      case 'chunk':
        writeChunk(context, file, piece.entry, chunks.get(piece.entry.id))
        break
      case 'close':
        results.push(closeFile(context, file))
    }
  }
  return results
}

function writeData<T>(context: DownloadContext, file: OpenFile<T>, data: Uint8Array): void {
  if (file.failure !== null) return
  file.sha256.update(data)
  writerOf(context, file).write(data)
  file.written += data.length
}

function writeChunk<T>(
  context: DownloadContext,
  file: OpenFile<T>,
  entry: ChunkEntry,
  bytes: Uint8Array | string | undefined,
): void {
  if (file.failure !== null) return
  if (bytes === undefined || typeof bytes === 'string') {
    file.failure = bytes ?? 'the server did not send one of its chunks'
    return
  }
  try {
    writeData(context, file, openChunk(context.crypto, entry, bytes))
  } catch (error) {
    if (!(error instanceof ChunkCorrupt)) throw error
    file.failure = error.message
  }
}

function closeFile<T>(context: DownloadContext, file: OpenFile<T>): AssemblyResult<T> {
  writerOf(context, file).close()
  const { content, path } = file.assembly
  if (file.failure === null) {
    const whole =
      file.written === content.size && idFromBytes('digest', file.sha256.digest()) === content.hash
    if (!whole) file.failure = 'its chunks do not add up to the file that was saved'
  }
  if (file.failure !== null) context.work.removeFile(path)
  return { assembly: file.assembly, failure: file.failure }
}
