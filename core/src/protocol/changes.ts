/** GET /api/v1/zones/:zone/changes, …/records/:record/history and …/steps. */
import { STEPS_PAGE_MAX } from '../limits.ts'
import { STEP_BYTES } from '../records/figure.ts'
import { SignedBatch } from './push.ts'
import {
  BatchIdText,
  bytes,
  Count,
  DigestText,
  exact,
  SealedRecordMessage,
  type Static,
  Type,
} from './schema.ts'
import { ZoneHead } from './zone.ts'

/** The current version of a record that changed after the cursor. */
export const Change = exact({
  sequence: Count,
  record: SealedRecordMessage,
  batch: BatchIdText,
  /** Which leaf of the batch's tree it is. */
  leaf: Count,
})

/** A batch and its leaves (32 bytes each, in order), with which every record of it can be proven. */
export const BatchProof = exact({
  id: BatchIdText,
  signed: SignedBatch,
  leaves: bytes({ max: 32 * 1_000 }),
})

export const ChangesPage = exact({
  /** By ascending sequence. */
  changes: Type.Array(Change),
  batches: Type.Array(BatchProof),
  /** The cursor after this page. */
  cursor: exact({ incarnation: Count, sequence: Count, chain: DigestText }),
  more: Type.Boolean(),
  head: ZoneHead,
})

/** Versions of one record, newest first; `next` is the sequence to pass as `before`. */
export const HistoryPage = exact({
  versions: Type.Array(
    exact({
      sequence: Count,
      record: SealedRecordMessage,
      batch: BatchIdText,
      leaf: Count,
      /** ISO 8601, UTC; the server's clock. */
      storedAt: Type.String(),
    }),
  ),
  batches: Type.Array(BatchProof),
  next: Type.Union([Count, Type.Null()]),
})

/** Commits after a sequence, in order, STEP_BYTES for each (records/figure.ts). */
export const StepsPage = exact({ steps: bytes({ max: STEPS_PAGE_MAX * STEP_BYTES }) })

export type Change = Static<typeof Change>
export type BatchProof = Static<typeof BatchProof>
export type ChangesPage = Static<typeof ChangesPage>
export type HistoryPage = Static<typeof HistoryPage>
export type StepsPage = Static<typeof StepsPage>
