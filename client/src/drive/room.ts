/**
 * Sending contents as far as the account has room for them. One that does not fit must not keep others waiting, nor may
 * a part of it be sent and take the room of those that fit: so what may not fit is measured before anything of it is sent.
 */
import { Problem } from '@pileus/core/protocol/problem'
import { PACK_FULL_BYTES } from '../transfer/pack-buffer.ts'
import type { DriveContext } from './context.ts'
import type { FileToTakeUp, Reading } from './reading.ts'

/** What a new version takes beside its chunks, and what it takes for each of them: its record, with lists of them. */
const RECORD_BYTES = 4_096
const LISTED_CHUNK_BYTES = 256

/** Others may use the room between the measuring and the sending: so often it is measured anew. */
const ATTEMPTS = 3

/** The account or the server has no room for more content; renames and deletions still pass, and what others sent. */
export function isNoRoom(error: unknown): error is Problem {
  return isOverQuota(error) || (error instanceof Problem && error.code === 'storage-full')
}

/** The account has no room. */
export function isOverQuota(error: unknown): error is Problem {
  return error instanceof Problem && error.code === 'quota-exceeded'
}

/** A file that is not sent. */
export interface TooLarge {
  readonly file: FileToTakeUp
  /** Bytes that it would take on the server. */
  readonly needed: number
}

/**
 * Reads the files and waits until their contents are stored, but for those that the account has no room for, which it
 * returns. `bytes` is what all of them may have. Rejects like `Reading.ingest` and `Uploader.finish`, and with Problem
 * 'storage-full' when it is the server that has no room.
 */
export async function ingestWhatFits(
  context: DriveContext,
  reading: Reading,
  files: Iterable<FileToTakeUp>,
  bytes: number,
): Promise<readonly TooLarge[]> {
  // Little is sent without asking: it is refused as a whole where it does not fit.
  let room = bytes > PACK_FULL_BYTES ? await context.remote.room() : Number.POSITIVE_INFINITY
  const doubtful: FileToTakeUp[] = []
  const all = files[Symbol.iterator]()
  function* thoseThatFit(): Generator<FileToTakeUp> {
    for (const file of restOf(all)) {
      const needed = neededAtMost(file)
      if (needed > room) doubtful.push(file)
      else {
        room -= needed
        yield file
      }
    }
  }
  if (!(await stored(reading, thoseThatFit()))) doubtful.push(...(await reading.startAnew()), ...restOf(all))
  return await ingestDoubtful(context, reading, doubtful)
}

/** Those that need least come first: so most of them fit. */
async function ingestDoubtful(
  context: DriveContext,
  reading: Reading,
  files: readonly FileToTakeUp[],
): Promise<readonly TooLarge[]> {
  let doubtful = files
  let tooLarge: readonly TooLarge[] = []
  for (let attempt = 0; attempt < ATTEMPTS && doubtful.length > 0; attempt++) {
    const measured: TooLarge[] = []
    const fitting: FileToTakeUp[] = []
    const lacking = await reading.lacking(doubtful)
    let room = await context.remote.room()
    const needs = [...lacking].map(([file, { bytes, chunks }]) => ({
      file,
      needed: bytes + RECORD_BYTES + chunks * LISTED_CHUNK_BYTES,
    }))
    for (const { file, needed } of needs.sort((a, b) => a.needed - b.needed)) {
      if (needed > room) measured.push({ file, needed })
      else {
        room -= needed
        fitting.push(file)
      }
    }
    tooLarge = measured
    if (await stored(reading, fitting)) break
    const refused = await reading.startAnew()
    tooLarge = [...refused.map((file) => ({ file, needed: neededAtMost(file) })), ...measured]
    doubtful = tooLarge.map(({ file }) => file)
  }
  return tooLarge
}

/** False when the account has no room for all of it. */
async function stored(reading: Reading, files: Iterable<FileToTakeUp>): Promise<boolean> {
  try {
    await reading.ingest(files)
    await reading.uploader.finish()
    return true
  } catch (error) {
    if (isOverQuota(error)) return false
    throw error
  }
}

/** Padding adds an eighth at most. */
function neededAtMost({ size }: FileToTakeUp): number {
  return size + Math.ceil(size / 8) + RECORD_BYTES
}

/** What an iterator still has, as something that may be left in the middle and taken up again. */
function* restOf<T>(all: Iterator<T>): Generator<T> {
  for (let next = all.next(); !next.done; next = all.next()) yield next.value
}
