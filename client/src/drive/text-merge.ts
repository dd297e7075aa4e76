/** Three-way merge of texts (diff3), with the common ancestor from history. */

import { ChunkCorrupt, openChunk, sealChunk } from '@pileus/core/content/chunk'
import { cutLength } from '@pileus/core/content/chunker'
import { ChunkListBuilder } from '@pileus/core/content/list'
import { type ChunkId, idFromBytes } from '@pileus/core/ids/ids'
import type { Clash } from '@pileus/core/merge/merge'
import { Problem, type ProblemCode } from '@pileus/core/protocol/problem'
import type { Content } from '@pileus/core/records/record'
import { buildRefs } from '@pileus/core/records/refs-root'
import { diff3Merge } from 'node-diff3'
import { Uploader } from '../transfer/uploader.ts'
import type { DriveContext } from './context.ts'
import type { TextMerge } from './settle.ts'

/** Longer texts are kept twice: merging them by hand is no work for a person, and by machine slow. */
const TEXT_MAX_BYTES = 1024 * 1024

/** What the server says of a chunk that it cannot give. */
const CHUNK_GONE: readonly ProblemCode[] = ['not-found', 'damaged-storage']

/**
 * The merged text, uploaded, or null where the texts cannot be merged: lines clash, one is no UTF-8 or too
 * long, the ancestor is no longer in history (R8), or the server damaged one: then its file alone cannot be restored.
 */
export async function mergeTexts(context: DriveContext, clash: Clash): Promise<TextMerge | null> {
  if (!clash.base) return null
  const texts: string[] = []
  for (const content of [clash.ours, clash.base, clash.theirs]) {
    const text = await readText(context, content)
    if (text === null) return null
    texts.push(text)
  }
  const [ours, base, theirs] = texts.map(linesOf) as [string[], string[], string[]]
  const merged: string[] = []
  for (const part of diff3Merge(ours, base, theirs, { excludeFalseConflicts: true })) {
    if (!part.ok) return null
    for (const line of part.ok) merged.push(line)
  }
  return upload(context, new TextEncoder().encode(merged.join('')), clash.theirs.base)
}

/** Lines with their line ends, so that joining them gives the text back whatever ends it used. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? []
}

async function readText(context: DriveContext, content: Content): Promise<string | null> {
  if (content.type !== 'chunks' || content.size > TEXT_MAX_BYTES || content.list.depth > 0) return null
  const { crypto, remote, zone } = context
  const { entries } = content.list
  const found = new Map<ChunkId, Uint8Array>()
  try {
    // One at a time: the server hashes a chunk that is asked for alone, and looks for a whole one.
    for (const { id } of entries)
      if (!found.has(id)) for await (const { bytes } of remote.fetch(zone.zone, [id])) found.set(id, bytes)
  } catch (error) {
    if (error instanceof Problem && CHUNK_GONE.includes(error.code)) return null
    throw error
  }
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let text = ''
  try {
    for (const entry of entries)
      text += decoder.decode(openChunk(crypto, entry, found.get(entry.id)!), { stream: true })
    return text + decoder.decode()
  } catch (error) {
    if (error instanceof TypeError || error instanceof ChunkCorrupt) return null
    throw error
  }
}

async function upload(context: DriveContext, bytes: Uint8Array, base: string): Promise<TextMerge> {
  const { crypto, remote, zone } = context
  const secret = zone.keysOf(zone.epoch)!.chunkSecret.bytes()
  const uploader = new Uploader(remote, zone.zone, crypto)
  const list = new ChunkListBuilder((data) => sealChunk(crypto, secret, data))
  const ids: ChunkId[] = []
  for (let rest = bytes; rest.length > 0; ) {
    const data = rest.subarray(0, cutLength(context.chunker, rest, true))
    rest = rest.subarray(data.length)
    const chunk = sealChunk(crypto, secret, data)
    list.add(chunk.entry)
    ids.push(chunk.entry.id)
    await uploader.add({ id: chunk.entry.id, bytes: chunk.bytes })
  }
  await uploader.finish()
  const content: Content = {
    type: 'chunks',
    hash: idFromBytes('digest', crypto.sha256(bytes)),
    size: bytes.length,
    list: list.finish().list,
    base,
    by: context.deviceName,
  }
  return { content, refs: buildRefs(crypto, ids).refs }
}
