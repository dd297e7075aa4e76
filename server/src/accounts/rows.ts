/** Columns of the accounts tables ↔ the port's types. Casts stand here only: columns are written from parsed ids. */
import type { AccountId, DeviceId, Digest, ZoneId } from '@pileus/core/ids/ids'
import { blob, hexOf } from '../columns.ts'
import type { Account, AuditEvent, Device, Role, StoredSession } from './accounts.ts'

export type Row = Record<string, unknown>

export function deviceColumns(device: Device) {
  return [
    blob(device.id),
    blob(device.account),
    device.certificate,
    device.publicKey,
    device.addedAt,
    device.lastSeenAt,
    device.removedAt,
  ] as const
}

export function accountColumns(account: Account) {
  return [
    blob(account.id),
    account.name,
    blob(account.accountZone),
    account.registration,
    account.passwordWrap,
    account.phraseWrap,
    account.recoveryKey,
    account.identityKey,
    account.quotaBytes,
    account.createdAt,
  ] as const
}

export function accountOf(row: Row | undefined): Account | undefined {
  if (!row) return undefined
  return {
    id: id<AccountId>(row.id),
    name: row.name as string,
    accountZone: id<ZoneId>(row.account_zone),
    registration: row.registration as string,
    passwordWrap: row.password_wrap as Uint8Array,
    phraseWrap: row.phrase_wrap as Uint8Array,
    recoveryKey: row.recovery_key as Uint8Array,
    identityKey: row.identity_key as Uint8Array,
    quotaBytes: row.quota_bytes as number,
    createdAt: row.created_at as number,
  }
}

export function deviceOf(row: Row | undefined): Device | undefined {
  if (!row) return undefined
  return {
    id: id<DeviceId>(row.id),
    account: id<AccountId>(row.account),
    certificate: row.certificate as Uint8Array,
    publicKey: row.public_key as Uint8Array,
    addedAt: row.added_at as number,
    lastSeenAt: row.last_seen_at as number | null,
    removedAt: row.removed_at as number | null,
  }
}

export function sessionOf(row: Row): StoredSession {
  return {
    tokenHash: id<Digest>(row.token_hash),
    kind: row.kind as StoredSession['kind'],
    account: id<AccountId>(row.account),
    device: row.device === null ? null : id<DeviceId>(row.device),
    expiresAt: row.expires_at as number,
  }
}

export function memberOf(row: Row) {
  return { zone: id<ZoneId>(row.zone), account: id<AccountId>(row.account), role: row.role as Role }
}

export function eventOf(row: Row): AuditEvent {
  return {
    at: row.at as number,
    type: row.type as AuditEvent['type'],
    account: id<AccountId>(row.account),
    device: row.device === null ? null : id<DeviceId>(row.device),
    subject: row.subject as string | null,
    keepUntil: row.keep_until as number,
  }
}

function id<T>(column: unknown): T {
  return hexOf(column as Uint8Array) as T
}
