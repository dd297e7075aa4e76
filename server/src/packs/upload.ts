/** Receiving a pack: checked while it streams to the blobs, durable before it is indexed. */

import { toHex } from '@pileus/core/bytes/hex'
import { type PackFrame, PackReader, packId } from '@pileus/core/content/pack'
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { ChunkId, PackId, ZoneId } from '@pileus/core/ids/ids'
import { Problem } from '@pileus/core/protocol/problem'
import type { Engines } from '../rules/environment.ts'
import type { ChunkPlace, StoredPack } from '../zones/zones.ts'

/**
 * Stores the pack (SRV-41 to SRV-44). Holds one chunk in memory. Throws Problem 'chunk-corrupt' when a chunk or the
 * pack is not what its id says; PackMalformed when the bytes are not a pack. Then nothing is stored.
 */
export async function storePack(
  { zones, blobs }: Engines,
  crypto: Crypto,
  zone: ZoneId,
  pack: PackId,
  body: AsyncIterable<Uint8Array>,
): Promise<StoredPack & { readonly added: boolean }> {
  const reader = new PackReader()
  const places: ChunkPlace[] = []
  let bytes = 0

  async function* checked(): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      for (const frame of reader.push(piece)) places.push(placeOf(crypto, pack, frame))
      yield piece
    }
    bytes = reader.end().bytes
    requirePackId(crypto, pack, places)
  }

  await blobs.put({ zone, object: pack }, checked())
  const added = await zones.addPack(zone, pack, bytes, places)
  return { chunks: places.length, storedBytes: bytes, added }
}

/** Reads a body to its end and forgets it, so that the connection can be used again. */
export async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  const pieces = body[Symbol.asyncIterator]()
  while (!(await pieces.next()).done);
}

function placeOf(crypto: Crypto, pack: PackId, { id, offset, bytes }: PackFrame): ChunkPlace {
  if (toHex(crypto.sha256(bytes)) !== id) {
    throw new Problem('chunk-corrupt', `chunk ${id} does not match its id: it was damaged, send it again`, {
      ids: [id],
    })
  }
  return { chunk: id, pack, offset, length: bytes.length }
}

function requirePackId(crypto: Crypto, pack: PackId, places: readonly ChunkPlace[]): void {
  const ids: ChunkId[] = places.map(({ chunk }) => chunk)
  const actual = packId(crypto, ids)
  if (actual === pack) return
  throw new Problem('chunk-corrupt', `the chunks make pack ${actual}, not ${pack}`, { ids: [pack] })
}
