/** Chunks that lie close to each other in one pack, read together from the pack's own address. */
import { copyBytes } from '@pileus/core/bytes/copy'
import { toHex } from '@pileus/core/bytes/hex'
import { FRAME_HEADER_BYTES, frameHeader } from '@pileus/core/content/pack'
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { ChunkId } from '@pileus/core/ids/ids'
import { FETCH_MAX_BYTES, PACK_MAX_BYTES } from '@pileus/core/limits'
import type { DirectReads } from '@pileus/core/protocol/chunks'
import { directAddress, isLoopback } from '@pileus/core/protocol/direct-address'
import type { Answer, Exchange } from './exchange.ts'
import { TimedOut } from './patience.ts'
import type { Allocate } from './remote.ts'
import type { Timers } from './timers.ts'

export interface Run {
  readonly address: URL
  readonly chunks: Place[]
}

type Place = DirectReads['packs'][number]['chunks'][number]

export interface RunReading {
  readonly exchange: Exchange
  readonly timers: Timers
  readonly crypto: Crypto
  readonly signal?: AbortSignal
}

/** Unwanted bytes that are read rather than asked around. */
const GAP_BYTES = 65_536
/** A run takes so long at most: what is slower comes sooner through the server. */
const RUN_MS = 10_000
const SLOWEST_BYTES_PER_MS = 64

/** Bytes that do not come as the server said. The message is one clause, with no more of an address than its host. */
export class NotGiven extends Error {}

/** A connection that failed, as any may: worth another one. */
export class BrokeOff extends NotGiven {
  constructor(host: string) {
    super(`${host} cannot be reached, or broke off`)
  }
}

/**
 * What to read where. Throws NotGiven for what answers no question about the chunks asked for. `local` says that the
 * server is on this machine: only such a one may name places on it.
 */
export function runsOf({ packs }: DirectReads, asked: ReadonlySet<ChunkId>, local: boolean): Run[] {
  const runs: Run[] = []
  const seen = new Set<ChunkId>()
  let bytes = 0
  for (const { address: text, chunks } of packs) {
    const address = directAddress(text)
    if (address === null || (isLoopback(address) && !local))
      throw new NotGiven('the server named an address that is not safe to use')
    let run: Run | undefined
    for (const chunk of chunks) {
      if (!asked.has(chunk.id) || seen.has(chunk.id) || !liesInPack(chunk))
        throw new NotGiven('the server named places that nobody asked for')
      seen.add(chunk.id)
      bytes += chunk.length
      if (run && joins(run, chunk)) run.chunks.push(chunk)
      else {
        run = { address, chunks: [chunk] }
        runs.push(run)
      }
    }
  }
  if (bytes > FETCH_MAX_BYTES) throw new NotGiven('the server named more bytes than one fetch may have')
  return runs
}

function liesInPack({ offset, length }: Place): boolean {
  return offset >= FRAME_HEADER_BYTES && offset + length <= PACK_MAX_BYTES
}

function joins({ chunks }: Run, { offset }: Place): boolean {
  const gap = offset - FRAME_HEADER_BYTES - endOf(chunks.at(-1)!)
  return gap >= 0 && gap <= GAP_BYTES
}

function endOf({ offset, length }: Place): number {
  return offset + length
}

/**
 * The chunks of a run as they arrive. Each is known by the frame before it, and the first by its hash as well, so that a
 * place which gives something else is noticed at once. Rejects with NotGiven, or the signal's reason.
 */
export async function* readRun(run: Run, reading: RunReading, allocate: Allocate) {
  const { timers, signal } = reading
  const { host } = run.address
  const start = run.chunks[0]!.offset - FRAME_HEADER_BYTES
  const end = endOf(run.chunks.at(-1)!)
  const late = new AbortController()
  const inTime = timers.after(RUN_MS + (end - start) / SLOWEST_BYTES_PER_MS, () => late.abort())
  const given = async <T>(act: () => Promise<T>): Promise<T> => {
    try {
      return await act()
    } catch (error) {
      signal?.throwIfAborted()
      const slow = late.signal.aborted || error instanceof TimedOut
      // Without its cause: what a platform says of a failed request may hold the address.
      throw slow ? new NotGiven(`${host} is too slow`) : new BrokeOff(host)
    }
  }
  try {
    const sent = {
      method: 'GET',
      headers: { range: `bytes=${start}-${end - 1}`, 'accept-encoding': 'identity' },
      signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
    }
    const answer = await given(() => reading.exchange(run.address.href, sent))
    if (answer.status !== 206) {
      answer.cancel()
      throw new NotGiven(`${host} answered ${answer.status}`)
    }
    yield* chunksIn(answer, new Cutter(run, start, reading.crypto, allocate), given)
  } finally {
    inTime()
  }
}

async function* chunksIn(
  answer: Answer,
  cutter: Cutter,
  given: <T>(act: () => Promise<T>) => Promise<T>,
): AsyncGenerator<{ id: ChunkId; bytes: Uint8Array }> {
  const pieces = answer.body[Symbol.asyncIterator]()
  try {
    for (;;) {
      const { done, value } = await given(() => pieces.next())
      if (done) break
      yield* cutter.take(value)
    }
    cutter.end()
  } finally {
    // Frees the connection when whoever reads stops early; does nothing at the end, and fails where the body has failed.
    await pieces.return?.().catch(() => undefined)
  }
}

/** Cuts chunks out of the bytes of a run, whatever pieces these come in. */
class Cutter {
  readonly #run: Run
  readonly #crypto: Crypto
  readonly #allocate: Allocate
  readonly #header = new Uint8Array(FRAME_HEADER_BYTES)
  /** Of the next byte, from the start of the pack. */
  #at: number
  #next = 0
  #place: Uint8Array | null = null

  constructor(run: Run, start: number, crypto: Crypto, allocate: Allocate) {
    this.#run = run
    this.#at = start
    this.#crypto = crypto
    this.#allocate = allocate
  }

  /** The chunks that this piece completes. Throws NotGiven. */
  take(piece: Uint8Array): { id: ChunkId; bytes: Uint8Array }[] {
    const whole: { id: ChunkId; bytes: Uint8Array }[] = []
    let left = piece
    while (left.length > 0) {
      const chunk = this.#run.chunks[this.#next]
      if (!chunk) throw this.#other()
      const taken = this.#takeOf(chunk, left)
      left = left.subarray(taken)
      this.#at += taken
      if (this.#at < endOf(chunk)) continue
      if (this.#next === 0 && toHex(this.#crypto.sha256(this.#place!)) !== chunk.id) throw this.#other()
      whole.push({ id: chunk.id, bytes: this.#place! })
      this.#place = null
      this.#next++
    }
    return whole
  }

  /** Throws NotGiven when not all has come. */
  end(): void {
    if (this.#next < this.#run.chunks.length) throw new BrokeOff(this.#run.address.host)
  }

  /** Takes what the piece has of the gap, of the frame's header or of the chunk; returns how many bytes that were. */
  #takeOf({ id, offset, length }: Place, piece: Uint8Array): number {
    const frame = offset - FRAME_HEADER_BYTES
    if (this.#at < frame) return Math.min(piece.length, frame - this.#at)
    if (this.#at < offset) {
      const taken = Math.min(piece.length, offset - this.#at)
      this.#header.set(piece.subarray(0, taken), this.#at - frame)
      if (this.#at + taken === offset && !equal(this.#header, frameHeader(id, length))) throw this.#other()
      return taken
    }
    this.#place ??= this.#allocate(length)
    const taken = Math.min(piece.length, offset + length - this.#at)
    copyBytes(piece.subarray(0, taken), this.#place, this.#at - offset)
    return taken
  }

  #other(): NotGiven {
    return new NotGiven(`${this.#run.address.host} gave other bytes`)
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
