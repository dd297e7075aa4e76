/**
 * Identifiers. In memory, on the wire and as database keys they are lowercase hex strings, so that their
 * order as text is their order as bytes; inside sealed and signed formats they stand as raw bytes.
 */

import { fromHex, toHex } from '../bytes/hex.ts'
import type { Random } from '../crypto/random.ts'

declare const brand: unique symbol
type Id<Name extends string> = string & { readonly [brand]: Name }

/** SHA-256 of the zone's owner-signed first log entry. */
export type ZoneId = Id<'zone'>
/** 128 random bits; a node of the tree keeps its record id through every move and edit. */
export type RecordId = Id<'record'>
/** 64 random bits, born with a device's local database and never used again after it is gone. */
export type WriterId = Id<'writer'>
/** The first 128 bits of SHA-256 of the device's Ed25519 public key. */
export type DeviceId = Id<'device'>
/** 128 random bits. */
export type AccountId = Id<'account'>
/** SHA-256 of a chunk's stored bytes (ciphertext and tag, or a clear list node). */
export type ChunkId = Id<'chunk'>
/** SHA-256 of the chunk ids in a pack, in pack order. */
export type PackId = Id<'pack'>
/** 128 random bits chosen by the device that made the batch; also its Idempotency-Key. */
export type BatchId = Id<'batch'>
/** Any SHA-256 digest that is not one of the ids above. */
export type Digest = Id<'digest'>

type IdType = {
  zone: ZoneId
  record: RecordId
  writer: WriterId
  device: DeviceId
  account: AccountId
  chunk: ChunkId
  pack: PackId
  batch: BatchId
  digest: Digest
}

/** Length of each kind of id, in bytes. */
export const ID_BYTES = {
  zone: 32,
  record: 16,
  writer: 8,
  device: 16,
  account: 16,
  chunk: 32,
  pack: 32,
  batch: 16,
  digest: 32,
} as const satisfies Record<keyof IdType, number>

/** A text that is not an id of the kind it should be. */
export class InvalidId extends Error {
  readonly kind: keyof IdType
  constructor(kind: keyof IdType, text: string) {
    super(
      `not a ${kind} id: ${JSON.stringify(text.slice(0, 80))} (expected ${ID_BYTES[kind] * 2} lowercase hex digits)`,
    )
    this.name = 'InvalidId'
    this.kind = kind
  }
}

const LOWERCASE_HEX = /^[0-9a-f]*$/

/** Parses text as an id of the given kind. Throws InvalidId. */
export function parseId<K extends keyof IdType>(kind: K, text: string): IdType[K] {
  if (text.length !== ID_BYTES[kind] * 2 || !LOWERCASE_HEX.test(text)) throw new InvalidId(kind, text)
  return text as IdType[K]
}

/** The id whose raw bytes these are. Throws InvalidId when the length is wrong. */
export function idFromBytes<K extends keyof IdType>(kind: K, bytes: Uint8Array): IdType[K] {
  if (bytes.length !== ID_BYTES[kind]) throw new InvalidId(kind, toHex(bytes))
  return toHex(bytes) as IdType[K]
}

/** The raw bytes of an id. */
export function idBytes(id: IdType[keyof IdType]): Uint8Array {
  return fromHex(id)
}

/** A new random id; only the kinds that are random by definition. */
export function randomId<K extends 'record' | 'writer' | 'account' | 'batch'>(
  kind: K,
  random: Random,
): IdType[K] {
  return idFromBytes(kind, random(ID_BYTES[kind]))
}

/** The folder at the top of every tree. No record has this id. */
export const ROOT = '0'.repeat(32) as RecordId
