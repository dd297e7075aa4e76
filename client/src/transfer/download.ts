/**
 * Assembling files from chunks: what is at hand on this disk (an earlier version, what an interrupted run left) is
 * used, the rest is fetched in groups. While one group is written, others are on their way.
 */
import { ChunkCorrupt } from '@pileus/core/content/chunk'
import type { ChunkEntry } from '@pileus/core/records/record'
import type { Assembler, Part } from './assembling/assembler.ts'
import { type Fetched, fetchAgain, isListFailure, KeptNodes, readList, Unreadable } from './chunks.ts'
import { Group } from './group.ts'
import { type LocalContext, openLocal, type Places } from './local.ts'

/** A file to assemble at `path` in the work area. */
export interface Assembly<T> extends Places {
  readonly label: T
  /** Microseconds since 1970. */
  readonly mtime: number
  readonly executable: boolean
}

export interface DownloadContext extends LocalContext {
  readonly assembler: Assembler
  /** Makes what was written so far of a file in `work` durable. */
  readonly flush: (path: string) => Promise<void>
  /** Called with bytes of content that came from the server. */
  readonly contentReceived: (bytes: number) => void
  /** Called with bytes of content that were written, wherever they came from. */
  readonly assembled: (bytes: number) => void
}

export interface AssemblyResult<T> {
  readonly assembly: Assembly<T>
  /** Null when it is whole; else why it could not be assembled. */
  readonly failure: string | null
}

/** Groups that are fetched or written while the results of one are dealt with. With it they bound the memory. */
const GROUPS_AHEAD = 2
/** So much of a file is made durable while more of it comes, so that little is left for its end. */
const FLUSH_BYTES = 32 * 1024 * 1024

/**
 * Assembles the files and hands them over in groups, as they are whole or have failed: in order, but for those that
 * trust in an earlier version misled, which come last. Files in `work` are written but not yet durable.
 * Rejects when the server cannot be reached or the disk refuses.
 */
export async function* assembleFiles<T>(
  context: DownloadContext,
  assemblies: Iterable<Assembly<T>>,
): AsyncGenerator<AssemblyResult<T>[], void, void> {
  const misled: Assembly<T>[] = []
  for await (const results of assembleOnce(context, assemblies)) {
    const settled: AssemblyResult<T>[] = []
    for (const result of results) {
      const { earlier } = result.assembly
      if (result.failure === null || !earlier?.trusted) settled.push(result)
      else misled.push({ ...result.assembly, earlier: { ...earlier, trusted: false } })
    }
    yield settled
  }
  if (misled.length > 0) yield* assembleOnce(context, misled)
}

async function* assembleOnce<T>(
  context: DownloadContext,
  assemblies: Iterable<Assembly<T>>,
): AsyncGenerator<AssemblyResult<T>[], void, void> {
  const ahead: Promise<AssemblyResult<T>[]>[] = []
  const writer = new GroupWriter<T>(context)
  let last: Promise<unknown> = Promise.resolve()
  let left = false
  const write = async (group: Group<Piece<T>>, fetched: Promise<Fetched>) => {
    const chunks = await fetched
    context.contentReceived(group.contentOf(chunks))
    if (left) throw new Error('nobody waits for these files any more')
    return writer.write(group, chunks)
  }
  try {
    for await (const group of groups(context, assemblies)) {
      const fetched = group.fetch(context)
      // Told by the writing, which may come after another that fails.
      fetched.catch(() => undefined)
      const written = last.then(() => write(group, fetched))
      // Told when its turn comes.
      written.catch(() => undefined)
      last = written
      ahead.push(written)
      if (ahead.length > GROUPS_AHEAD) yield await ahead.shift()!
    }
    for (const written of ahead) yield await written
  } finally {
    left = true
  }
}

type Piece<T> =
  | { readonly do: 'begin'; readonly assembly: Assembly<T> }
  | { readonly do: 'data'; readonly data: Uint8Array }
  | { readonly do: 'chunk'; readonly entry: ChunkEntry }
  | { readonly do: 'fail'; readonly why: string }
  | { readonly do: 'end'; readonly assembly: Assembly<T> }

async function* groups<T>(
  context: DownloadContext,
  assemblies: Iterable<Assembly<T>>,
): AsyncGenerator<Group<Piece<T>>> {
  const { buffers } = context.assembler
  let group = new Group<Piece<T>>(buffers)
  for (const assembly of assemblies) {
    const kept = new KeptNodes()
    const local = await openLocal(context, assembly, kept)
    group.pieces.push({ do: 'begin', assembly })
    try {
      for await (const entry of readList(context, assembly.content, kept)) {
        context.signal?.throwIfAborted()
        if (!group.fits(entry)) {
          yield group
          group = new Group(buffers)
        }
        const data = group.wants(entry) ? null : local.find(context.crypto, entry, group.arena)
        group.pieces.push(data ? { do: 'data', data } : { do: 'chunk', entry })
        group.count(entry, data ? 'disk' : 'server')
      }
    } catch (error) {
      // A list that cannot be read fails the file and no other.
      if (!isListFailure(error)) throw error
      group.pieces.push({ do: 'fail', why: error.message })
    } finally {
      local.close()
    }
    group.pieces.push({ do: 'end', assembly })
  }
  if (group.pieces.length > 0) yield group
}

/** Writes group after group. */
class GroupWriter<T> {
  readonly #context: DownloadContext
  /** Of the file under way, where it is and how many bytes were written since it was last made durable. */
  #path = ''
  #written = 0
  /** Rejects when the disk could not keep what was written of it. */
  #flushed: Promise<void> = Promise.resolve()

  constructor(context: DownloadContext) {
    this.#context = context
  }

  /** Returns the files that end in the group, and gives its memory back. */
  async write({ pieces, arena }: Group<Piece<T>>, fetched: Fetched): Promise<AssemblyResult<T>[]> {
    const failures = await this.#writeParts(pieces.map((piece) => partOf(piece, fetched)))
    arena.release()
    const results: AssemblyResult<T>[] = []
    for (const piece of pieces) {
      switch (piece.do) {
        case 'begin':
          this.#path = piece.assembly.path
          this.#written = 0
          break
        case 'data':
          this.#count(piece.data.length)
          break
        case 'chunk':
          this.#count(piece.entry.length)
          break
        case 'end':
          await this.#flushed
          this.#flushed = Promise.resolve()
          results.push({ assembly: piece.assembly, failure: failures[results.length]! })
      }
    }
    if (pieces.at(-1)!.do !== 'end') this.#flushBehind()
    return results
  }

  #count(bytes: number): void {
    this.#written += bytes
    this.#context.assembled(bytes)
  }

  async #writeParts(parts: readonly Part[]): Promise<(string | null)[]> {
    const { assembler } = this.#context
    const failures: (string | null)[] = []
    let left = parts
    while (true) {
      const { ended, damaged } = await assembler.write(left)
      failures.push(...ended)
      if (damaged === null) return failures
      const chunk = left[damaged] as Extract<Part, { do: 'chunk' }>
      left = [await this.#again(chunk.entry), ...left.slice(damaged + 1)]
    }
  }

  async #again(entry: ChunkEntry): Promise<Part> {
    try {
      return { do: 'data', data: await fetchAgain(this.#context, entry) }
    } catch (error) {
      if (!(error instanceof Unreadable || error instanceof ChunkCorrupt)) throw error
      return { do: 'fail', why: error.message }
    }
  }

  #flushBehind(): void {
    if (this.#written < FLUSH_BYTES) return
    this.#written = 0
    const path = this.#path
    this.#flushed = this.#flushed.then(() => this.#context.flush(path))
    // Told when the file has ended.
    this.#flushed.catch(() => undefined)
  }
}

function partOf<T>(piece: Piece<T>, fetched: Fetched): Part {
  switch (piece.do) {
    case 'begin': {
      const { path, content, mtime, executable } = piece.assembly
      return { do: 'begin', file: { path, size: content.size, hash: content.hash, mtime, executable } }
    }
    case 'chunk': {
      const { entry } = piece
      const bytes = fetched.get(entry.id)
      if (bytes instanceof Uint8Array) return { do: 'chunk', entry, bytes }
      return { do: 'fail', why: bytes ?? 'the server did not send one of its chunks' }
    }
    case 'end':
      return { do: 'end' }
    default:
      return piece
  }
}
