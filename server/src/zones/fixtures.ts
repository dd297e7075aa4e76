/** Zones, commits and packs for tests: well formed for an engine, which looks into none of their bytes. */
import { randomBytes as randomBuffer } from 'node:crypto'
import { type BatchId, type Digest, idFromBytes, type RecordId, type ZoneId } from '@pileus/core/ids/ids'
import { versionBytes } from './size.ts'
import type { Commit, Head, StoredVersion } from './zones.ts'

/** Plain arrays: what comes back is compared with them, class included. */
export const randomBytes = (bytes: number) => new Uint8Array(randomBuffer(bytes))
export const zoneId = () => idFromBytes('zone', randomBytes(32))
export const recordId = () => idFromBytes('record', randomBytes(16))
export const digest = () => idFromBytes('digest', randomBytes(32))
const batchId = () => idFromBytes('batch', randomBytes(16))
export const chunkId = () => idFromBytes('chunk', randomBytes(32))
export const packId = () => idFromBytes('pack', randomBytes(32))

export function newHead(): Head {
  return {
    incarnation: 1,
    sequence: 0,
    chain: digest(),
    setState: new Uint8Array(2_048),
    setHash: digest(),
    logLength: 1,
    logHead: digest(),
    generation: 0,
    floor: 0,
    storedBytes: 0,
  }
}

export interface Wanted {
  readonly id: RecordId
  readonly old?: Digest | null
  readonly bytes?: number
}

/** A commit of these records on top of the head. */
export function commitOf(zone: ZoneId, head: Head, wanted: readonly Wanted[], storedAt = 1_000): Commit {
  const batch: BatchId = batchId()
  const leaves = randomBytes(32 * wanted.length)
  const versions = wanted.map(({ id, bytes = 100 }, index): StoredVersion => {
    const leaf = idFromBytes('digest', leaves.subarray(32 * index, 32 * index + 32))
    const record = { facts: randomBytes(60), seal: randomBytes(bytes), refs: { depth: 0, ids: [chunkId()] } }
    return { sequence: head.sequence + 1 + index, id, record, leaf, batch, leafIndex: index, storedAt }
  })
  const steps = versions.map(({ sequence, id, leaf }, index) => ({
    sequence,
    record: id,
    oldLeaf: wanted[index]!.old ?? null,
    newLeaf: leaf,
    chain: digest(),
  }))
  return {
    zone,
    expected: head,
    head: {
      sequence: head.sequence + wanted.length,
      chain: steps.at(-1)!.chain,
      setState: randomBytes(2_048),
      setHash: digest(),
    },
    addedBytes: versions.reduce((sum, { record }) => sum + versionBytes(record), 0),
    versions,
    steps,
    batches: [
      {
        id: batch,
        signed: { header: randomBytes(100), signature: randomBytes(64) },
        leaves,
        outcome: randomBytes(9),
        sequence: head.sequence + wanted.length,
      },
    ],
  }
}
