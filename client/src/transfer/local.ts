/** Chunks that this disk has: in an earlier version of a file, or in what an interrupted run left of it. */
import { dataHash } from '@pileus/core/content/chunk'
import type { PlacedEntry } from '@pileus/core/content/list'
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { ChunkId } from '@pileus/core/ids/ids'
import type { ChunkEntry } from '@pileus/core/records/record'
import { type Area, FileError, type FileReader } from '../files/files.ts'
import type { Arena } from './arena.ts'
import { type ChunkContext, type FileContent, isListFailure, type KeptNodes, readList } from './chunks.ts'

export interface LocalContext extends ChunkContext {
  readonly work: Area
  /** Paths in `work` of what interrupted runs left, see `partialPath`. */
  readonly partials: ReadonlySet<string>
  /** On the disk of `work`. */
  readonly freeBytes: () => number
}

/** Where to look. */
export interface Places {
  /** Where the file is assembled, in the work area. */
  readonly path: string
  readonly content: FileContent
  readonly earlier: Earlier | null
}

/** An earlier version of the file on this disk, and the content it had. */
export interface Earlier {
  readonly area: Area
  readonly path: string
  readonly content: FileContent
  /** Its chunks are taken unhashed: the hash of the whole file tells whether they were what they should be (CNT-14). */
  readonly trusted: boolean
}

export const PARTIAL_SUFFIX = '.part'

/** Where the beginning of the file that is assembled at `path` may lie, left by an interrupted run. */
export function partialPath(path: string): string {
  return path + PARTIAL_SUFFIX
}

/** Checked by hash as they are read, unless they are trusted. */
export interface Local {
  /** The chunk's data, in the arena; null when it is not there. */
  find(crypto: Crypto, entry: PlacedEntry, arena: Arena): Uint8Array | null
  close(): void
}

/** Opens what there is, and keeps the nodes of the list that it read. Rejects when the server or the disk cannot be used. */
export async function openLocal(context: LocalContext, places: Places, kept: KeptNodes): Promise<Local> {
  if (!places.earlier && !context.partials.has(partialPath(places.path))) return NOTHING_LOCAL
  const sources = [openPartial(context, places), await openEarlier(context, places, kept)]
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

const NOTHING_LOCAL: Local = { find: () => null, close: () => {} }

/** The beginning of this very file, from an interrupted run; of another version perhaps, which the hashes tell. */
function openPartial(context: LocalContext, { path, content }: Places): Local | null {
  const { work, partials } = context
  const partial = partialPath(path)
  if (!partials.has(partial)) return null
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
async function openEarlier(
  context: ChunkContext,
  { earlier }: Places,
  kept: KeptNodes,
): Promise<Local | null> {
  if (!earlier) return null
  const offsets = new Map<ChunkId, number>()
  let reader: FileReader
  try {
    for await (const entry of readList(context, earlier.content, kept)) offsets.set(entry.id, entry.offset)
    reader = earlier.area.read(earlier.path)
  } catch (error) {
    // It is a short cut only: without it the file is fetched whole.
    if (error instanceof FileError || isListFailure(error)) return null
    throw error
  }
  return {
    find(crypto, entry, arena) {
      const at = offsets.get(entry.id)
      return at === undefined ? null : readAt(earlier.trusted ? null : crypto, reader, entry, at, arena)
    },
    close: () => reader.close(),
  }
}

/** Null when it is not there, or has another hash; without `crypto` none is asked for. */
function readAt(
  crypto: Crypto | null,
  reader: FileReader,
  entry: ChunkEntry,
  at: number,
  arena: Arena,
): Uint8Array | null {
  const data = arena.allocate(entry.length)
  const whole = reader.read(data, at) === entry.length
  if (whole && (crypto === null || dataHash(crypto, data) === entry.hash)) return data
  arena.takeBack(data)
  return null
}
