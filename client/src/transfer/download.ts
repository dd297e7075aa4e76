/**
 * Assembling files from chunks: what is at hand on this disk (an earlier version, what an interrupted run left) is
 * used, the rest is fetched in groups, some of them ahead of the one being written. Every chunk authenticates when it
 * is opened, in place, and every file is hashed when it is whole (CNT-14).
 */
import { ChunkCorrupt } from '@pileus/core/content/chunk'
import type { PlacedEntry } from '@pileus/core/content/list'
import type { Sha256 } from '@pileus/core/crypto/crypto'
import { idFromBytes } from '@pileus/core/ids/ids'
import type { ChunkEntry } from '@pileus/core/records/record'
import { FileError, type FileWriter } from '../files/files.ts'
import { type Fetched, isListFailure, Opener, readList, Unreadable } from './chunks.ts'
import { Group } from './group.ts'
import { type LocalContext, openLocal, type Places } from './local.ts'

/** A file to assemble at `path` in the work area. */
export interface Assembly<T> extends Places {
  readonly label: T
}

export interface DownloadContext extends LocalContext {
  /** Makes what was written so far of a file in `work` durable. */
  readonly flush: (path: string) => Promise<void>
}

export interface AssemblyResult<T> {
  readonly assembly: Assembly<T>
  /** Null when it is whole; else why it could not be assembled. */
  readonly failure: string | null
}

/** Groups that are fetched while one is written. With it they bound the memory. */
const GROUPS_AHEAD = 2
/** A chunk of so many bytes is written beside the opening of the next. */
const LATER_BYTES = 128 * 1024
/** So much of a file is made durable while more of it comes, so that little is left for its end. */
const FLUSH_BYTES = 32 * 1024 * 1024

/**
 * Assembles the files and hands them over in groups, in order, as they are whole or have failed. Files in `work`
 * are written but not yet durable. Rejects when the server cannot be reached or the disk refuses.
 */
export async function* assembleFiles<T>(
  context: DownloadContext,
  assemblies: Iterable<Assembly<T>>,
): AsyncGenerator<AssemblyResult<T>[], void, void> {
  const ahead: { group: Group<Piece<T>>; chunks: Promise<Fetched> }[] = []
  const writeFirst = async () => {
    const { group, chunks } = ahead.shift()!
    const results = await writeGroup(context, group.pieces, await chunks)
    group.arena.release()
    return results
  }
  for await (const group of groups(context, assemblies)) {
    const chunks = group.fetch(context)
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
  /** Ends when all that was written so far is with the system. */
  writing: Promise<unknown>
  /** Rejects when the disk could not keep what was written. */
  flushed: Promise<void>
  flushedBytes: number
  failure: string | null
}

type Piece<T> =
  | { readonly do: 'data'; readonly file: OpenFile<T>; readonly data: Uint8Array }
  | { readonly do: 'chunk'; readonly file: OpenFile<T>; readonly entry: ChunkEntry }
  | { readonly do: 'close'; readonly file: OpenFile<T> }

async function* groups<T>(
  context: DownloadContext,
  assemblies: Iterable<Assembly<T>>,
): AsyncGenerator<Group<Piece<T>>> {
  let group = new Group<Piece<T>>()
  for (const assembly of assemblies) {
    const file = newFile(context, assembly)
    const local = await openLocal(context, assembly)
    try {
      for await (const entry of entriesOf(context, file)) {
        context.signal?.throwIfAborted()
        if (!group.fits(entry)) {
          yield group
          group = new Group()
        }
        const data = group.wants(entry) ? null : local.find(context.crypto, entry, group.arena)
        group.pieces.push(data ? { do: 'data', file, data } : { do: 'chunk', file, entry })
        group.count(entry, data ? 'disk' : 'server')
      }
    } finally {
      local.close()
    }
    group.pieces.push({ do: 'close', file })
  }
  if (group.pieces.length > 0) yield group
}

function newFile<T>(context: DownloadContext, assembly: Assembly<T>): OpenFile<T> {
  return {
    assembly,
    writer: null,
    sha256: context.crypto.createSha256(),
    written: 0,
    writing: Promise.resolve(),
    flushed: Promise.resolve(),
    flushedBytes: 0,
    failure: null,
  }
}

function writerOf<T>(context: DownloadContext, file: OpenFile<T>): FileWriter {
  if (file.writer) return file.writer
  const { path } = file.assembly
  try {
    file.writer = context.work.create(path)
  } catch (error) {
    if (!(error instanceof FileError && error.code === 'exists')) throw error
    // An interrupted run left it.
    context.work.removeFile(path)
    file.writer = context.work.create(path)
  }
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
        results.push(await closeFile(context, file))
    }
  }
  const last = group.at(-1)
  if (last && last.do !== 'close') {
    await last.file.writing
    flushBehind(context, last.file)
  }
  return results
}

function flushBehind<T>(context: DownloadContext, file: OpenFile<T>): void {
  if (file.failure !== null || file.written - file.flushedBytes < FLUSH_BYTES) return
  file.flushedBytes = file.written
  file.flushed = file.flushed.then(() => context.flush(file.assembly.path))
  // Told when the file is closed.
  file.flushed.catch(() => undefined)
}

function writeData<T>(context: DownloadContext, file: OpenFile<T>, data: Uint8Array): void {
  if (file.failure !== null) return
  const writer = writerOf(context, file)
  if (data.length < LATER_BYTES) writer.write(data)
  else {
    file.writing = Promise.all([file.writing, writer.writeLater(data)])
    // Told when the file is closed or the group ends.
    file.writing.catch(() => undefined)
  }
  file.sha256.update(data)
  file.written += data.length
}

async function closeFile<T>(context: DownloadContext, file: OpenFile<T>): Promise<AssemblyResult<T>> {
  await file.writing
  writerOf(context, file).close()
  await file.flushed
  const { content, path } = file.assembly
  if (file.failure === null) {
    const whole =
      file.written === content.size && idFromBytes('digest', file.sha256.digest()) === content.hash
    if (!whole) file.failure = 'its chunks do not add up to the file that was saved'
  }
  if (file.failure !== null) context.work.removeFile(path)
  return { assembly: file.assembly, failure: file.failure }
}
