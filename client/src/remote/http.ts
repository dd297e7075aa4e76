/** The Remote port over HTTP. */

import { FETCH_LIMITS, PackMalformed, PackReader } from '@pileus/core/content/pack'
import type { ChunkId, ZoneId } from '@pileus/core/ids/ids'
import { CHUNK_IDS_MAX } from '@pileus/core/limits'
import { Problem } from '@pileus/core/protocol/problem'
import { readBatch } from '@pileus/core/records/batch'
import type { Calls } from './calls.ts'
import { DirectReader, type DirectReadsParts } from './direct.ts'
import { TimedOut } from './patience.ts'
import { type Allocate, type Cursor, type Remote, type Source, Unreachable } from './remote.ts'

/** Times a broken download goes on without a chunk arriving. */
const STALLED_FETCHES_MAX = 3

/**
 * The zone calls of a device. `calls` should repeat and sign in by themselves: `signedIn(retrying(httpCalls(…)), session)`.
 * Without `direct` every byte comes from the server.
 */
export function httpRemote(calls: Calls, direct?: DirectReadsParts): Remote {
  const reader = direct && new DirectReader(calls, direct)
  return {
    log: (zone, from) => calls.call('log', { params: { zone }, query: { from: String(from) } }),
    appendLog: (zone, entry) => calls.call('appendLog', { params: { zone }, body: { entry } }),
    createZone: (genesis) => calls.call('createZone', { body: { genesis } }),
    writers: (zone) => calls.call('writers', { params: { zone } }),
    changes: (zone, cursor) => calls.call('changes', { params: { zone }, query: cursorQuery(cursor) }),
    history: (zone, record, before) =>
      calls.call('history', {
        params: { zone, record },
        query: before === undefined ? {} : { before: String(before) },
      }),
    steps: (zone, incarnation, after, to) =>
      calls.call('steps', {
        params: { zone },
        query: { incarnation: String(incarnation), after: String(after), to: String(to) },
      }),
    push: (request) =>
      calls.call('push', { body: request, headers: { 'idempotency-key': readBatch(request.batch).batch } }),
    room: async () => {
      const { quotaBytes, usedBytes } = await calls.call('account', {})
      return quotaBytes - usedBytes
    },
    missing: (zone, ids) => missing(calls, zone, ids),
    putPack: async (zone, pack, parts) => {
      await calls.call('putPack', { params: { zone, pack }, body: parts })
    },
    fetch: (zone, ids, allocate = newBytes, from: Source = 'server') =>
      reader && from === 'anywhere'
        ? fetchAnywhere(reader, calls, zone, ids, allocate)
        : fetchChunks(calls, zone, ids, allocate),
  }
}

function newBytes(length: number): Uint8Array {
  return new Uint8Array(length)
}

function cursorQuery(cursor: Cursor | null): Record<string, string> {
  if (cursor === null) return {}
  return {
    incarnation: String(cursor.incarnation),
    after: String(cursor.sequence),
    chain: cursor.chain,
  }
}

async function missing(calls: Calls, zone: ZoneId, ids: readonly ChunkId[]) {
  const found: ChunkId[] = []
  let generation: number | undefined
  for (let at = 0; at === 0 || at < ids.length; at += CHUNK_IDS_MAX) {
    const part = ids.slice(at, at + CHUNK_IDS_MAX)
    const answer = await calls.call('missing', { params: { zone }, body: { ids: part } })
    found.push(...answer.missing)
    // The lowest: chunks told present under it may be gone under a later one, and the push must find that out.
    generation = Math.min(generation ?? answer.generation, answer.generation)
  }
  return { missing: found, generation: generation ?? 0 }
}

/** The server is asked for what does not come directly. */
async function* fetchAnywhere(
  reader: DirectReader,
  calls: Calls,
  zone: ZoneId,
  ids: readonly ChunkId[],
  allocate: Allocate,
): AsyncGenerator<{ id: ChunkId; bytes: Uint8Array }> {
  const lacking = new Set(ids)
  for await (const chunk of reader.read(zone, ids, allocate)) {
    lacking.delete(chunk.id)
    yield chunk
  }
  yield* fetchChunks(calls, zone, [...lacking], allocate)
}

/** Asks again for the rest when an answer breaks off, and in smaller parts when it would be too large. */
async function* fetchChunks(
  calls: Calls,
  zone: ZoneId,
  ids: readonly ChunkId[],
  allocate: Allocate,
): AsyncGenerator<{ id: ChunkId; bytes: Uint8Array }> {
  let at = 0
  let part = CHUNK_IDS_MAX
  let stalled = 0
  while (at < ids.length) {
    const asked = ids.slice(at, at + part)
    const before = at
    try {
      for await (const chunk of fetchOnce(calls, zone, asked, allocate)) {
        at += 1
        yield chunk
      }
      stalled = 0
    } catch (error) {
      if (error instanceof Problem && error.code === 'body-too-large' && asked.length > 1) {
        part = Math.ceil(asked.length / 2)
        continue
      }
      if (!(error instanceof Unreachable)) throw error
      // Whoever makes the calls has asked twice by then.
      if (error instanceof TimedOut && at === before) throw error
      stalled = at > before ? 0 : stalled + 1
      if (stalled === STALLED_FETCHES_MAX) throw error
    }
  }
}

async function* fetchOnce(calls: Calls, zone: ZoneId, ids: readonly ChunkId[], allocate: Allocate) {
  const body = await calls.call('fetch', { params: { zone }, body: { ids: [...ids] } })
  const reader = new PackReader(FETCH_LIMITS, allocate)
  let at = 0
  try {
    for await (const piece of body) {
      for (const { id, bytes } of reader.push(piece)) {
        if (id !== ids[at])
          throw new Unreachable(`the server sent chunk ${id} where ${ids[at]} was asked for`)
        at += 1
        yield { id, bytes }
      }
    }
    reader.end()
  } catch (error) {
    if (error instanceof PackMalformed) throw new Unreachable('a download broke off; try again', error)
    throw error
  }
  if (at < ids.length) throw new Unreachable(`the server left out chunk ${ids[at]}; try again`)
}
