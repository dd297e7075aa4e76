/**
 * Sealing in worker threads. Files that fit into a buffer are shared out in batches; a long file is read, cut and
 * hashed in one thread, part by part, and the chunks of each part are sealed in the others meanwhile. What comes out
 * keeps the order of the files.
 */
import { availableParallelism } from 'node:os'
import { storedChunkBytes } from '@pileus/core/content/chunk'
import { nodeCrypto } from '@pileus/core/crypto/node'
import type { ChunkEntry } from '@pileus/core/records/record'
import { nodeFiles } from '../../files/node.ts'
import { inlineSealing } from './inline.ts'
import { type DataPlace, type FileAnswer, outcomeOf, type Start } from './node-messages.ts'
import { SealingThread } from './node-thread.ts'
import type { ChunkPiece, OpenSealing, Piece, Sealing, SealingKeys, SourceFile } from './sealing.ts'

const MiB = 1024 * 1024

/** What of a long file is read at once: more than the longest chunk. */
const PART_BYTES = 5 * MiB
/** Room for the sealed chunks of a part, or of a batch. */
const SEALED_BYTES = sealedBytesMax(PART_BYTES)
/** Small enough that each thread has a few in turn. */
const BATCH_BYTES = MiB
const BATCH_FILES = 64

/** More threads find nothing to do: one cannot read and cut faster than two seal. */
const THREADS_MAX = 3
/** Of files this small one thread seals more than the thread that asks can take up. */
const SMALL_FILE_BYTES = 64 * 1024
/** Batches and parts waiting to be taken, besides one at work in each thread. */
const READY = 1

/** Starting threads costs about as much time as sealing this many bytes, or files that cost as much each. */
const LITTLE_BYTES = 32 * MiB
const FILE_COST_BYTES = 32 * 1024

/** Where the files are: as `nodeFiles` takes it. */
interface Places {
  readonly folder: string
  readonly work: string
}

/** Sealing of the files of this folder: in threads when there is much to do, inline when there is little. */
export function workerSealing(places: Places): OpenSealing {
  const inline = inlineSealing(nodeCrypto, nodeFiles(places).folder)
  return (keys, work) => {
    const little = work.bytes + work.files * FILE_COST_BYTES < LITTLE_BYTES
    const small = work.bytes < work.files * SMALL_FILE_BYTES
    return little ? inline(keys, work) : openThreads(places, keys, small ? 1 : threadsForLong())
  }
}

function threadsForLong(): number {
  return Math.min(THREADS_MAX, Math.max(2, availableParallelism()))
}

/** So many threads for any amount of work. They start with the first file. */
export function openThreads(places: Places, keys: SealingKeys, count: number): Sealing {
  return new ThreadedSealing(places, keys, count)
}

/** Some files, or a part of one, that are being sealed. */
interface Sealed<F extends SourceFile> {
  readonly pieces: Iterable<Piece<F>>
  /** What the pieces' bytes lie in. */
  readonly slot: number | null
}

class ThreadedSealing implements Sealing {
  readonly #start: Start
  readonly #count: number
  readonly #read: FreeSlots
  readonly #sealed: FreeSlots
  #threads: SealingThread[] = []
  #readings = 0
  #broken: { readonly error: unknown } | null = null

  constructor(places: Places, keys: SealingKeys, count: number) {
    this.#count = count
    this.#read = new FreeSlots(PART_BYTES, this.#ahead)
    this.#sealed = new FreeSlots(SEALED_BYTES, this.#ahead)
    const slots = { read: this.#read.memory, sealed: this.#sealed.memory }
    this.#start = { type: 'start', ...places, keys, slots }
  }

  /** So many batches and parts are at work or wait to be taken. */
  get #ahead(): number {
    return this.#count + READY
  }

  async *seal<F extends SourceFile>(files: Iterable<F>, signal?: AbortSignal): AsyncGenerator<Piece<F>> {
    if (this.#broken) throw this.#broken.error
    using abortion = new Abortion(signal)
    const ahead: Promise<Sealed<F>>[] = []
    const toDo = this.#toDo(files)
    const begin = (work: () => Promise<Sealed<F>>) => {
      const begun = work()
      // Told when its turn comes, and to whoever comes again: slots and threads are not to be relied on any more.
      begun.catch((error: unknown) => {
        this.#broken ??= { error }
      })
      ahead.push(begun)
    }
    let held: number | null = null
    const giveBack = (slot: number | null) => slot !== null && this.#sealed.give(slot)
    try {
      let next = toDo.next()
      while (true) {
        for (; !next.done && ahead.length < this.#ahead; next = toDo.next()) begin(next.value)
        const first = ahead.shift()
        if (!first) return
        const { pieces, slot } = await abortion.or(first)
        held = slot
        for (const piece of pieces) {
          signal?.throwIfAborted()
          yield piece
        }
        giveBack(held)
        held = null
      }
    } finally {
      giveBack(held)
      // Whoever leaves in the middle may come again, and then needs the slots.
      if (!signal?.aborted) for (const { slot } of await fulfilled(ahead)) giveBack(slot)
    }
  }

  [Symbol.dispose](): void {
    for (const thread of this.#threads) thread[Symbol.dispose]()
  }

  /** What to give to threads, in order; each begins when it is called. */
  *#toDo<F extends SourceFile>(files: Iterable<F>): Generator<() => Promise<Sealed<F>>> {
    let batch: F[] = []
    let bytes = 0
    const take = () => {
      const taken = batch
      batch = []
      bytes = 0
      return () => this.#files(taken)
    }
    for (const file of files) {
      const most = sealedBytesMax(file.size)
      const full = batch.length === BATCH_FILES || bytes + most > BATCH_BYTES
      if (batch.length > 0 && full) yield take()
      if (most > SEALED_BYTES) yield* this.#parts(file)
      else {
        batch.push(file)
        bytes += most
      }
    }
    if (batch.length > 0) yield take()
  }

  async #files<F extends SourceFile>(files: readonly F[]): Promise<Sealed<F>> {
    const slot = this.#sealed.take()
    const asked = files.map(({ path, size }) => ({ path, size }))
    const answer = await this.#idlest().call({ type: 'files', files: asked, into: slot })
    return { pieces: piecesOfFiles(files, answer.files, this.#sealed.memory[slot]!), slot }
  }

  /** Parts until the file's end is known: those begun by then, and past it, come out empty. */
  *#parts<F extends SourceFile>(file: F): Generator<() => Promise<Sealed<F>>> {
    const reader = this.#idlest()
    const reading = { number: this.#readings++, ended: false }
    while (!reading.ended) yield () => this.#part(file, reader, reading)
  }

  async #part<F extends SourceFile>(
    file: F,
    reader: SealingThread,
    reading: { readonly number: number; ended: boolean },
  ): Promise<Sealed<F>> {
    const from = this.#read.take()
    const cut = await reader.call({ type: 'cut', reading: reading.number, path: file.path, into: from })
    reading.ended ||= cut.ended
    const end: Piece<F>[] = cut.outcome ? [{ type: 'end', file, outcome: outcomeOf(cut.outcome) }] : []
    const places = placesOf(cut.lengths)
    const sealer = this.#idlest(reader)
    const known = await this.#known(file, sealer, from, places)
    const unknown = places.filter((_, index) => !known[index])
    if (unknown.length === 0) {
      this.#read.give(from)
      return { pieces: [...inOrder(known, []), ...end], slot: null }
    }
    const slot = this.#sealed.take()
    const { entries } = await sealer.call({ type: 'seal', from, places: unknown, into: slot })
    this.#read.give(from)
    const sealed = chunkPieces(entries, this.#sealed.memory[slot]!)
    return { pieces: [...inOrder(known, sealed), ...end], slot }
  }

  /** For each chunk what is known of it, or null. */
  async #known(
    file: SourceFile,
    sealer: SealingThread,
    from: number,
    places: readonly DataPlace[],
  ): Promise<(ChunkEntry | null)[]> {
    const known = places.length > 0 && (await file.known?.())
    if (!known || known.size === 0) return places.map(() => null)
    const { hashes } = await sealer.call({ type: 'hash', from, places })
    return hashes.map((hash, index) => {
      const entry = known.get(hash)
      return entry ? { ...entry, length: places[index]!.length } : null
    })
  }

  /** The thread with the least to do, and another than this one if there is one. */
  #idlest(not?: SealingThread): SealingThread {
    if (this.#threads.length === 0) {
      this.#threads = Array.from({ length: this.#count }, () => new SealingThread(this.#start))
    }
    const others = this.#count === 1 ? this.#threads : this.#threads.filter((thread) => thread !== not)
    return others.reduce((idlest, thread) => (thread.busy < idlest.busy ? thread : idlest))
  }
}

/** More than the stored chunks of `size` bytes can take: padding adds an eighth at most, and chunks are few. */
function sealedBytesMax(size: number): number {
  return size + Math.ceil(size / 8) + 64
}

function* piecesOfFiles<F extends SourceFile>(
  files: readonly F[],
  answers: readonly FileAnswer[],
  buffer: SharedArrayBuffer,
): Generator<Piece<F>> {
  let at = 0
  for (const [index, { entries, outcome }] of answers.entries()) {
    for (const piece of chunkPieces(entries, buffer, at)) {
      at += piece.bytes.length
      yield piece
    }
    yield { type: 'end', file: files[index]!, outcome: outcomeOf(outcome) }
  }
}

function chunkPieces(
  entries: readonly ChunkEntry[],
  buffer: SharedArrayBuffer,
  from = 0,
): (ChunkPiece & { readonly bytes: Uint8Array })[] {
  let at = from
  return entries.map((entry) => {
    const bytes = new Uint8Array(buffer, at, storedChunkBytes(entry.length))
    at += bytes.length
    return { type: 'chunk', entry, bytes }
  })
}

/** Where chunks of these lengths stand, one after another. */
function placesOf(lengths: readonly number[]): DataPlace[] {
  let start = 0
  return lengths.map((length) => {
    start += length
    return { start: start - length, length }
  })
}

/** The chunks of a part: those that are known, and between them the others. */
function inOrder(known: readonly (ChunkEntry | null)[], sealed: readonly ChunkPiece[]): ChunkPiece[] {
  const others = sealed.values()
  return known.map((entry) => (entry ? { type: 'chunk', entry, bytes: null } : others.next().value!))
}

async function fulfilled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(promises)
  return settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
}

/**
 * Memory for all threads, allocated once: buffers handed over with each message would count as new ones each time,
 * and make the collector walk the heap for them. What is never written to takes no room.
 */
class FreeSlots {
  readonly memory: readonly SharedArrayBuffer[]
  readonly #free: number[]

  constructor(bytes: number, count: number) {
    this.memory = Array.from({ length: count }, () => new SharedArrayBuffer(bytes))
    this.#free = [...this.memory.keys()]
  }

  take(): number {
    const slot = this.#free.pop()
    if (slot === undefined) throw new Error('more is begun than there are slots for')
    return slot
  }

  give(slot: number): void {
    this.#free.push(slot)
  }
}

/** Ends waiting when a signal says so. */
class Abortion implements Disposable {
  readonly #signal: AbortSignal | undefined
  readonly #aborted: Promise<never>
  #tell = () => {}

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal
    this.#aborted = new Promise((_, reject) => {
      this.#tell = () => reject(signal?.reason)
    })
    this.#aborted.catch(() => {})
    signal?.addEventListener('abort', this.#tell, { once: true })
  }

  /** Rejects with the signal's reason, or like the promise. */
  async or<T>(promise: Promise<T>): Promise<T> {
    this.#signal?.throwIfAborted()
    return Promise.race([promise, this.#aborted])
  }

  [Symbol.dispose](): void {
    this.#signal?.removeEventListener('abort', this.#tell)
  }
}
