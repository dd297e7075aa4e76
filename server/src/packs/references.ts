/** Which chunks of a record's clear list a zone lacks; a long list is read through its own nodes. */
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { ChunkId, ZoneId } from '@pileus/core/ids/ids'
import { CHUNK_IDS_MAX } from '@pileus/core/limits'
import type { Refs } from '@pileus/core/records/refs'
import { decodeRefsNode } from '@pileus/core/records/refs-root'
import type { Engines } from '../rules/environment.ts'
import { readChunk } from './read.ts'

/** Missing chunks that one answer names, about 4 MiB of ids. */
const NAMED_MAX = 65_536

/**
 * For each record, by its place, the chunks that the zone lacks, list nodes included: at least one of each record that
 * lacks any, and no more than an answer can hold. A list below a missing node is looked at once the node has come. No
 * cache: the index is asked.
 */
export async function lackingChunks(
  engines: Engines,
  crypto: Crypto,
  zone: ZoneId,
  lists: readonly Refs[],
): Promise<Map<number, ChunkId[]>> {
  const top = new Set(lists.flatMap(({ ids }) => ids))
  const places = await engines.zones.locate(zone, [...top])
  const lacking = new Map<number, ChunkId[]>()
  let left = NAMED_MAX
  for (const [index, { depth, ids }] of lists.entries()) {
    const missing = ids.filter((id) => !places.has(id))
    if (depth > 0 && missing.length === 0) await walk(engines, crypto, zone, depth, ids, missing)
    if (missing.length === 0) continue
    const named = missing.slice(0, Math.max(1, Math.min(CHUNK_IDS_MAX, left)))
    left -= named.length
    lacking.set(index, named)
  }
  return lacking
}

/** Reads present nodes one at a time and adds what is missing below them: memory stays at one node per level. */
async function walk(
  engines: Engines,
  crypto: Crypto,
  zone: ZoneId,
  depth: number,
  nodes: readonly ChunkId[],
  missing: ChunkId[],
): Promise<void> {
  for (const node of nodes) {
    if (missing.length >= CHUNK_IDS_MAX) return
    const ids = decodeRefsNode(await readChunk(engines, crypto, zone, node))
    const places = await engines.zones.locate(zone, ids)
    const lacking = ids.filter((id) => !places.has(id))
    for (const id of lacking) missing.push(id)
    if (depth > 1 && lacking.length === 0) await walk(engines, crypto, zone, depth - 1, ids, missing)
  }
}
