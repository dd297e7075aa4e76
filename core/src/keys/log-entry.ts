/** One entry of a zone log as bytes. What entries mean, and who may make them, is in `zone-log.ts`. */
import { type CborValue, encodeCbor } from '../bytes/cbor.ts'
import type { Crypto } from '../crypto/crypto.ts'
import { XWING_ENCAPSULATION_BYTES, XWING_PUBLIC_KEY_BYTES } from '../crypto/xwing.ts'
import { type AccountId, type DeviceId, type Digest, ID_BYTES, idBytes, idFromBytes } from '../ids/ids.ts'
import { arrayField, BadField, bytesField, countField, expectLength, readFormat } from './fields.ts'
import type { PublicIdentity } from './identity.ts'
import { KEY_BYTES } from './secrets.ts'
import { SIGNING_KEY_BYTES } from './signed.ts'
import { FORMAT, SUITE } from './suite.ts'
import { WRAP_BYTES } from './wraps.ts'

/** A manager changes the log, a writer the records, a reader nothing. */
export type Role = 'manager' | 'writer' | 'reader'

/**
 * How members get the zone key: derived from the owner's account key (the account zone, which has no other
 * member), or sealed to each member's identity.
 */
export type KeySource = 'derived' | 'sealed'

/** The zone key sealed by HPKE to each of these accounts, by ascending account. */
export type SealedKeys = readonly (readonly [AccountId, Uint8Array])[]

export type LogChange =
  | {
      readonly kind: 'genesis'
      /** 32 random bytes: bound into wraps and commitments, which cannot hold the zone id that hashes them. */
      readonly origin: Uint8Array
      readonly source: KeySource
      readonly identity: PublicIdentity
      readonly commitment: Uint8Array
      readonly keys: SealedKeys
    }
  | {
      /** A new member, or another role for a member. */
      readonly kind: 'member'
      readonly account: AccountId
      readonly identity: PublicIdentity
      readonly role: Role
      /** The zone's last sequence number when this was signed. */
      readonly atSequence: number
      /** The current zone key for a new member; null for a change of role. */
      readonly key: Uint8Array | null
    }
  | { readonly kind: 'remove-member'; readonly account: AccountId; readonly atSequence: number }
  | {
      readonly kind: 'remove-device'
      readonly account: AccountId
      readonly device: DeviceId
      readonly atSequence: number
    }
  | {
      readonly kind: 'epoch'
      readonly epoch: number
      readonly commitment: Uint8Array
      readonly keys: SealedKeys
      /** The zone key before this one, wrapped under this one. */
      readonly previous: Uint8Array
    }

export interface LogEntry {
  /** From 0. */
  readonly index: number
  /** `entryHash` of the entry before; null for the first. */
  readonly previous: Digest | null
  readonly author: AccountId
  readonly change: LogChange
}

/** An entry with its signature, and the first entry, are not larger than this. */
export const LOG_ENTRY_MAX_BYTES = 65_536
export const GENESIS_MAX_BYTES = 16_384
export const ORIGIN_BYTES = 32
const COMMITMENT_BYTES = 32
const SEALED_KEY_BYTES = XWING_ENCAPSULATION_BYTES + KEY_BYTES + 16
/** As many as fit an entry. */
export const MEMBERS_MAX = 50

const KINDS = ['genesis', 'member', 'remove-member', 'remove-device', 'epoch'] as const
const ROLES: readonly Role[] = ['manager', 'writer', 'reader']
const SOURCES: readonly KeySource[] = ['derived', 'sealed']

/** SHA-256 of the signed bytes: links the chain, and of the first entry it is the zone's id (KEY-13). */
export function entryHash(crypto: Crypto, body: Uint8Array): Digest {
  return idFromBytes('digest', crypto.sha256(body))
}

/** [suite, format, index, previous, author, kind, change], canonical CBOR: what the author signs (KEY-12). */
export function encodeEntry(entry: LogEntry): Uint8Array {
  return encodeCbor([
    SUITE,
    FORMAT.logEntry,
    entry.index,
    entry.previous === null ? null : idBytes(entry.previous),
    idBytes(entry.author),
    KINDS.indexOf(entry.change.kind),
    changeValue(entry.change),
  ])
}

/** Reads a signed body strictly. Anything else is thrown as `refuse(why)`. */
export function decodeEntry(body: Uint8Array, refuse: (why: string) => Error): LogEntry {
  return readFormat(body, FORMAT.logEntry, LIMITS, readEntry, refuse)
}

const LIMITS = { maxBytes: LOG_ENTRY_MAX_BYTES, maxDepth: 4, maxItems: 32 + 4 * MEMBERS_MAX }

function changeValue(change: LogChange): CborValue {
  switch (change.kind) {
    case 'genesis':
      return [
        change.origin,
        SOURCES.indexOf(change.source),
        ...identityValue(change.identity),
        change.commitment,
        keysValue(change.keys),
      ]
    case 'member':
      return [
        idBytes(change.account),
        ...identityValue(change.identity),
        ROLES.indexOf(change.role),
        change.atSequence,
        change.key,
      ]
    case 'remove-member':
      return [idBytes(change.account), change.atSequence]
    case 'remove-device':
      return [idBytes(change.account), idBytes(change.device), change.atSequence]
    case 'epoch':
      return [change.epoch, change.commitment, keysValue(change.keys), change.previous]
  }
}

function identityValue(identity: PublicIdentity): CborValue[] {
  return [identity.signingKey, identity.sealingKey]
}

function keysValue(keys: SealedKeys): CborValue {
  return keys.map(([account, sealed]) => [idBytes(account), sealed])
}

function readEntry(fields: readonly CborValue[]): LogEntry {
  expectLength(fields, 'log entry', 5)
  const [index, previous, author, kind, change] = fields
  return {
    index: countField(index, 'index'),
    previous:
      previous === null ? null : idFromBytes('digest', bytesField(previous, 'previous', ID_BYTES.digest)),
    author: accountField(author),
    change: readChange(KINDS[countField(kind, 'kind', 0, KINDS.length - 1)]!, change),
  }
}

function readChange(kind: (typeof KINDS)[number], value: CborValue | undefined): LogChange {
  switch (kind) {
    case 'genesis': {
      const [origin, source, signingKey, sealingKey, commitment, keys] = arrayField(value, kind, 6)
      return {
        kind,
        origin: bytesField(origin, 'origin', ORIGIN_BYTES),
        source: SOURCES[countField(source, 'key source', 0, SOURCES.length - 1)]!,
        identity: readIdentity(signingKey, sealingKey),
        commitment: bytesField(commitment, 'commitment', COMMITMENT_BYTES),
        keys: readKeys(keys),
      }
    }
    case 'member': {
      const [account, signingKey, sealingKey, role, atSequence, key] = arrayField(value, kind, 6)
      return {
        kind,
        account: accountField(account),
        identity: readIdentity(signingKey, sealingKey),
        role: ROLES[countField(role, 'role', 0, ROLES.length - 1)]!,
        atSequence: countField(atSequence, 'sequence'),
        key: key === null ? null : bytesField(key, 'sealed key', SEALED_KEY_BYTES),
      }
    }
    case 'remove-member': {
      const [account, atSequence] = arrayField(value, kind, 2)
      return { kind, account: accountField(account), atSequence: countField(atSequence, 'sequence') }
    }
    case 'remove-device': {
      const [account, device, atSequence] = arrayField(value, kind, 3)
      return {
        kind,
        account: accountField(account),
        device: idFromBytes('device', bytesField(device, 'device', ID_BYTES.device)),
        atSequence: countField(atSequence, 'sequence'),
      }
    }
    case 'epoch': {
      const [epoch, commitment, keys, previous] = arrayField(value, kind, 4)
      return {
        kind,
        epoch: countField(epoch, 'epoch', 2),
        commitment: bytesField(commitment, 'commitment', COMMITMENT_BYTES),
        keys: readKeys(keys),
        previous: bytesField(previous, 'previous key', WRAP_BYTES),
      }
    }
  }
}

function readIdentity(signingKey: CborValue | undefined, sealingKey: CborValue | undefined): PublicIdentity {
  const identity = {
    signingKey: bytesField(signingKey, 'signing key', SIGNING_KEY_BYTES),
    sealingKey: bytesField(sealingKey, 'sealing key', XWING_PUBLIC_KEY_BYTES),
  }
  if (identity.signingKey.every((byte) => byte === 0) || identity.sealingKey.every((byte) => byte === 0)) {
    throw new BadField('an identity key is all zero')
  }
  return identity
}

function readKeys(value: CborValue | undefined): SealedKeys {
  const items = arrayField(value, 'sealed keys')
  let last = ''
  return items.map((item) => {
    const [accountValue, sealed] = arrayField(item, 'sealed key', 2)
    const account = accountField(accountValue)
    if (account <= last) throw new BadField('sealed keys are not in ascending order of accounts')
    last = account
    return [account, bytesField(sealed, 'sealed key', SEALED_KEY_BYTES)] as const
  })
}

function accountField(value: CborValue | undefined): AccountId {
  return idFromBytes('account', bytesField(value, 'account', ID_BYTES.account))
}
