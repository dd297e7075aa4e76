/**
 * Copying a zone: its log, its packs, then its commits, batch after batch, by the calls that any zone is written with. So the target
 * itself tells how far it is, whenever and however the copying ended.
 */
import { PackMalformed } from '@pileus/core/content/pack'
import type { Crypto } from '@pileus/core/crypto/crypto'
import { nodeCrypto } from '@pileus/core/crypto/node'
import type { PackId, RecordId, ZoneId } from '@pileus/core/ids/ids'
import { Problem } from '@pileus/core/protocol/problem'
import { BlobMissing, type Blobs } from '../blobs/blobs.ts'
import { DamagedStorage } from '../engine-errors.ts'
import { storePack } from '../packs/upload.ts'
import type { Engines } from '../rules/environment.ts'
import { newZone } from '../rules/zone-head.ts'
import { batchBytes, versionBytes } from '../zones/size.ts'
import type { Head, ListedPack, StoredBatch, StoredVersion, Zones } from '../zones/zones.ts'
import { MoveStopped } from './stopped.ts'

const ENTRIES_AT_ONCE = 100
const PACKS_LISTED = 500
/** Packs on their way at the same time: a few buffers each. */
const PACKS_IN_FLIGHT = 3
const READ_BYTES = 1_048_576
/** Batches that are read, and commits that are gathered from them, at most. */
const BATCHES_AT_ONCE = 50
const COMMIT_VERSIONS = 500
const COMMIT_BYTES = 4_194_304

const crypto: Crypto = nodeCrypto

/** Resolves once the target has all of the zone; `copied` is told of bytes as they arrive. */
export async function copyZone(
  from: Engines,
  to: Engines,
  zone: ZoneId,
  copied: (bytes: number) => void,
): Promise<void> {
  const head = await from.zones.head(zone)
  if (!head) throw new MoveStopped(`zone ${zone} is listed in the source and not there`)
  let at = (await to.zones.head(zone)) ?? (await createZone(from.zones, to.zones, zone, head))
  copied(at.storedBytes)
  at = await copyLog(from.zones, to.zones, zone, head, at)
  await copyPacks(from, to, zone, copied)
  await copyCommits(from.zones, to.zones, zone, head, copied)
  for (const [device, state] of await from.zones.origin.syncStates(zone)) {
    await to.zones.setSyncState(zone, device, state)
  }
}

async function createZone(from: Zones, to: Zones, zone: ZoneId, head: Head): Promise<Head> {
  const [genesis] = await from.log(zone, 0, 1)
  if (!genesis) throw new MoveStopped(`zone ${zone} has no log in the source`)
  const made = newZone(crypto, zone, genesis, head.logHead)
  const { incarnation, generation, floor } = head
  await to.create({ ...made, head: { ...made.head, incarnation, generation, floor } })
  return (await to.head(zone))!
}

/** Entries are appended before any commit, with the head of the log as it is in the end. */
async function copyLog(from: Zones, to: Zones, zone: ZoneId, head: Head, at: Head): Promise<Head> {
  let { logLength } = at
  while (logLength < head.logLength) {
    const entries = await from.log(zone, logLength, ENTRIES_AT_ONCE)
    if (entries.length === 0) throw new MoveStopped(`the log of zone ${zone} is cut off in the source`)
    for (const entry of entries) {
      const place = { logLength, sequence: at.sequence }
      if ((await to.appendLog(zone, place, entry, head.logHead)) === 'moved') throw otherMove()
      logLength++
    }
  }
  return { ...at, logLength }
}

async function copyPacks(
  from: Engines,
  to: Engines,
  zone: ZoneId,
  copied: (bytes: number) => void,
): Promise<void> {
  let last: PackId | null = null
  for (;;) {
    const packs: ListedPack[] = await from.zones.origin.packs(zone, last, PACKS_LISTED)
    const left = packs.values()
    const carry = async () => {
      for (const pack of left) await copyPack(from, to, zone, pack, copied)
    }
    await Promise.all(Array.from({ length: PACKS_IN_FLIGHT }, carry))
    last = packs.at(-1)?.id ?? null
    if (last === null || packs.length < PACKS_LISTED) return
  }
}

/** The content of every chunk is checked against its id on the way; a pack is indexed once it rests safely. */
async function copyPack(
  from: Engines,
  to: Engines,
  zone: ZoneId,
  { id, storedBytes, chunks }: ListedPack,
  copied: (bytes: number) => void,
): Promise<void> {
  if (await to.zones.pack(zone, id)) return
  const body = read(from.blobs, { zone, object: id }, storedBytes)
  const stored = await storePack(to, crypto, zone, id, body).catch((error: unknown) => {
    throw DAMAGE.some((kind) => error instanceof kind) ? damaged(zone, id, error) : error
  })
  if (stored.storedBytes !== storedBytes || stored.chunks !== chunks) {
    throw new MoveStopped(`pack ${id} of zone ${zone} is not what the source says of it`)
  }
  copied(storedBytes)
}

/** What reading a pack may find. */
const DAMAGE = [Problem, PackMalformed, BlobMissing, DamagedStorage] as const

function damaged(zone: ZoneId, pack: PackId, cause: unknown): MoveStopped {
  return new MoveStopped(
    `pack ${pack} of zone ${zone} is damaged in the source: restore this object from a backup, then run the same command again`,
    cause,
  )
}

async function* read(blobs: Blobs, key: { zone: string; object: string }, length: number) {
  const buffer = new Uint8Array(Math.min(length, READ_BYTES))
  for (let offset = 0; offset < length; offset += READ_BYTES) {
    const part = buffer.subarray(0, Math.min(READ_BYTES, length - offset))
    await blobs.read(key, offset, part)
    yield part
  }
}

async function copyCommits(
  from: Zones,
  to: Zones,
  zone: ZoneId,
  head: Head,
  copied: (bytes: number) => void,
): Promise<void> {
  let at = (await to.head(zone))!
  while (at.sequence < head.sequence) {
    const batches = await from.origin.batches(zone, at.sequence, BATCHES_AT_ONCE)
    const { taken, versions } = await gather(from, zone, at.sequence, batches)
    const sequence = taken.at(-1)?.sequence
    if (sequence === undefined) throw new MoveStopped(`zone ${zone} lacks batches in the source`)
    const steps = await from.steps(zone, at.sequence, sequence, sequence - at.sequence)
    if (steps.length !== sequence - at.sequence)
      throw new MoveStopped(`zone ${zone} lacks steps in the source`)
    const bytes = sequence === head.sequence ? head.storedBytes - at.storedBytes : bytesOf(versions, taken)
    const { chain } = steps.at(-1)!
    // What the set is in between nobody asks: the zone is served once it is whole.
    const after = { sequence, chain, setState: head.setState, setHash: head.setHash }
    const commit = { zone, expected: at, head: after, addedBytes: bytes, versions, steps, batches: taken }
    if ((await to.commit(commit)) === 'moved') throw otherMove()
    copied(bytes)
    at = { ...at, ...after, storedBytes: at.storedBytes + bytes }
  }
}

/** The first of the batches with their versions, as many as make one commit: each record at most once. */
async function gather(from: Zones, zone: ZoneId, after: number, batches: readonly StoredBatch[]) {
  const taken: StoredBatch[] = []
  const versions: StoredVersion[] = []
  const records = new Set<RecordId>()
  let bytes = 0
  let last = after
  for (const batch of batches) {
    const own = await from.origin.kept(zone, last, batch.sequence)
    bytes += bytesOf(own, [batch])
    const fits = versions.length + own.length <= COMMIT_VERSIONS && bytes <= COMMIT_BYTES
    if (taken.length > 0 && (!fits || own.some(({ id }) => records.has(id)))) break
    taken.push(batch)
    for (const version of own) {
      versions.push(version)
      records.add(version.id)
    }
    last = batch.sequence
  }
  return { taken, versions }
}

function bytesOf(versions: readonly StoredVersion[], batches: readonly StoredBatch[]): number {
  const bytes = versions.reduce((sum, { record }) => sum + versionBytes(record), 0)
  return batches.reduce((sum, batch) => sum + batchBytes(batch), bytes)
}

function otherMove(): MoveStopped {
  return new MoveStopped('somebody else writes to the target: run one move at a time')
}
