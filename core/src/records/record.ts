/**
 * What a record says once it is opened. Three registers change and merge apart from each other:
 * the place (where it is and what it is called), the content, the attributes.
 */
import type { ChunkId, Digest, RecordId, WriterId, ZoneId } from '../ids/ids.ts'
import type { VersionVector } from '../versions/vector.ts'

/** A Lamport time, set only by moves and renames: 1 + the highest counter seen in the zone, and who set it. */
export interface Stamp {
  readonly counter: number
  readonly writer: WriterId
}

export interface Place {
  readonly parent: RecordId
  /** As the person wrote it: not normalised, one path component. */
  readonly name: string
  /** Where it was before the last move, for breaking a cycle. Null for a node that never moved. */
  readonly former: RecordId | null
  readonly stamp: Stamp
  /** Names of conflicting siblings show who set the place and on which day (R9): labels, never compared. */
  readonly by: string
  /** YYYY-MM-DD on the device that set the place. */
  readonly day: string
}

/** One chunk of a file, or one sealed node of a long chunk list. */
export interface ChunkEntry {
  readonly id: ChunkId
  /** 32 bytes, hex. */
  readonly key: Digest
  /** SHA-256 of exactly the bytes given to AES-GCM (codec byte, data, padding). */
  readonly hash: Digest
  /** Bytes of the file it covers. */
  readonly length: number
}

/** Ordered chunks of a file. At depth 0 entries are data; at depth n they are sealed lists of depth n - 1. */
export interface ChunkList {
  readonly depth: number
  readonly entries: readonly ChunkEntry[]
}

/** What a file, symbolic link or account record holds. Folders hold nothing. */
export type Content =
  | {
      readonly type: 'chunks'
      /** SHA-256 of the whole file: two files are equal iff this is. */
      readonly hash: Digest
      /** Bytes. */
      readonly size: number
      readonly list: ChunkList
      /** vectorKey of the record version this content was made from; '' for the first. */
      readonly base: string
      /** Name of the device that saved it, for the name of a conflict copy (R9): a label, never compared. */
      readonly by: string
    }
  | { readonly type: 'link'; readonly target: string; readonly base: string; readonly by: string }
  | { readonly type: 'inline'; readonly bytes: Uint8Array; readonly base: string }

export interface Attributes {
  /** Microseconds since 1970, possibly negative; a safe integer. Carried and shown, never a judge. */
  readonly mtime: number
  readonly executable: boolean
}

export type Kind = 'file' | 'folder' | 'link' | 'identity' | 'settings' | 'device'

/** An opened record: the registers of one version. */
export interface RecordBody {
  readonly kind: Kind
  /** A tombstone keeps its place and kind, and has no content. */
  readonly deleted: boolean
  readonly place: Place
  readonly content: Content | null
  readonly attributes: Attributes
  /** Set on a conflict copy until a person edits, renames or deletes it: the record it is a copy of. */
  readonly conflictOf: RecordId | null
}

/** What names a version: zone, record and vector stand in the associated data of its seal. */
export interface RecordVersion {
  readonly zone: ZoneId
  readonly id: RecordId
  readonly vector: VersionVector
  readonly body: RecordBody
}
