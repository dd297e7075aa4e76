/** Zones: their heads and logs. */
import { bytes, Count, DeviceIdText, DigestText, exact, type Static, Type, ZoneIdText } from './schema.ts'

/** Where a zone stands. */
export const ZoneHead = exact({
  zone: ZoneIdText,
  /** Changes when the server was restored to an earlier state. */
  incarnation: Count,
  /** The last committed sequence number; 0 for an empty zone. */
  sequence: Count,
  /** Hash over every commit up to `sequence`. */
  chain: DigestText,
  /** SHA-256 of the LtHash over the current version of every record. */
  setHash: DigestText,
  /** Number of entries in the zone log, and the hash of the last. */
  logLength: Count,
  logHead: DigestText,
  /** Collection generation: a push prepared under another is checked anew. */
  generation: Count,
  /** Cursors below this sequence are gone. */
  floor: Count,
})
export type ZoneHead = Static<typeof ZoneHead>

export const CreateZone = exact({ genesis: bytes({ min: 1, max: 16_384 }) })
export const AppendLog = exact({ entry: bytes({ min: 1, max: 65_536 }) })
export const ZoneLog = exact({ entries: Type.Array(bytes({ max: 65_536 })), more: Type.Boolean() })

/** Certificates of every device that ever could write to the zone, removed ones too. */
export const ZoneWriters = exact({
  writers: Type.Array(exact({ device: DeviceIdText, certificate: bytes({ max: 1_024 }) })),
})
