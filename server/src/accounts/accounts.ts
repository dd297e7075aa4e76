/**
 * The accounts port: people, devices, sessions, memberships, room reservations, audit events.
 *
 * Promises of every engine:
 * - Each call is one atomic step, durable before it resolves, unless its comment says less.
 * - Calls see all that resolved before them, on every server process (reads are not from a stale replica).
 * - A call that rejects may have happened; every call may be repeated, and says so when it had happened.
 * - Failures: `StorageFull`, `DamagedStorage` (engine-errors.ts), or whatever the engine's driver throws.
 * - Times are milliseconds since 1970 by the caller's clock; engines have no clock of their own.
 *
 * One account's rows are small and few (devices and zones in the hundreds), so answers are not paged, except
 * audit events.
 */
import type { AccountId, DeviceId, Digest, ZoneId } from '@pileus/core/ids/ids'
import type { Fence } from '../fence.ts'

export type Role = 'owner' | 'manager' | 'writer' | 'reader'

export interface Account {
  readonly id: AccountId
  readonly name: string
  readonly accountZone: ZoneId
  /** The OPAQUE registration record, as the library's text. */
  readonly registration: string
  readonly passwordWrap: Uint8Array
  readonly phraseWrap: Uint8Array
  /** Ed25519 public key that alone may recover the account. */
  readonly recoveryKey: Uint8Array
  /** Ed25519 public key that certifies the account's devices. */
  readonly identityKey: Uint8Array
  readonly quotaBytes: number
  readonly createdAt: number
}

export interface Device {
  readonly id: DeviceId
  readonly account: AccountId
  readonly certificate: Uint8Array
  readonly publicKey: Uint8Array
  readonly addedAt: number
  readonly lastSeenAt: number | null
  readonly removedAt: number | null
}

/** What a token stands for. Only the token's hash is ever stored. */
export interface StoredSession {
  readonly tokenHash: Digest
  readonly kind: 'enrolment' | 'device'
  readonly account: AccountId
  /** Null for an enrolment. */
  readonly device: DeviceId | null
  readonly expiresAt: number
}

export interface Membership {
  readonly zone: ZoneId
  readonly account: AccountId
  readonly role: Role
}

export interface Reservation {
  /** Names what the room is for; reserving again under the same key replaces the earlier reservation. */
  readonly key: string
  readonly account: AccountId
  readonly bytes: number
  readonly expiresAt: number
}

export interface AuditEvent {
  readonly at: number
  readonly type:
    | 'auth.signup'
    | 'auth.login'
    | 'auth.login_failed'
    | 'auth.logout'
    | 'auth.recovery'
    | 'auth.password_changed'
    | 'auth.device_registered'
    | 'auth.device_removed'
    | 'zone.created'
    | 'zone.log_appended'
    | 'zone.cursor_ahead'
  readonly account: AccountId
  readonly device: DeviceId | null
  /** The zone or device it was done to. */
  readonly subject: string | null
  /** Until when it must be kept. */
  readonly keepUntil: number
}

/** All that is kept of one account. Sessions and reservations are not: they end within the hour by themselves. */
export interface WholeAccount {
  readonly account: Account
  readonly devices: readonly Device[]
  /** By time of first joining. */
  readonly memberships: readonly Membership[]
  /** Oldest first. */
  readonly events: readonly AuditEvent[]
}

export interface Accounts {
  /**
   * Creates the account with its first device and its ownership of the account zone. 'name-taken' when another
   * account has the name; 'exists' when an account with this id exists (the caller compares).
   */
  create(account: Account, device: Device): Promise<'created' | 'name-taken' | 'exists'>
  byName(name: string): Promise<Account | undefined>
  byId(id: AccountId): Promise<Account | undefined>
  /** Replaces the password's registration and wrap together; ends every enrolment session of the account. */
  setPassword(id: AccountId, password: { registration: string; passwordWrap: Uint8Array }): Promise<void>

  /** 'exists' when a device with this id exists, removed or not (the caller compares). */
  addDevice(device: Device): Promise<'added' | 'exists'>
  device(id: DeviceId): Promise<Device | undefined>
  /** Removed ones too, by time of addition. */
  devices(account: AccountId): Promise<Device[]>
  /** Marks the device removed, at once for its open sessions too. False when it is not this account's. */
  removeDevice(account: AccountId, device: DeviceId, at: number): Promise<boolean>
  /** Best effort and lazy: may be lost in a crash. */
  seen(device: DeviceId, at: number): Promise<void>

  /** Also forgets the account's expired sessions, and its oldest beyond `SESSIONS_MAX` of the same device. */
  openSession(session: StoredSession, now: number): Promise<void>
  /** The session, and whether its device was removed. Expired ones may still be returned. */
  session(tokenHash: Digest): Promise<{ session: StoredSession; deviceRemoved: boolean } | undefined>
  endSession(tokenHash: Digest): Promise<void>

  /** Sets the role; null ends the membership. */
  setMembership(zone: ZoneId, account: AccountId, role: Role | null): Promise<void>
  membership(zone: ZoneId, account: AccountId): Promise<Membership | undefined>
  /** By time of first joining. */
  zonesOf(account: AccountId): Promise<Membership[]>
  membersOf(zone: ZoneId): Promise<Membership[]>

  /** Records the reservation, whatever the room; returns the sum of the account's live ones, this one included. */
  reserve(reservation: Reservation, now: number): Promise<number>
  release(key: string): Promise<void>

  /** May be lazy: durable at the latest with the next durable call. */
  audit(event: AuditEvent): Promise<void>
  /** Newest first. */
  auditOf(account: AccountId, limit: number): Promise<AuditEvent[]>
  /** Forgets audit events past their time, expired sessions and expired reservations. */
  expire(now: number): Promise<void>

  /** Account ids after `after`, ascending, at most `limit`. */
  list(after: AccountId | null, limit: number): Promise<AccountId[]>
  /** All of an account, as it is at one moment or, behind a fence, as it stays. */
  whole(id: AccountId): Promise<WholeAccount | undefined>
  /** Brings an account in as it was elsewhere. 'exists' when one with this id or name exists: nothing was written. */
  admit(whole: WholeAccount): Promise<'admitted' | 'exists'>
  /** Stands before accounts, devices, memberships, reservations, and the forgetting of audit events. */
  readonly fence: Fence
  /** What this engine knows of itself beside its accounts; null when nothing has this name. */
  note(name: string): Promise<string | null>
  /** Replaces a note that still is `expected`; null for none. False when it is another: nothing was written. */
  replaceNote(name: string, expected: string | null, value: string | null): Promise<boolean>

  /** Answers once the engine can read. Rejects when it cannot. */
  check(): Promise<void>
  close(): Promise<void>
}

/** Live sessions one device may have (each lasts an hour; a device that asks for more loses its oldest). */
export const SESSIONS_MAX = 32
