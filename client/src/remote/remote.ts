/** The server, as the sync engine uses it. Every call may be repeated: the effects are idempotent. */
import type { ChunkId, PackId, RecordId, ZoneId } from '@pileus/core/ids/ids'
import type { ChangesPage, HistoryPage, StepsPage } from '@pileus/core/protocol/changes'
import type { MissingResponse } from '@pileus/core/protocol/chunks'
import type { PushRequest, PushResponse } from '@pileus/core/protocol/push'
import type { Static } from '@pileus/core/protocol/schema'
import type { ZoneHead, ZoneLog, ZoneWriters } from '@pileus/core/protocol/zone'

export interface Cursor {
  readonly incarnation: number
  readonly sequence: number
  readonly chain: string
}

/**
 * Zone calls of one signed-in device. Failures: `Problem` when the server refuses (protocol/problem.ts),
 * `Unreachable` when no answer came after the retries. Aborting rejects with the signal's reason.
 */
export interface Remote {
  log(zone: ZoneId, from: number): Promise<Static<typeof ZoneLog>>
  appendLog(zone: ZoneId, entry: Uint8Array): Promise<ZoneHead>
  createZone(genesis: Uint8Array): Promise<ZoneHead>
  writers(zone: ZoneId): Promise<Static<typeof ZoneWriters>>
  /** Null: from the beginning. */
  changes(zone: ZoneId, cursor: Cursor | null): Promise<ChangesPage>
  history(zone: ZoneId, record: RecordId, before?: number): Promise<HistoryPage>
  /** At most STEPS_PAGE_MAX of the commits after `after` up to `to`. */
  steps(zone: ZoneId, incarnation: number, after: number, to: number): Promise<StepsPage>
  push(request: PushRequest): Promise<PushResponse>
  /** Bytes that the account may still store; below 0 where it has more than it may. */
  room(): Promise<number>
  missing(zone: ZoneId, ids: readonly ChunkId[]): Promise<MissingResponse>
  /** `parts` are the pack's bytes, in order. Resolves once the server has it durably. */
  putPack(zone: ZoneId, pack: PackId, parts: readonly Uint8Array[]): Promise<void>
  /**
   * Chunks in the places that `allocate` gives, else in new ones; the caller verifies them. From the server they come in
   * the order asked; from wherever they can be read, in any. Throws Problem('not-found') with the ids the zone lacks.
   */
  fetch(
    zone: ZoneId,
    ids: readonly ChunkId[],
    allocate?: Allocate,
    from?: Source,
  ): AsyncIterable<{ id: ChunkId; bytes: Uint8Array }>
}

/** 'server' unless said: of chunks that the server is asked for one by one it sends none that is damaged. */
export type Source = 'server' | 'anywhere'

/** A place for so many bytes, which the caller owns from then on. */
export type Allocate = (bytes: number) => Uint8Array

/** No usable answer came: server down, not reachable, or not a Pileus server. */
export class Unreachable extends Error {
  /** True when an answer began and broke off: the server is there, and failed at what it was sending. */
  readonly midway: boolean
  constructor(message: string, cause?: unknown, midway = false) {
    super(message, { cause })
    this.name = 'Unreachable'
    this.midway = midway
  }
}
