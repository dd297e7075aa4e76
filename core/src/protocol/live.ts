/**
 * GET /api/v1/zones/:zone/live, a WebSocket on which only the server speaks: one message as soon as it is open, one
 * for each commit and each log entry, and one every LIVE_HEARTBEAT_SECONDS. Each is CBOR in a binary frame.
 */
import { BatchProof, Change } from './changes.ts'
import { Count, DigestText, exact, type Static, Type } from './schema.ts'
import { ZoneHead } from './zone.ts'

/** A place in a zone's sequence of commits. */
export const LiveCursor = exact({ incarnation: Count, sequence: Count, chain: DigestText })

/** Where the zone stands, and, when they are small, the records that brought it there. */
export const Announcement = exact({
  head: ZoneHead,
  /** All that happened from the cursor `after` to the head; null where the reader has to ask for it. */
  news: Type.Union([
    exact({ after: LiveCursor, changes: Type.Array(Change), batches: Type.Array(BatchProof) }),
    Type.Null(),
  ]),
})
export type Announcement = Static<typeof Announcement>

/** Codes with which the server closes the channel (RFC 6455 §7.4.2: 4000 to 4999 are the application's). */
export const LIVE_CLOSE = {
  /** The server stops; come back in a moment. */
  stopping: 1001,
  /** The session ended or the zone is no longer open to this device: ask by an ordinary request why. */
  ended: 4001,
} as const
