/**
 * The zones port: heads, logs, records with their history, batches, the chunk index, device sync state.
 *
 * The rules (rules/push.ts) decide which records of a batch are accepted; the engine makes that decision one
 * atomic step by comparing the head they were decided under. So dominance, groups, chain and set hash exist once,
 * and an engine needs one compare-and-set.
 *
 * Promises of every engine:
 * - Calls that write are atomic and durable before they resolve. They may be repeated: a repeat changes nothing.
 * - Within a zone `commit`s are totally ordered; readers never see part of one, on any server process.
 * - After a write resolved, every process reads it.
 * - A call that rejects may or may not have happened. Asking (`batch`, `head`) tells which.
 * - Failures: `StorageFull`, `DamagedStorage` (engine-errors.ts), or whatever the engine's driver throws.
 *
 * How each of them keeps this on a cluster is told where it does: cassandra.ts, postgres-commit.ts.
 */
import type { BatchId, ChunkId, DeviceId, Digest, PackId, RecordId, ZoneId } from '@pileus/core/ids/ids'
import type { SignedBatch } from '@pileus/core/protocol/push'
import type { SealedRecord } from '@pileus/core/records/sealed'
import type { Fence } from '../fence.ts'

/** Everything that changes atomically in a zone. */
export interface Head {
  readonly incarnation: number
  /** Of the last commit; 0 for an empty zone. */
  readonly sequence: number
  readonly chain: Digest
  /** LtHash state, 2,048 bytes. */
  readonly setState: Uint8Array
  readonly setHash: Digest
  readonly logLength: number
  readonly logHead: Digest
  readonly generation: number
  readonly floor: number
  /** Bytes of records (history included), batches and chunks, as they count against the owner's quota. */
  readonly storedBytes: number
}

export interface NewZone {
  readonly zone: ZoneId
  readonly genesis: Uint8Array
  readonly head: Head
}

/** What the rules need of a stored current version to judge another. */
export interface CurrentVersion {
  readonly sequence: number
  readonly facts: Uint8Array
  readonly leaf: Digest
}

export interface StoredVersion {
  readonly sequence: number
  readonly id: RecordId
  readonly record: SealedRecord
  readonly leaf: Digest
  readonly batch: BatchId
  /** Which leaf of the batch it is. */
  readonly leafIndex: number
  readonly storedAt: number
}

/** A committed batch. `outcome` is the rules' own encoding of what was answered. */
export interface StoredBatch {
  readonly id: BatchId
  readonly signed: SignedBatch
  /** 32 bytes for each record of the batch as it was signed, in order. */
  readonly leaves: Uint8Array
  readonly outcome: Uint8Array
  readonly sequence: number
}

/** The head after the commit, and all that becomes visible with it. */
export interface Commit {
  readonly zone: ZoneId
  /** The commit happens only if the stored head still has these values. */
  readonly expected: Pick<Head, 'incarnation' | 'sequence' | 'generation' | 'logLength'>
  readonly head: Pick<Head, 'sequence' | 'chain' | 'setState' | 'setHash'>
  /** Added to the head's `storedBytes`. */
  readonly addedBytes: number
  /** By ascending sequence; at most one for each record. */
  readonly versions: readonly StoredVersion[]
  /**
   * One for each version, and for those that a move no longer found: the commit log, by ascending sequence. `oldLeaf` is null
   * for a record's first version.
   */
  readonly steps: readonly CommitStep[]
  readonly batches: readonly StoredBatch[]
}

export interface CommitStep {
  readonly sequence: number
  readonly record: RecordId
  readonly oldLeaf: Digest | null
  readonly newLeaf: Digest
  /** The zone's chain at this sequence. */
  readonly chain: Digest
}

/** Where a chunk rests. */
export interface ChunkPlace {
  readonly chunk: ChunkId
  readonly pack: PackId
  /** Of the chunk's first byte in the pack. */
  readonly offset: number
  readonly length: number
}

export interface StoredPack {
  readonly chunks: number
  readonly storedBytes: number
}

export interface SyncState {
  readonly incarnation: number
  readonly sequence: number
  readonly at: number
}

/** A pack by its id. */
export interface ListedPack extends StoredPack {
  readonly id: PackId
}

/**
 * What moving to other engines needs of the engine that is left. The engine it moves to needs nothing of its own: a zone is made
 * there by the same calls that made it here.
 */
export interface ZonesOrigin {
  /** Stands before all but `setSyncState`. */
  readonly fence: Fence
  /** Batches with a sequence above `after`, ascending, at most `limit`. */
  batches(zone: ZoneId, after: number, limit: number): Promise<StoredBatch[]>
  /** Every version with from < sequence ≤ to that is kept, current or not, ascending. */
  kept(zone: ZoneId, from: number, to: number): Promise<StoredVersion[]>
  /** Packs with an id above `after`, ascending, at most `limit`. */
  packs(zone: ZoneId, after: PackId | null, limit: number): Promise<ListedPack[]>
  syncStates(zone: ZoneId): Promise<Map<DeviceId, SyncState>>
}

export interface Zones {
  /** 'exists' when the zone exists (its id is the hash of its genesis, so it is the same zone). */
  create(zone: NewZone): Promise<'created' | 'exists'>
  head(zone: ZoneId): Promise<Head | undefined>

  /** Entries from index `from`, at most `limit`. */
  log(zone: ZoneId, from: number, limit: number): Promise<Uint8Array[]>
  /** Appends if the log and the commits still stand where the caller saw them, else 'moved'. */
  appendLog(
    zone: ZoneId,
    expected: Pick<Head, 'logLength' | 'sequence'>,
    entry: Uint8Array,
    logHead: Digest,
  ): Promise<'appended' | 'moved'>

  /** Current versions of those of the records that exist. */
  current(zone: ZoneId, records: readonly RecordId[]): Promise<Map<RecordId, CurrentVersion>>
  /** The version with these bytes, current or kept in history. */
  find(zone: ZoneId, record: RecordId, leaf: Digest): Promise<StoredVersion | undefined>
  /** The version committed at this sequence; undefined when there is none or it is pruned. */
  version(zone: ZoneId, sequence: number): Promise<StoredVersion | undefined>
  batch(zone: ZoneId, id: BatchId): Promise<StoredBatch | undefined>
  /** 'moved' when the head is not the expected one: nothing was written. */
  commit(commit: Commit): Promise<'committed' | 'moved'>

  /**
   * Current versions with a sequence above `after`, ascending; at most `limit` and at most `maxBytes` as they
   * travel (always at least one). `more` says whether there are later ones; `head` is of the same moment.
   */
  changes(
    zone: ZoneId,
    after: number,
    limit: number,
    maxBytes: number,
  ): Promise<{ versions: StoredVersion[]; head: Head; more: boolean } | undefined>
  /** Versions of a record with a sequence below `before`, newest first, bounded like changes. */
  history(
    zone: ZoneId,
    record: RecordId,
    before: number,
    limit: number,
    maxBytes: number,
  ): Promise<StoredVersion[]>
  /** Steps with from < sequence ≤ to, at most `limit`; kept for ever. */
  steps(zone: ZoneId, from: number, to: number, limit: number): Promise<CommitStep[]>
  /** The chain at a sequence from 1 to the head's; undefined when the zone never had it. */
  chainAt(zone: ZoneId, sequence: number): Promise<Digest | undefined>
  /** Raises the incarnation by one if it still is `incarnation`; returns the head afterwards. */
  raiseIncarnation(zone: ZoneId, incarnation: number): Promise<Head | undefined>

  /** Makes a durable pack's chunks readable and counts its bytes. Returns false when it was there already. */
  addPack(zone: ZoneId, pack: PackId, storedBytes: number, chunks: readonly ChunkPlace[]): Promise<boolean>
  pack(zone: ZoneId, pack: PackId): Promise<StoredPack | undefined>
  /** A place for each of the chunks that the zone has. */
  locate(zone: ZoneId, chunks: readonly ChunkId[]): Promise<Map<ChunkId, ChunkPlace>>
  /** Every place of one chunk (the same chunk may have arrived in several packs). */
  places(zone: ZoneId, chunk: ChunkId): Promise<ChunkPlace[]>

  /** How far a device has read. Lazy: the newest may be lost in a crash, never a later one invented. */
  setSyncState(zone: ZoneId, device: DeviceId, state: SyncState): Promise<void>
  syncState(zone: ZoneId, device: DeviceId): Promise<SyncState | undefined>

  /**
   * Forgets versions that were replaced before this time and gives their bytes back, at most `limit` of them.
   * Steps and batches stay. Returns how many it forgot.
   */
  prune(zone: ZoneId, replacedBefore: number, limit: number): Promise<number>
  /** Zone ids after `after`, ascending, at most `limit`. */
  list(after: ZoneId | null, limit: number): Promise<ZoneId[]>

  readonly origin: ZonesOrigin

  check(): Promise<void>
  close(): Promise<void>
}
