/**
 * Assembling files from chunks: what is at hand on this disk (an earlier version, what an interrupted run left) is
 * used, the rest is fetched in groups, some of them ahead of the one being written. Every chunk authenticates when it
 * is opened, in place, and every file is hashed when it is whole (CNT-14).
 */
import { BufferPool } from '@pileus/core/bytes/buffer-pool'
import {
  ChunkCorrupt,
  dataHash,
  openChunk,
  openChunkInPlace,
  storedChunkBytes,
} from '@pileus/core/content/chunk'
import { ListMalformed, type PlacedEntry, readChunkList } from '@pileus/core/content/list'
import type { Crypto, Sha256 } from '@pileus/core/crypto/crypto'
import { type ChunkId, idFromBytes, type ZoneId } from '@pileus/core/ids/ids'
import { Problem } from '@pileus/core/protocol/problem'
import type { ChunkEntry, Content } from '@pileus/core/records/record'
import { type Area, FileError, type FileReader, type FileWriter } from '../files/files.ts'
import { type Allocate, type Remote, Unreachable } from '../remote/remote.ts'
import { Arena } from './arena.ts'

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
  /** On the disk of `work`. */
  readonly freeBytes: () => number
  readonly signal: AbortSignal | undefined
  readonly progress: (bytes: number) => void
}

export interface AssemblyResult<T> {
  readonly assembly: Assembly<T>
  /** Null when it is whole; else why it could not be assembled. */
  readonly failure: string | null
}

/** Stored bytes of a group, no less than of the longest chunk. */
const GROUP_BYTES = 16 * 1024 * 1024
const GROUP_CHUNKS = 1_024
/** Groups that are fetched while one is written. With it they bound the memory. */
const GROUPS_AHEAD = 2
const groupBuffers = new BufferPool(GROUP_BYTES)

export const PARTIAL_SUFFIX = '.part'

/** Where the beginning of the file that is assembled at `path` may lie, left by an interrupted run. */
export function partialPath(path: string): string {
  return path + PARTIAL_SUFFIX
}

/**
 * Assembles the files and hands them over in groups, in order, as they are whole or have failed. Files in `work`
 * are written but not yet durable. Rejects when the server cannot be reached or the disk refuses.
 */
export async function* assembleFiles<T>(
  context: DownloadContext,
  assemblies: Iterable<Assembly<T>>,
): AsyncGenerator<AssemblyResult<T>[], void, void> {
  const ahead: { group: Group<T>; chunks: Promise<Fetched> }[] = []
  const writeFirst = async () => {
    const { group, chunks } = ahead.shift()!
    const results = await writeGroup(context, group.pieces, await chunks)
    group.arena.release()
    return results
  }
  for await (const group of groups(context, assemblies)) {
    const chunks = fetchGroup(context, group)
    // Rejections are for the await above, which may come after another throw.
    chunks.catch(() => undefined)
    ahead.push({ group, chunks })
    if (ahead.length > GROUPS_AHEAD) yield await writeFirst()
  }
  while (ahead.length > 0) yield await writeFirst()
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

interface Group<T> {
  readonly pieces: Piece<T>[]
  /** Where the bytes of the pieces are: nobody uses these once the group is written. */
  readonly arena: Arena
}

/** Stored bytes by id, or why there are none. */
type Fetched = ReadonlyMap<ChunkId, Uint8Array | string>

async function* groups<T>(
  context: DownloadContext,
  assemblies: Iterable<Assembly<T>>,
): AsyncGenerator<Group<T>> {
  let group = newGroup<T>()
  let bytes = 0
  let chunks = 0
  for (const assembly of assemblies) {
    const file = newFile(context, assembly)
    const local = await openLocal(context, assembly)
    try {
      for await (const entry of entriesOf(context, file)) {
        context.signal?.throwIfAborted()
        const size = storedChunkBytes(entry.length)
        if (bytes + size > GROUP_BYTES || chunks >= GROUP_CHUNKS) {
          yield group
          group = newGroup()
          bytes = 0
          chunks = 0
        }
        const data = local.find(context.crypto, entry, group.arena)
        group.pieces.push(data ? { do: 'data', file, data } : { do: 'chunk', file, entry })
        bytes += size
        chunks++
      }
    } finally {
      local.close()
    }
    group.pieces.push({ do: 'close', file })
  }
  if (group.pieces.length > 0) yield group
}

function newGroup<T>(): Group<T> {
  return { pieces: [], arena: new Arena(groupBuffers) }
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
  try {
    yield* readList(context, file.assembly.content)
  } catch (error) {
    if (!isListFailure(error)) throw error
    file.failure = error.message
  }
}

function readList(context: DownloadContext, content: FileContent): AsyncIterable<PlacedEntry> {
  return readChunkList(context.crypto, content, async (entry) => {
    const bytes = (await fetchIds(context, [entry.id])).get(entry.id)!
    if (typeof bytes === 'string') throw new Unreadable(bytes)
    return bytes
  })
}

function isListFailure(error: unknown): error is Error {
  return error instanceof Unreadable || error instanceof ListMalformed || error instanceof ChunkCorrupt
}

/** Chunks that this disk has, checked by hash as they are read. */
interface Local {
  /** The chunk's data, in the arena; null when it is not there. */
  find(crypto: Crypto, entry: PlacedEntry, arena: Arena): Uint8Array | null
  close(): void
}

async function openLocal<T>(context: DownloadContext, assembly: Assembly<T>): Promise<Local> {
  const sources = [openPartial(context, assembly), await openEarlier(context, assembly)]
  return {
    find(crypto, entry, arena) {
      for (const source of sources) {
        const data = source?.find(crypto, entry, arena)
        if (data) return data
      }
      return null
    },
    close() {
      for (const source of sources) source?.close()
    },
  }
}

/** The beginning of this very file, from an interrupted run; of another version perhaps, which the hashes tell. */
function openPartial<T>(context: DownloadContext, { path, content }: Assembly<T>): Local | null {
  const { work } = context
  const partial = partialPath(path)
  if (!work.stat(partial)) return null
  if (context.freeBytes() < content.size) {
    // Where there is no room for both, the whole file needs it more.
    work.removeFile(partial)
    return null
  }
  const reader = work.read(partial)
  let fits = true
  return {
    find(crypto, entry, arena) {
      const data = fits ? readAt(crypto, reader, entry, entry.offset, arena) : null
      // It was written from its start: behind the first chunk that is not there, none is.
      fits = data !== null
      return data
    },
    close: () => reader.close(),
  }
}

/** An earlier version of the file, by its chunk list. */
async function openEarlier<T>(context: DownloadContext, { earlier }: Assembly<T>): Promise<Local | null> {
  if (!earlier) return null
  const offsets = new Map<ChunkId, number>()
  let reader: FileReader
  try {
    for await (const entry of readList(context, earlier.content)) offsets.set(entry.id, entry.offset)
    reader = earlier.area.read(earlier.path)
  } catch (error) {
    // It is a short cut only: without it the file is fetched whole.
    if (error instanceof FileError || isListFailure(error)) return null
    throw error
  }
  return {
    find(crypto, entry, arena) {
      const at = offsets.get(entry.id)
      return at === undefined ? null : readAt(crypto, reader, entry, at, arena)
    },
    close: () => reader.close(),
  }
}

function readAt(
  crypto: Crypto,
  reader: FileReader,
  entry: ChunkEntry,
  at: number,
  arena: Arena,
): Uint8Array | null {
  const data = arena.allocate(entry.length)
  return reader.read(data, at) === entry.length && dataHash(crypto, data) === entry.hash ? data : null
}

async function fetchGroup<T>(context: DownloadContext, { pieces, arena }: Group<T>): Promise<Fetched> {
  const ids = new Set<ChunkId>()
  for (const piece of pieces) if (piece.do === 'chunk') ids.add(piece.entry.id)
  return ids.size > 0 ? fetchIds(context, [...ids], (bytes) => arena.allocate(bytes)) : new Map()
}

/** Fetches these chunks; when the server cannot give all at once, one by one, so that only the bad ones fail. */
async function fetchIds(
  context: DownloadContext,
  ids: readonly ChunkId[],
  allocate?: Allocate,
): Promise<Fetched> {
  const fetched = new Map<ChunkId, Uint8Array | string>()
  try {
    for await (const { id, bytes } of context.remote.fetch(context.zone, ids, allocate)) {
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
    if (!fetched.has(id)) fetched.set(id, (await fetchIds(context, [id], allocate)).get(id)!)
  }
  return fetched
}

async function writeGroup<T>(
  context: DownloadContext,
  group: readonly Piece<T>[],
  chunks: Fetched,
): Promise<AssemblyResult<T>[]> {
  const results: AssemblyResult<T>[] = []
  const opener = new Opener(context, chunks)
  for (const piece of group) {
    const { file } = piece
    switch (piece.do) {
      case 'data':
        writeData(context, file, piece.data)
        break
      case 'chunk':
        if (file.failure !== null) break
        try {
          writeData(context, file, await opener.open(piece.entry))
        } catch (error) {
          if (!(error instanceof Unreadable || error instanceof ChunkCorrupt)) throw error
          file.failure = error.message
        }
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

/** Opens the chunks of one group, each where it lies, once. */
class Opener {
  readonly #context: DownloadContext
  readonly #chunks: Fetched
  readonly #opened = new Map<ChunkId, Uint8Array>()

  constructor(context: DownloadContext, chunks: Fetched) {
    this.#context = context
    this.#chunks = chunks
  }

  /** The data of this entry. Rejects with Unreadable when the server cannot give the chunk, or with ChunkCorrupt. */
  async open(entry: ChunkEntry): Promise<Uint8Array> {
    const known = this.#opened.get(entry.id)
    if (known?.length === entry.length) return known
    const bytes = this.#chunks.get(entry.id)
    if (!(bytes instanceof Uint8Array)) throw new Unreadable(bytes ?? NOT_SENT)
    // The same stored bytes may stand for data of another length (CNT-13), and are open already.
    if (known) return this.#openAgain(entry)
    try {
      const data = openChunkInPlace(this.#context.crypto, entry, bytes)
      this.#opened.set(entry.id, data)
      return data
    } catch (error) {
      if (!(error instanceof ChunkCorrupt)) throw error
      return this.#openAgain(entry)
    }
  }

  /** The server hashes a chunk that is asked for alone: it finds another copy, or says that it has none. */
  async #openAgain(entry: ChunkEntry): Promise<Uint8Array> {
    const bytes = (await fetchIds(this.#context, [entry.id])).get(entry.id)!
    if (typeof bytes === 'string') throw new Unreadable(bytes)
    return openChunk(this.#context.crypto, entry, bytes)
  }
}

const NOT_SENT = 'the server did not send one of its chunks'

/** A chunk that the server cannot give. */
class Unreadable extends Error {}
