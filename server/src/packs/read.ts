/**
 * Reading chunks out of packs. What lies together in a pack leaves in one piece, as it rests there: the answer to a
 * fetch is a pack itself. Devices check every chunk, so only its frame is looked at here; a chunk that is asked for
 * alone, as devices do with one that was bad, is hashed before it leaves (SRV-46).
 */

import { BufferPool } from '@pileus/core/bytes/buffer-pool'
import { toHex } from '@pileus/core/bytes/hex'
import { FRAME_HEADER_BYTES, frameHeader, PACK_HEADER_BYTES, packHeader } from '@pileus/core/content/pack'
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { ChunkId, ZoneId } from '@pileus/core/ids/ids'
import { FETCH_MAX_BYTES, STORED_CHUNK_MAX_BYTES } from '@pileus/core/limits'
import { Problem } from '@pileus/core/protocol/problem'
import { BlobMissing } from '../blobs/blobs.ts'
import { DamagedStorage } from '../engine-errors.ts'
import type { PackAnswer } from '../rules/call.ts'
import type { Engines } from '../rules/environment.ts'
import { notFound } from '../rules/not-found.ts'
import type { ChunkPlace } from '../zones/zones.ts'

/** Unwanted bytes that are read rather than asked around. */
const GAP_BYTES = 65_536
/** What one read brings: several of the longest chunks. */
const RUN_BYTES = 4 * (FRAME_HEADER_BYTES + STORED_CHUNK_MAX_BYTES)
const runBuffers = new BufferPool(RUN_BYTES)

/** Where chunks are read from. */
interface Store {
  readonly engines: Engines
  readonly crypto: Crypto
  readonly zone: ZoneId
}

/** Chunks that stand close to each other in one pack, in the order asked and in the pack's. */
interface Run {
  readonly places: ChunkPlace[]
  /** Of the first one's frame, and after the last one's bytes. */
  readonly start: number
  end: number
}

/**
 * The chunks as a pack, in the order asked; a piece is the reader's until the next is asked for. Rejects before
 * anything is sent with Problem 'not-found' and the ids the zone lacks, 'body-too-large', or 'damaged-storage' when
 * none of the first can be read; when a later one cannot, the pieces end with that Problem.
 */
export async function fetchChunks(
  engines: Engines,
  crypto: Crypto,
  zone: ZoneId,
  ids: readonly ChunkId[],
): Promise<PackAnswer> {
  const places = await engines.zones.locate(zone, ids)
  const lacking = ids.filter((id) => !places.has(id))
  if (lacking.length > 0) throw notFound(lacking)
  const wanted = ids.map((id) => places.get(id)!)
  const bytes = wanted.reduce((sum, { length }) => sum + length, 0)
  if (bytes > FETCH_MAX_BYTES) {
    throw new Problem(
      'body-too-large',
      `the chunks have ${bytes} bytes: ask for at most ${FETCH_MAX_BYTES} at once`,
    )
  }
  const store = { engines, crypto, zone }
  const runs = runsOf(wanted)
  const read = wanted.length === 1 ? readHashed : readRun
  const first = await read(store, runs[0]!)
  return {
    bytes: PACK_HEADER_BYTES + wanted.length * FRAME_HEADER_BYTES + bytes,
    pieces: sendRuns(store, runs, first),
  }
}

/** One chunk, hashed. Rejects with Problem 'not-found' or 'damaged-storage'. */
export async function readChunk(
  engines: Engines,
  crypto: Crypto,
  zone: ZoneId,
  id: ChunkId,
): Promise<Uint8Array> {
  return readWhole({ engines, crypto, zone }, id)
}

async function* sendRuns(store: Store, runs: readonly Run[], first: Uint8Array): AsyncGenerator<Uint8Array> {
  yield packHeader()
  let frames = first
  for (const [index] of runs.entries()) {
    const next = runs[index + 1]
    // One run is read while the one before it is sent.
    const reading = next ? settled(readRun(store, next)) : undefined
    yield frames
    giveBack(frames)
    if (reading) frames = (await reading)()
  }
}

/** The result or failure of a promise that nobody may be waiting for any more. */
function settled<T>(promise: Promise<T>): Promise<() => T> {
  return promise.then(
    (value) => () => value,
    (error) => () => {
      throw error
    },
  )
}

function runsOf(wanted: readonly ChunkPlace[]): Run[] {
  const runs: Run[] = []
  for (const place of wanted) {
    const run = runs.at(-1)
    const start = place.offset - FRAME_HEADER_BYTES
    const end = place.offset + place.length
    const joins =
      run &&
      run.places[0]!.pack === place.pack &&
      start >= run.end &&
      start - run.end <= GAP_BYTES &&
      end - run.start <= RUN_BYTES
    if (joins) {
      run.places.push(place)
      run.end = end
    } else {
      runs.push({ places: [place], start, end })
    }
  }
  return runs
}

/** The frames of a run, one after another, in a buffer of the pool. */
async function readRun(store: Store, run: Run): Promise<Uint8Array> {
  const buffer = runBuffers.take()
  const intact = await couldRead(store, run, buffer)
  let filled = 0
  for (const place of run.places) {
    const from = place.offset - FRAME_HEADER_BYTES - run.start
    const to = from + FRAME_HEADER_BYTES + place.length
    const header = frameHeader(place.chunk, place.length)
    if (intact && startsWith(buffer.subarray(from, to), header)) {
      // Closes the gap that an unwanted chunk leaves.
      if (from > filled) buffer.copyWithin(filled, from, to)
    } else {
      // Other packs may hold it, and the rest of this one may be whole.
      buffer.set(header, filled)
      buffer.set(await readWhole(store, place.chunk), filled + FRAME_HEADER_BYTES)
    }
    filled += to - from
  }
  return buffer.subarray(0, filled)
}

/** The frame of a run of one chunk, from wherever it is whole. */
async function readHashed(store: Store, { places }: Run): Promise<Uint8Array> {
  const { chunk } = places[0]!
  const bytes = await readWhole(store, chunk)
  const buffer = runBuffers.take()
  buffer.set(frameHeader(chunk, bytes.length))
  buffer.set(bytes, FRAME_HEADER_BYTES)
  return buffer.subarray(0, FRAME_HEADER_BYTES + bytes.length)
}

async function couldRead({ engines, zone }: Store, run: Run, into: Uint8Array): Promise<boolean> {
  const key = { zone, object: run.places[0]!.pack }
  try {
    await engines.blobs.read(key, run.start, into.subarray(0, run.end - run.start))
    return true
  } catch (error) {
    if (error instanceof DamagedStorage || error instanceof BlobMissing) return false
    throw error
  }
}

function giveBack(frames: Uint8Array): void {
  runBuffers.give(new Uint8Array(frames.buffer))
}

/** A copy of the chunk that matches its id, from any pack. Rejects with Problem 'damaged-storage', or 'not-found'. */
async function readWhole({ engines, crypto, zone }: Store, chunk: ChunkId): Promise<Uint8Array> {
  const places = await engines.zones.places(zone, chunk)
  if (places.length === 0) throw notFound([chunk])
  for (const { pack, offset, length } of places) {
    const bytes = new Uint8Array(length)
    try {
      await engines.blobs.read({ zone, object: pack }, offset, bytes)
      if (toHex(crypto.sha256(bytes)) === chunk) return bytes
    } catch (error) {
      if (!(error instanceof DamagedStorage || error instanceof BlobMissing)) throw error
    }
  }
  throw new Problem('damaged-storage', `chunk ${chunk} is damaged on the server's disk`, { ids: [chunk] })
}

function startsWith(bytes: Uint8Array, beginning: Uint8Array): boolean {
  return beginning.every((byte, index) => bytes[index] === byte)
}
