/** Where chunks rest, for devices that read them there themselves (SRV-49). */
import type { ChunkId, ZoneId } from '@pileus/core/ids/ids'
import { ADDRESS_MAX_CHARACTERS } from '@pileus/core/limits'
import type { DirectReads } from '@pileus/core/protocol/chunks'
import type { Environment } from '../rules/environment.ts'
import { notFound } from '../rules/not-found.ts'

/** The packs that hold these chunks. Rejects with Problem 'not-found' and the ids the zone lacks. */
export async function directReads(
  { engines: { zones, blobs }, observer }: Environment,
  zone: ZoneId,
  ids: readonly ChunkId[],
): Promise<DirectReads> {
  if (!blobs.directRead) return { packs: [] }
  const places = await zones.locate(zone, ids)
  const lacking = ids.filter((id) => !places.has(id))
  if (lacking.length > 0) throw notFound(lacking)
  const packs: DirectReads['packs'] = []
  for (const [pack, held] of Map.groupBy(places.values(), (place) => place.pack)) {
    const address = await blobs.directRead({ zone, object: pack })
    // What a device would refuse is better read through this server.
    if (address.length > ADDRESS_MAX_CHARACTERS) continue
    const chunks = held
      .toSorted((a, b) => a.offset - b.offset)
      .map(({ chunk, offset, length }) => ({ id: chunk, offset, length }))
    packs.push({ address, chunks })
    observer.directed(chunks.reduce((sum, { length }) => sum + length, 0))
  }
  return { packs }
}
