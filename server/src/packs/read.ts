/** Reading chunks out of packs: ranges that lie together in one read, every chunk checked before it leaves. */

import { toHex } from '@pileus/core/bytes/hex'
import { FRAME_HEADER_BYTES, frameHeader, packHeader } from '@pileus/core/content/pack'
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { ChunkId, ZoneId } from '@pileus/core/ids/ids'
import { FETCH_MAX_BYTES } from '@pileus/core/limits'
import { Problem } from '@pileus/core/protocol/problem'
import { BlobMissing } from '../blobs/blobs.ts'
import { DamagedStorage } from '../engine-errors.ts'
import type { Engines } from '../rules/environment.ts'
import { notFound } from '../rules/not-found.ts'
import type { ChunkPlace } from '../zones/zones.ts'

/** Unwanted bytes that are read rather than asked around; and the most that one read brings. */
const GAP_BYTES = 65_536
const READ_BYTES = 4 * 1_048_576

/** Chunks that stand close to each other in one pack, in the order asked and in the pack's. */
interface Run {
  readonly places: ChunkPlace[]
  end: number
}

/**
 * The chunks as a pack, in the order asked. Rejects before anything is sent with Problem 'not-found' and the ids the
 * zone lacks, 'body-too-large', or 'damaged-storage' when the first is damaged; a later damaged one cuts the stream.
 */
export async function fetchChunks(
  engines: Engines,
  crypto: Crypto,
  zone: ZoneId,
  ids: readonly ChunkId[],
): Promise<AsyncIterable<Uint8Array>> {
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
  const runs = runsOf(wanted)
  const first = await readRun(engines, crypto, zone, runs[0]!)
  return sendRuns(engines, crypto, zone, runs, first)
}

/** One chunk, checked. Rejects with Problem 'not-found' or 'damaged-storage'. */
export async function readChunk(
  engines: Engines,
  crypto: Crypto,
  zone: ZoneId,
  id: ChunkId,
): Promise<Uint8Array> {
  const place = (await engines.zones.locate(zone, [id])).get(id)
  if (!place) throw notFound([id])
  const [chunk] = await readRun(engines, crypto, zone, { places: [place], end: place.offset + place.length })
  return chunk!
}

async function* sendRuns(
  engines: Engines,
  crypto: Crypto,
  zone: ZoneId,
  runs: readonly Run[],
  first: Uint8Array[],
): AsyncGenerator<Uint8Array> {
  const gathered = new Gathered(packHeader())
  let chunks = first
  for (const [index, run] of runs.entries()) {
    const next = runs[index + 1]
    // One run is read while the one before it is sent.
    const reading = next ? settled(readRun(engines, crypto, zone, next)) : undefined
    for (const [n, { chunk }] of run.places.entries()) {
      const bytes = chunks[n]!
      yield* gathered.add(frameHeader(chunk, bytes.length), bytes)
    }
    if (reading) chunks = (await reading)()
  }
  yield* gathered.flush()
}

/** Small pieces are sent together: each costs the same, whatever its size. Large ones are not copied. */
const PIECE_BYTES = 65_536

class Gathered {
  #parts: Uint8Array[]
  #bytes: number
  constructor(first: Uint8Array) {
    this.#parts = [first]
    this.#bytes = first.length
  }

  *add(header: Uint8Array, bytes: Uint8Array): Generator<Uint8Array> {
    this.#keep(header)
    if (bytes.length < PIECE_BYTES) this.#keep(bytes)
    if (this.#bytes >= PIECE_BYTES || bytes.length >= PIECE_BYTES) yield* this.flush()
    if (bytes.length >= PIECE_BYTES) yield bytes
  }

  *flush(): Generator<Uint8Array> {
    if (this.#bytes > 0) yield Buffer.concat(this.#parts, this.#bytes)
    this.#parts = []
    this.#bytes = 0
  }

  #keep(part: Uint8Array): void {
    this.#parts.push(part)
    this.#bytes += part.length
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
    const start = run?.places[0]
    const end = place.offset + place.length
    const joins =
      run &&
      start &&
      start.pack === place.pack &&
      place.offset >= run.end &&
      place.offset - run.end <= GAP_BYTES + FRAME_HEADER_BYTES &&
      end - start.offset <= READ_BYTES
    if (joins) {
      run.places.push(place)
      run.end = end
    } else {
      runs.push({ places: [place], end })
    }
  }
  return runs
}

async function readRun(engines: Engines, crypto: Crypto, zone: ZoneId, run: Run): Promise<Uint8Array[]> {
  const [first] = run.places
  let bytes: Uint8Array | undefined
  try {
    bytes = await engines.blobs.get({ zone, object: first!.pack }, first!.offset, run.end - first!.offset)
  } catch (error) {
    // Each chunk is tried alone then: other packs may hold it, and the rest of this one may be whole.
    if (!(error instanceof DamagedStorage || error instanceof BlobMissing)) throw error
  }
  const chunks: Uint8Array[] = []
  for (const { chunk, offset, length } of run.places) {
    const start = offset - first!.offset
    const found = bytes?.subarray(start, start + length)
    const whole = found !== undefined && isWhole(crypto, chunk, found)
    chunks.push(whole ? found : await readElsewhere(engines, crypto, zone, chunk))
  }
  return chunks
}

/** Another whole copy of a chunk whose first copy is damaged. */
async function readElsewhere(
  engines: Engines,
  crypto: Crypto,
  zone: ZoneId,
  chunk: ChunkId,
): Promise<Uint8Array> {
  for (const { pack, offset, length } of await engines.zones.places(zone, chunk)) {
    try {
      const bytes = await engines.blobs.get({ zone, object: pack }, offset, length)
      if (isWhole(crypto, chunk, bytes)) return bytes
    } catch (error) {
      if (!(error instanceof DamagedStorage || error instanceof BlobMissing)) throw error
    }
  }
  throw new Problem('damaged-storage', `chunk ${chunk} is damaged on the server's disk`, { ids: [chunk] })
}

function isWhole(crypto: Crypto, chunk: ChunkId, bytes: Uint8Array): boolean {
  return toHex(crypto.sha256(bytes)) === chunk
}
