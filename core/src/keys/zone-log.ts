/**
 * The zone log: a hash chain of entries signed by the managers of their moment. It says who belongs to a zone,
 * in which role, and which keys count. Whoever has the entries can check all of it without a secret, so server
 * and devices run the same rules; a key that no signed entry commits to is never used.
 */
import type { Crypto } from '../crypto/crypto.ts'
import type { AccountId, DeviceId, Digest, ZoneId } from '../ids/ids.ts'
import type { PublicIdentity } from './identity.ts'
import {
  decodeEntry,
  entryHash,
  type KeySource,
  LOG_ENTRY_MAX_BYTES,
  type LogChange,
  type LogEntry,
  MEMBERS_MAX,
  type Role,
  type SealedKeys,
} from './log-entry.ts'
import { LogRefused } from './refused.ts'
import { sameBytes } from './secrets.ts'
import { splitSigned } from './signed.ts'

/** Where in the log something ended, and the zone's sequence number there. */
export interface Ended {
  readonly index: number
  readonly atSequence: number
}

/** A stretch of the log in which an account had one role. */
export interface Term {
  readonly role: Role
  readonly identity: PublicIdentity
  readonly from: number
  readonly until: Ended | null
}

/** One key epoch. */
export interface Epoch {
  readonly epoch: number
  readonly from: number
  readonly commitment: Uint8Array
  /** The zone key sealed to members, at the epoch's start or when they joined. */
  readonly keys: ReadonlyMap<AccountId, Uint8Array>
  /** The zone key before, wrapped under this one; null for the first. */
  readonly previous: Uint8Array | null
}

/** After a removal by a manager every batch names this entry or a later one, under a new epoch. */
export interface Removal extends Ended {
  readonly byManager: boolean
}

/** What a verified log says. */
export interface ZoneState {
  readonly zone: ZoneId
  readonly origin: Uint8Array
  readonly source: KeySource
  readonly owner: AccountId
  /** Every account that is or was a member, with its terms in order. */
  readonly terms: ReadonlyMap<AccountId, readonly Term[]>
  /** By `deviceKey`: an account speaks of its own devices only, a manager of anybody's. */
  readonly removedDevices: ReadonlyMap<string, Ended>
  readonly removals: readonly Removal[]
  /** In order; the last is the current one. */
  readonly epochs: readonly Epoch[]
  /** Hash of each entry; the last is the head. */
  readonly heads: readonly Digest[]
}

export interface Member {
  readonly account: AccountId
  readonly role: Role
  readonly identity: PublicIdentity
}

/** Hash of the last entry: what batches and appended entries name. */
export function logHead(state: ZoneState): Digest {
  return state.heads.at(-1)!
}

export function currentEpoch(state: ZoneState): Epoch {
  return state.epochs.at(-1)!
}

/** The account as a member now, or undefined. */
export function memberNow(state: ZoneState, account: AccountId): Member | undefined {
  const term = state.terms.get(account)?.at(-1)
  return term && term.until === null ? { account, role: term.role, identity: term.identity } : undefined
}

/** Everybody who is a member now, by ascending account. */
export function membersNow(state: ZoneState): Member[] {
  return [...state.terms.keys()].sort().flatMap((account) => memberNow(state, account) ?? [])
}

/**
 * How urgent the next epoch is (KEY-18). 'due' after a removal by a manager: nobody may write before it.
 * 'wanted' after a member left or removed a device of its own: the next manager to come makes it, but no
 * member can stop the others from writing by such an entry.
 */
export function epochNeed(state: ZoneState): 'none' | 'wanted' | 'due' {
  const since = state.removals.filter((removal) => removal.index > currentEpoch(state).from)
  if (since.length === 0) return 'none'
  return since.some((removal) => removal.byManager) ? 'due' : 'wanted'
}

/** What `removedDevices` is keyed by. */
export function deviceKey(account: AccountId, device: DeviceId): string {
  return `${account}:${device}`
}

/**
 * Verifies a whole log from its first entry (KEY-13 to KEY-17). Throws LogRefused: a log that breaks a rule
 * anywhere is refused whole. `zone` is the zone it should be, `before` the state that the entries continue.
 */
export function readLog(
  crypto: Crypto,
  entries: readonly Uint8Array[],
  zone: ZoneId,
  before: ZoneState | null = null,
): ZoneState {
  let state = before
  for (const bytes of entries) {
    state = verifyEntry(crypto, state, bytes)
    if (state.zone !== zone) {
      throw new LogRefused('wrong-zone', 0, `it begins zone ${state.zone}, expected zone ${zone}`)
    }
  }
  if (state === null) throw new LogRefused('wrong-zone', 0, `the log of zone ${zone} is empty`)
  return state
}

/**
 * The state after one more entry; `state` is null for the first, which names its own zone. Needs no secret.
 * Throws LogRefused and leaves `state` as it was.
 */
export function verifyEntry(crypto: Crypto, state: ZoneState | null, bytes: Uint8Array): ZoneState {
  const index = state ? state.heads.length : 0
  const malformed = (why: string) => new LogRefused('malformed', index, `it cannot be read (${why})`)
  const { body, signature } = splitSigned(bytes, LOG_ENTRY_MAX_BYTES, malformed)
  const entry = decodeEntry(body, malformed)
  const hash = entryHash(crypto, body)
  if (entry.index !== index || entry.previous !== (state ? logHead(state) : null)) {
    throw new LogRefused('broken-chain', index, `it says it is entry ${entry.index} after ${entry.previous}`)
  }
  if (!crypto.ed25519Verify(authorKey(state, entry), body, signature)) {
    throw new LogRefused('bad-signature', index, `account ${entry.author} did not sign it`)
  }
  return state === null ? begin(entry, hash) : { ...change(state, entry), heads: [...state.heads, hash] }
}

/** The first entry is signed by the very key it names: the zone id pins it. */
function authorKey(state: ZoneState | null, entry: LogEntry): Uint8Array {
  if (state === null) {
    if (entry.change.kind === 'genesis') return entry.change.identity.signingKey
    throw new LogRefused('broken-chain', 0, `a log begins with genesis, not ${entry.change.kind}`)
  }
  const author = memberNow(state, entry.author)
  if (!author) throw new LogRefused('not-allowed', entry.index, `account ${entry.author} is no member`)
  return author.identity.signingKey
}

function begin(entry: LogEntry, hash: Digest): ZoneState {
  const { author, change } = entry
  if (change.kind !== 'genesis') throw new LogRefused('broken-chain', 0, 'a log begins with genesis')
  requireKeysFor(0, change.source, change.keys, [author])
  return {
    // The one cast: a zone's id is the hash of its first entry (KEY-13).
    zone: hash as string as ZoneId,
    origin: change.origin,
    source: change.source,
    owner: author,
    terms: new Map([[author, [{ role: 'manager', identity: change.identity, from: 0, until: null }]]]),
    removedDevices: new Map(),
    removals: [],
    epochs: [
      { epoch: 1, from: 0, commitment: change.commitment, keys: new Map(change.keys), previous: null },
    ],
    heads: [hash],
  }
}

function change(state: ZoneState, entry: LogEntry): ZoneState {
  const { change } = entry
  switch (change.kind) {
    case 'genesis':
      throw new LogRefused('broken-chain', entry.index, 'a log begins only once')
    case 'member':
      return changeMember(state, entry, change)
    case 'remove-member':
      return removeMember(state, entry, change)
    case 'remove-device':
      return removeDevice(state, entry, change)
    case 'epoch':
      return beginEpoch(state, entry, change)
  }
}

type Change<K extends LogChange['kind']> = Extract<LogChange, { kind: K }>

function changeMember(state: ZoneState, entry: LogEntry, change: Change<'member'>): ZoneState {
  requireManager(state, entry)
  requireOther(state, entry, change.account)
  if (state.source === 'derived') {
    throw new LogRefused('bad-target', entry.index, 'an account zone has one member')
  }
  const now = memberNow(state, change.account)
  if (now && !sameIdentity(now.identity, change.identity)) {
    throw new LogRefused('bad-target', entry.index, `account ${change.account} has another identity here`)
  }
  if ((now === undefined) !== (change.key !== null)) {
    throw new LogRefused('wrong-wraps', entry.index, 'a new member gets the zone key, a known one does not')
  }
  if (!now && membersNow(state).length >= MEMBERS_MAX) {
    throw new LogRefused('bad-target', entry.index, `a zone has at most ${MEMBERS_MAX} members`)
  }
  const ended = endTerms(state, change.account, entry.index, change.atSequence)
  const term: Term = { role: change.role, identity: change.identity, from: entry.index, until: null }
  const terms = new Map(state.terms).set(change.account, [...ended, term])
  return { ...state, terms, epochs: change.key ? withKey(state, change.account, change.key) : state.epochs }
}

function removeMember(state: ZoneState, entry: LogEntry, change: Change<'remove-member'>): ZoneState {
  if (entry.author !== change.account) requireManager(state, entry)
  requireOther(state, entry, change.account)
  requireMember(state, entry, change.account)
  const ended = endTerms(state, change.account, entry.index, change.atSequence)
  return {
    ...state,
    terms: new Map(state.terms).set(change.account, ended),
    removals: [...state.removals, removal(state, entry, change.atSequence)],
  }
}

function removeDevice(state: ZoneState, entry: LogEntry, change: Change<'remove-device'>): ZoneState {
  if (entry.author !== change.account) requireManager(state, entry)
  requireMember(state, entry, change.account)
  // Nobody but the owner shuts out the owner's devices.
  if (change.account === state.owner) requireOwner(state, entry)
  const key = deviceKey(change.account, change.device)
  if (state.removedDevices.has(key)) {
    throw new LogRefused('bad-target', entry.index, `device ${change.device} was removed before`)
  }
  const ended: Ended = { index: entry.index, atSequence: change.atSequence }
  return {
    ...state,
    removedDevices: new Map(state.removedDevices).set(key, ended),
    removals: [...state.removals, removal(state, entry, change.atSequence)],
  }
}

function beginEpoch(state: ZoneState, entry: LogEntry, change: Change<'epoch'>): ZoneState {
  requireManager(state, entry)
  const expected = currentEpoch(state).epoch + 1
  if (change.epoch !== expected) {
    throw new LogRefused('wrong-epoch', entry.index, `it begins epoch ${change.epoch}, expected ${expected}`)
  }
  requireKeysFor(
    entry.index,
    state.source,
    change.keys,
    membersNow(state).map((member) => member.account),
  )
  const { epoch, commitment, previous } = change
  const begun: Epoch = { epoch, from: entry.index, commitment, keys: new Map(change.keys), previous }
  return { ...state, epochs: [...state.epochs, begun] }
}

/** A removal by a member of itself or its own device fixes nothing for the others (KEY-17). */
function removal(state: ZoneState, entry: LogEntry, atSequence: number): Removal {
  const byManager = memberNow(state, entry.author)?.role === 'manager'
  return { index: entry.index, atSequence, byManager }
}

function endTerms(state: ZoneState, account: AccountId, index: number, atSequence: number): Term[] {
  const terms = state.terms.get(account) ?? []
  return terms.map((term) => (term.until === null ? { ...term, until: { index, atSequence } } : term))
}

function withKey(state: ZoneState, account: AccountId, key: Uint8Array): Epoch[] {
  const epoch = currentEpoch(state)
  return [...state.epochs.slice(0, -1), { ...epoch, keys: new Map(epoch.keys).set(account, key) }]
}

function requireManager(state: ZoneState, entry: LogEntry): void {
  if (memberNow(state, entry.author)?.role !== 'manager') {
    throw new LogRefused('not-allowed', entry.index, `account ${entry.author} is no manager`)
  }
}

function requireOwner(state: ZoneState, entry: LogEntry): void {
  if (entry.author !== state.owner) {
    throw new LogRefused('not-allowed', entry.index, `account ${entry.author} is not the owner`)
  }
}

function requireMember(state: ZoneState, entry: LogEntry, account: AccountId): void {
  if (!memberNow(state, account)) {
    throw new LogRefused('bad-target', entry.index, `account ${account} is no member`)
  }
}

/** The owner stays, and stays manager: a zone is never without one. */
function requireOther(state: ZoneState, entry: LogEntry, account: AccountId): void {
  if (account === state.owner) {
    throw new LogRefused('bad-target', entry.index, 'the owner of a zone cannot be changed or removed')
  }
}

/** Sealed to each member and to nobody else; a derived key is sealed to nobody (KEY-16). */
function requireKeysFor(
  index: number,
  source: KeySource,
  keys: SealedKeys,
  accounts: readonly AccountId[],
): void {
  const expected = source === 'derived' ? [] : accounts
  const same = keys.length === expected.length && keys.every(([account], i) => account === expected[i])
  if (!same) {
    throw new LogRefused(
      'wrong-wraps',
      index,
      `the key is sealed to ${keys.length} accounts, not to exactly the ${expected.length} expected`,
    )
  }
}

function sameIdentity(a: PublicIdentity, b: PublicIdentity): boolean {
  return sameBytes(a.signingKey, b.signingKey) && sameBytes(a.sealingKey, b.sealingKey)
}
