/** What the sync engine stands on: ports, keys and the device it runs for. */
import type { ChunkerKey } from '@pileus/core/content/chunker'
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { Random } from '@pileus/core/crypto/random'
import type { Digest, ZoneId } from '@pileus/core/ids/ids'
import type { SecretKey } from '@pileus/core/keys/secrets'
import type { ZoneKeys } from '@pileus/core/keys/zone-keys'
import type { BatchProof, Change } from '@pileus/core/protocol/changes'
import type { Proven } from '../account/verified.ts'
import type { Files } from '../files/files.ts'
import type { Remote } from '../remote/remote.ts'
import type { Replica } from '../replica/replica.ts'
import type { OpenAssembler } from '../transfer/assembling/assembler.ts'
import type { OpenSealing } from '../transfer/sealing/sealing.ts'

/** A zone whose log this device has read and verified. Newer entries are read when they are needed. */
export interface DriveZone {
  readonly zone: ZoneId
  /** Hash of the last log entry known. */
  readonly logHead: Digest
  /** Hash of every log entry known, in order. */
  readonly logHeads: readonly Digest[]
  /** The highest sequence number at which the log ends a right to write; 0 for none. */
  readonly endedAt: number
  /** The epoch under which new versions are sealed. */
  readonly epoch: number
  keysOf(epoch: number): ZoneKeys | undefined
  /**
   * Checks that every record of the page belongs to a batch signed by a device that might write it then, and resolves
   * with what was found of each, in order. Rejects with AccountRefused, LogRefused, BatchRefused or RecordRefused where one does not.
   */
  verify(page: {
    readonly changes: readonly Change[]
    readonly batches: readonly BatchProof[]
  }): Promise<readonly Proven[]>
  /** Reads log and certificates again. */
  refresh(): Promise<void>
}

export interface DriveContext {
  readonly files: Files
  readonly remote: Remote
  readonly replica: Replica
  readonly crypto: Crypto
  readonly random: Random
  /** Milliseconds since 1970. For labels people read; it decides nothing. */
  readonly clock: () => number
  readonly zone: DriveZone
  readonly chunker: ChunkerKey
  /** What `chunker` was expanded from. */
  readonly chunkerKey: SecretKey
  /** The engine that reads and seals files for upload. */
  readonly openSealing: OpenSealing
  /** The engine that opens chunks and writes files. */
  readonly openAssembler: OpenAssembler
  readonly deviceSeed: SecretKey
  readonly deviceName: string
  /** Lets whatever else waits in this process run first. */
  readonly breathe: () => Promise<void>
  /** So many files that were read and stored are made pending together. */
  readonly commitFiles: number
}

/** Who made a place or a copy, and on which day, for the names people see (R9). */
export function labelNow(context: DriveContext): { by: string; day: string } {
  return { by: context.deviceName, day: new Date(context.clock()).toISOString().slice(0, 10) }
}

/** Told while a sync works; every call replaces what the one before said. */
export type Progress = (now: {
  readonly phase: 'connecting' | 'reading' | 'scanning' | 'uploading' | 'pushing' | 'downloading' | 'tidying'
  readonly files: number
  readonly bytes: number
  /** What there is to do in this phase, where it is known. */
  readonly filesTotal?: number
  readonly bytesTotal?: number
}) => void

export interface SyncOptions {
  readonly signal?: AbortSignal
  readonly progress?: Progress
  /** What to do with deletions that the guard holds (R11). */
  readonly heldDeletions?: 'hold' | 'accept' | 'undo'
  /** Holds every node against the disk, not only those that changed since: slower, and finds nothing more. */
  readonly everything?: boolean
}
