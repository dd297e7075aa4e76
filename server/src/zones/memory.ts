/** Zones in memory: for tests and the simulator. */
import type { BatchId, ChunkId, DeviceId, PackId, RecordId, ZoneId } from '@pileus/core/ids/ids'
import { behindFence } from '../memory-fence.ts'
import { versionBytes, wireBytes } from './size.ts'
import type {
  ChunkPlace,
  Commit,
  CommitStep,
  Head,
  StoredBatch,
  StoredPack,
  StoredVersion,
  SyncState,
  Zones,
  ZonesOrigin,
} from './zones.ts'

interface Zone {
  head: Head
  readonly log: Uint8Array[]
  /** By sequence, in ascending order. */
  readonly versions: Map<number, StoredVersion>
  /** When the version of a sequence was replaced; none for a current one. */
  readonly replacedAt: Map<number, number>
  /** Sequences, ascending. */
  readonly byRecord: Map<RecordId, number[]>
  readonly batches: Map<BatchId, StoredBatch>
  readonly steps: CommitStep[]
  readonly packs: Map<PackId, StoredPack>
  readonly chunks: Map<ChunkId, ChunkPlace[]>
  readonly sync: Map<DeviceId, SyncState>
}

/** A new, empty engine. */
export function memoryZones(): Zones {
  const zones = new Map<ZoneId, Zone>()
  const calls = {
    ...heads(zones),
    ...records(zones),
    ...chunkIndex(zones),
    async check() {},
    async close() {},
  }
  const { fence, ...guarded } = behindFence('the zones', calls, FENCED_CALLS)
  return { ...guarded, origin: { ...origin(zones), fence } }
}

const FENCED_CALLS = ['create', 'appendLog', 'raiseIncarnation', 'commit', 'addPack', 'prune'] as const

function origin(zones: Map<ZoneId, Zone>): Omit<ZonesOrigin, 'fence'> {
  return {
    async batches(zone, after, limit) {
      const later = [...(zones.get(zone)?.batches.values() ?? [])].filter(({ sequence }) => sequence > after)
      return later.sort((a, b) => a.sequence - b.sequence).slice(0, limit)
    },
    async kept(zone, from, to) {
      const versions = zones.get(zone)?.versions.values() ?? []
      return [...versions].filter(({ sequence }) => sequence > from && sequence <= to)
    },
    async packs(zone, after, limit) {
      const packs = [...(zones.get(zone)?.packs ?? [])].map(([id, pack]) => ({ ...pack, id }))
      const later = packs.filter(({ id }) => after === null || id > after)
      return later.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit)
    },
    async syncStates(zone) {
      return new Map(zones.get(zone)?.sync)
    },
  }
}

type Heads =
  | 'create'
  | 'head'
  | 'log'
  | 'appendLog'
  | 'raiseIncarnation'
  | 'list'
  | 'setSyncState'
  | 'syncState'

function heads(zones: Map<ZoneId, Zone>): Pick<Zones, Heads> {
  return {
    async create({ zone, genesis, head }) {
      if (zones.has(zone)) return 'exists'
      zones.set(zone, {
        head,
        log: [genesis],
        versions: new Map(),
        replacedAt: new Map(),
        byRecord: new Map(),
        batches: new Map(),
        steps: [],
        packs: new Map(),
        chunks: new Map(),
        sync: new Map(),
      })
      return 'created'
    },
    async head(zone) {
      return zones.get(zone)?.head
    },
    async log(zone, from, limit) {
      return zones.get(zone)?.log.slice(from, from + limit) ?? []
    },
    async appendLog(zone, expected, entry, logHead) {
      const stored = zones.get(zone)
      if (stored?.log.length !== expected.logLength || stored.head.sequence !== expected.sequence)
        return 'moved'
      stored.log.push(entry)
      stored.head = { ...stored.head, logLength: expected.logLength + 1, logHead }
      return 'appended'
    },
    async raiseIncarnation(zone, incarnation) {
      const stored = zones.get(zone)
      if (stored?.head.incarnation === incarnation) {
        stored.head = { ...stored.head, incarnation: incarnation + 1 }
      }
      return stored?.head
    },
    async list(after, limit) {
      return [...zones.keys()]
        .filter((zone) => after === null || zone > after)
        .sort()
        .slice(0, limit)
    },
    async setSyncState(zone, device, state) {
      zones.get(zone)?.sync.set(device, state)
    },
    async syncState(zone, device) {
      return zones.get(zone)?.sync.get(device)
    },
  }
}

type Records =
  | 'current'
  | 'find'
  | 'version'
  | 'batch'
  | 'commit'
  | 'changes'
  | 'history'
  | 'steps'
  | 'chainAt'
  | 'prune'

function records(zones: Map<ZoneId, Zone>): Pick<Zones, Records> {
  const versionsOf = (zone: ZoneId, record: RecordId): StoredVersion[] => {
    const stored = zones.get(zone)
    return (stored?.byRecord.get(record) ?? []).flatMap((sequence) => stored!.versions.get(sequence) ?? [])
  }
  return {
    async current(zone, ids) {
      const found = new Map<RecordId, StoredVersion>()
      for (const id of ids) {
        const newest = versionsOf(zone, id).at(-1)
        if (newest) found.set(id, newest)
      }
      return new Map(
        [...found].map(([id, { sequence, record, leaf }]) => [id, { sequence, facts: record.facts, leaf }]),
      )
    },
    async find(zone, record, leaf) {
      return versionsOf(zone, record).find((version) => version.leaf === leaf)
    },
    async version(zone, sequence) {
      return zones.get(zone)?.versions.get(sequence)
    },
    async batch(zone, id) {
      return zones.get(zone)?.batches.get(id)
    },
    async commit(commit) {
      const stored = zones.get(commit.zone)
      if (!stored || !asExpected(stored.head, commit.expected)) return 'moved'
      apply(stored, commit)
      return 'committed'
    },
    async changes(zone, after, limit, maxBytes) {
      const stored = zones.get(zone)
      if (!stored) return undefined
      const current = [...stored.versions.values()].filter(
        ({ sequence }) => sequence > after && !stored.replacedAt.has(sequence),
      )
      const versions = bounded(current, limit, maxBytes)
      return { versions, head: stored.head, more: versions.length < current.length }
    },
    async history(zone, record, before, limit, maxBytes) {
      const older = versionsOf(zone, record).filter((version) => version.sequence < before)
      return bounded(older.reverse(), limit, maxBytes)
    },
    async steps(zone, from, to, limit) {
      return zones.get(zone)?.steps.slice(from, Math.min(to, from + limit)) ?? []
    },
    async chainAt(zone, sequence) {
      return zones.get(zone)?.steps[sequence - 1]?.chain
    },
    async prune(zone, replacedBefore, limit) {
      const stored = zones.get(zone)
      if (!stored) return 0
      const old = [...stored.versions.values()]
        .filter(({ sequence }) => (stored.replacedAt.get(sequence) ?? replacedBefore) < replacedBefore)
        .slice(0, limit)
      for (const version of old) forget(stored, version)
      return old.length
    },
  }
}

function chunkIndex(zones: Map<ZoneId, Zone>): Pick<Zones, 'addPack' | 'pack' | 'locate' | 'places'> {
  return {
    async addPack(zone, pack, storedBytes, chunks) {
      const stored = zones.get(zone)
      if (!stored || stored.packs.has(pack)) return false
      stored.packs.set(pack, { chunks: chunks.length, storedBytes })
      for (const place of chunks) {
        const places = stored.chunks.get(place.chunk)
        if (places) places.push(place)
        else stored.chunks.set(place.chunk, [place])
      }
      stored.head = { ...stored.head, storedBytes: stored.head.storedBytes + storedBytes }
      return true
    },
    async pack(zone, pack) {
      return zones.get(zone)?.packs.get(pack)
    },
    async locate(zone, chunks) {
      const found = new Map<ChunkId, ChunkPlace>()
      for (const chunk of chunks) {
        const place = zones.get(zone)?.chunks.get(chunk)?.[0]
        if (place) found.set(chunk, place)
      }
      return found
    },
    async places(zone, chunk) {
      return [...(zones.get(zone)?.chunks.get(chunk) ?? [])]
    },
  }
}

function asExpected(head: Head, expected: Commit['expected']): boolean {
  return (
    head.incarnation === expected.incarnation &&
    head.sequence === expected.sequence &&
    head.generation === expected.generation &&
    head.logLength === expected.logLength
  )
}

function apply(stored: Zone, commit: Commit): void {
  for (const version of commit.versions) {
    const sequences = stored.byRecord.get(version.id) ?? []
    const replaced = sequences.at(-1)
    if (replaced !== undefined) stored.replacedAt.set(replaced, version.storedAt)
    stored.byRecord.set(version.id, [...sequences, version.sequence])
    stored.versions.set(version.sequence, version)
  }
  stored.steps.push(...commit.steps)
  for (const batch of commit.batches) stored.batches.set(batch.id, batch)
  stored.head = {
    ...stored.head,
    ...commit.head,
    storedBytes: stored.head.storedBytes + commit.addedBytes,
  }
}

function forget(stored: Zone, version: StoredVersion): void {
  stored.versions.delete(version.sequence)
  stored.replacedAt.delete(version.sequence)
  const rest = (stored.byRecord.get(version.id) ?? []).filter((sequence) => sequence !== version.sequence)
  stored.byRecord.set(version.id, rest)
  stored.head = { ...stored.head, storedBytes: stored.head.storedBytes - versionBytes(version.record) }
}

function bounded(versions: readonly StoredVersion[], limit: number, maxBytes: number): StoredVersion[] {
  const page: StoredVersion[] = []
  let bytes = 0
  for (const version of versions) {
    bytes += wireBytes(version.record)
    if (page.length >= limit || (page.length > 0 && bytes > maxBytes)) break
    page.push(version)
  }
  return page
}
