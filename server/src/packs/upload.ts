/** Receiving a pack: checked while it streams to the blobs, durable before it is indexed. */
import { packId } from '@pileus/core/content/pack'
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { PackId, ZoneId } from '@pileus/core/ids/ids'
import { Problem } from '@pileus/core/protocol/problem'
import type { Engines } from '../rules/environment.ts'
import type { ChunkPlace, StoredPack } from '../zones/zones.ts'
import { PackScanner } from './scan.ts'

/**
 * Stores the pack (SRV-41 to SRV-44), holding one piece of it in memory. Throws Problem 'chunk-corrupt' when a chunk or
 * the pack is not what its id says, PackMalformed when the bytes are not a pack. Then nothing is stored.
 */
export async function storePack(
  { zones, blobs }: Engines,
  crypto: Crypto,
  zone: ZoneId,
  pack: PackId,
  body: AsyncIterable<Uint8Array>,
): Promise<StoredPack & { readonly added: boolean }> {
  const scanner = new PackScanner(crypto, pack)

  async function* checked(): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      scanner.push(piece)
      yield piece
    }
    requirePackId(crypto, pack, scanner.end().places)
  }

  await blobs.put({ zone, object: pack }, checked())
  const { places, bytes } = scanner.end()
  const added = await zones.addPack(zone, pack, bytes, places)
  return { chunks: places.length, storedBytes: bytes, added }
}

/** Reads a body to its end and forgets it, so that the connection can be used again. */
export async function drain(body: AsyncIterable<Uint8Array>): Promise<void> {
  const pieces = body[Symbol.asyncIterator]()
  while (!(await pieces.next()).done);
}

function requirePackId(crypto: Crypto, pack: PackId, places: readonly ChunkPlace[]): void {
  const actual = packId(
    crypto,
    places.map(({ chunk }) => chunk),
  )
  if (actual === pack) return
  throw new Problem('chunk-corrupt', `the chunks make pack ${actual}, not ${pack}`, { ids: [pack] })
}
