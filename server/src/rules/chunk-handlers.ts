/** Chunks: what is missing, storing packs, reading (SRV-40 to SRV-49). */
import { PACK_MAX_BYTES } from '@pileus/core/limits'
import { Problem } from '@pileus/core/protocol/problem'
import { directReads } from '../packs/direct.ts'
import { fetchChunks, readChunk } from '../packs/read.ts'
import { drain, storePack } from '../packs/upload.ts'
import type { ChunkAnswer, Handlers, ZoneCall } from './call.ts'
import { notFound } from './not-found.ts'
import { ownerOf, withRoom } from './room.ts'

export const chunkHandlers: Handlers<'missing' | 'putPack' | 'fetch' | 'directReads' | 'chunk'> = {
  async missing({ environment, zone, body }) {
    const { zones } = environment.engines
    const head = await zones.head(zone)
    if (!head) throw notFound()
    const places = await zones.locate(zone, body.ids)
    environment.observer.deduplicated(places.size)
    return { missing: body.ids.filter((id) => !places.has(id)), generation: head.generation }
  },
  putPack,
  fetch: ({ environment, zone, body }) =>
    fetchChunks(environment.engines, environment.crypto, zone, body.ids),
  directReads: ({ environment, zone, body }) => directReads(environment, zone, body.ids),
  chunk,
}

async function putPack(call: ZoneCall<'putPack'>): Promise<{ chunks: number; storedBytes: number }> {
  const { environment, zone, role, params, body, headers } = call
  const { engines, crypto, observer } = environment
  if (role === 'reader') throw new Problem('not-allowed', 'this account may read the zone, not write to it')
  const known = await engines.zones.pack(zone, params.pack)
  if (known) {
    await drain(body)
    return { chunks: known.chunks, storedBytes: known.storedBytes }
  }
  const owner = await ownerOf(environment, zone)
  if (!owner) throw notFound()
  const declared = Number(headers['content-length'] ?? PACK_MAX_BYTES)
  const room =
    Number.isSafeInteger(declared) && declared >= 0 ? Math.min(declared, PACK_MAX_BYTES) : PACK_MAX_BYTES
  const key = `pack:${zone}:${params.pack}`
  const stored = await withRoom(environment, owner, key, room, () =>
    storePack(engines, crypto, zone, params.pack, body),
  )
  if (stored.added) observer.stored(stored.chunks, stored.storedBytes)
  return { chunks: stored.chunks, storedBytes: stored.storedBytes }
}

/** SRV-48: one chunk, whole or a range of it (RFC 9110 §14); it never changes, so it may be kept for ever. */
async function chunk(call: ZoneCall<'chunk'>): Promise<ChunkAnswer> {
  const { environment, zone, params, headers } = call
  const etag = `"${params.chunk}"`
  const common = {
    etag,
    'accept-ranges': 'bytes',
    'cache-control': 'private, max-age=31536000, immutable',
    vary: 'authorization',
  }
  const { engines, crypto } = environment
  if (!(await engines.zones.locate(zone, [params.chunk])).has(params.chunk)) throw notFound([params.chunk])
  if (headers['if-none-match']?.split(',').some((tag) => tag.trim() === etag || tag.trim() === '*')) {
    return { status: 304, headers: common, bytes: new Uint8Array(0) }
  }
  const bytes = await readChunk(engines, crypto, zone, params.chunk)
  const ifRange = headers['if-range']
  const range = ifRange === undefined || ifRange === etag ? rangeOf(headers.range, bytes.length) : 'whole'
  if (range === 'whole') return { status: 200, headers: common, bytes }
  if (range === 'unsatisfiable') {
    return { status: 416, headers: { 'content-range': `bytes */${bytes.length}` }, bytes: new Uint8Array(0) }
  }
  const { from, to } = range
  const contentRange = `bytes ${from}-${to}/${bytes.length}`
  return {
    status: 206,
    headers: { ...common, 'content-range': contentRange },
    bytes: bytes.subarray(from, to + 1),
  }
}

type Range = 'whole' | 'unsatisfiable' | { readonly from: number; readonly to: number }

/** One range of bytes, both ends included. Several ranges, other units and nonsense are ignored, as the RFC allows. */
function rangeOf(header: string | undefined, length: number): Range {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return 'whole'
  const [, first = '', last = ''] = match
  if (first === '') {
    const count = Math.min(Number(last), length)
    return count === 0 ? 'unsatisfiable' : { from: length - count, to: length - 1 }
  }
  const from = Number(first)
  const to = last === '' ? length - 1 : Math.min(Number(last), length - 1)
  if (last !== '' && Number(last) < from) return 'whole'
  return from >= length ? 'unsatisfiable' : { from, to }
}
