/** POST /api/v1/sync/push: append a signed batch of records to a zone. */
import { BATCH_MAX_RECORDS } from '../limits.ts'
import {
  bytes,
  ChunkIdText,
  Count,
  exact,
  SealedRecordMessage,
  type Static,
  Type,
  ZoneIdText,
} from './schema.ts'
import { ZoneHead } from './zone.ts'

/** A batch as it is signed: canonical CBOR of its header (see records/batch.ts) and the device's signature. */
export const SignedBatch = exact({
  header: bytes({ min: 1, max: 1_024 }),
  signature: bytes({ min: 64, max: 64 }),
})

export const PushRequest = exact({
  zone: ZoneIdText,
  batch: SignedBatch,
  records: Type.Array(
    exact({
      record: SealedRecordMessage,
      /** Records of one batch with the same number are accepted together or not at all. */
      group: Type.Optional(Count),
    }),
    { minItems: 1, maxItems: BATCH_MAX_RECORDS },
  ),
})

/** What became of one record of a batch. */
export const PushOutcome = Type.Union([
  exact({ outcome: Type.Literal('accepted'), sequence: Count }),
  exact({
    outcome: Type.Literal('stale'),
    /** The stored record, which the pushed one does not dominate. */
    current: SealedRecordMessage,
    sequence: Count,
  }),
  exact({ outcome: Type.Literal('missing'), chunks: Type.Array(ChunkIdText) }),
  /** Well formed by itself, but another record of its group was not accepted. */
  exact({ outcome: Type.Literal('group') }),
])

export const PushResponse = exact({
  /** One for each record, in the order of the request. */
  outcomes: Type.Array(PushOutcome),
  head: ZoneHead,
})

export type SignedBatch = Static<typeof SignedBatch>
export type PushRequest = Static<typeof PushRequest>
export type PushOutcome = Static<typeof PushOutcome>
export type PushResponse = Static<typeof PushResponse>
