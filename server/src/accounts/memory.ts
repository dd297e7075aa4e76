/** Accounts in memory: for tests and the simulator. */
import type { AccountId, DeviceId, Digest, ZoneId } from '@pileus/core/ids/ids'
import { behindFence } from '../memory-fence.ts'
import {
  type Account,
  type Accounts,
  type AuditEvent,
  type Device,
  type Membership,
  type Reservation,
  SESSIONS_MAX,
  type StoredSession,
} from './accounts.ts'

/** A new, empty engine. */
export function memoryAccounts(): Accounts {
  const accounts = new Map<AccountId, Account>()
  const names = new Map<string, AccountId>()
  const devices = new Map<DeviceId, Device>()
  const sessions = new Map<Digest, StoredSession>()
  const members = new Map<string, Membership>()
  const reservations = new Map<string, Reservation>()
  const notes = new Map<string, string>()
  let events: AuditEvent[] = []

  function endSessions(ends: (session: StoredSession) => boolean): void {
    for (const [hash, session] of sessions) if (ends(session)) sessions.delete(hash)
  }
  function trimSessions(opened: StoredSession): void {
    const same = [...sessions.values()].filter((other) => other.device === opened.device && opened.device)
    same.sort((a, b) => a.expiresAt - b.expiresAt)
    for (const old of same.slice(0, Math.max(0, same.length - SESSIONS_MAX))) sessions.delete(old.tokenHash)
  }

  function ofAccount<T extends { readonly account: AccountId }>(all: Iterable<T>, id: AccountId): T[] {
    return [...all].filter(({ account }) => account === id)
  }

  const calls: Omit<Accounts, 'fence'> = {
    async create(account, device) {
      if (accounts.has(account.id)) return 'exists'
      if (names.has(account.name)) return 'name-taken'
      accounts.set(account.id, account)
      names.set(account.name, account.id)
      devices.set(device.id, device)
      const zone = account.accountZone
      members.set(memberKey(zone, account.id), { zone, account: account.id, role: 'owner' })
      return 'created'
    },
    async byName(name) {
      const id = names.get(name)
      return id && accounts.get(id)
    },
    async byId(id) {
      return accounts.get(id)
    },
    async setPassword(id, password) {
      const account = accounts.get(id)
      if (account) accounts.set(id, { ...account, ...password })
      endSessions((session) => session.account === id && session.kind === 'enrolment')
    },
    async addDevice(device) {
      if (devices.has(device.id)) return 'exists'
      devices.set(device.id, device)
      return 'added'
    },
    async device(id) {
      return devices.get(id)
    },
    async devices(account) {
      return [...devices.values()]
        .filter((device) => device.account === account)
        .sort((a, b) => a.addedAt - b.addedAt || (a.id < b.id ? -1 : 1))
    },
    async removeDevice(account, id, at) {
      const device = devices.get(id)
      if (device?.account !== account) return false
      if (device.removedAt === null) devices.set(id, { ...device, removedAt: at })
      return true
    },
    async seen(id, at) {
      const device = devices.get(id)
      if (device) devices.set(id, { ...device, lastSeenAt: at })
    },
    async openSession(session, now) {
      endSessions((other) => other.account === session.account && other.expiresAt <= now)
      sessions.set(session.tokenHash, session)
      trimSessions(session)
    },
    async session(tokenHash) {
      const session = sessions.get(tokenHash)
      if (!session) return undefined
      const device = session.device === null ? undefined : devices.get(session.device)
      return { session, deviceRemoved: device !== undefined && device.removedAt !== null }
    },
    async endSession(tokenHash) {
      sessions.delete(tokenHash)
    },
    async setMembership(zone, account, role) {
      if (role === null) members.delete(memberKey(zone, account))
      else members.set(memberKey(zone, account), { zone, account, role })
    },
    async membership(zone, account) {
      return members.get(memberKey(zone, account))
    },
    async zonesOf(account) {
      return [...members.values()].filter((member) => member.account === account)
    },
    async membersOf(zone) {
      return [...members.values()].filter((member) => member.zone === zone)
    },
    async reserve(reservation, now) {
      reservations.set(reservation.key, reservation)
      let sum = 0
      for (const { account, bytes, expiresAt } of reservations.values()) {
        if (account === reservation.account && expiresAt > now) sum += bytes
      }
      return sum
    },
    async release(key) {
      reservations.delete(key)
    },
    async audit(event) {
      events.push(event)
    },
    async auditOf(account, limit) {
      return events
        .filter((event) => event.account === account)
        .reverse()
        .slice(0, limit)
    },
    async expire(now) {
      events = events.filter((event) => event.keepUntil > now)
      endSessions((session) => session.expiresAt <= now)
      for (const [key, { expiresAt }] of reservations) if (expiresAt <= now) reservations.delete(key)
    },
    async list(after, limit) {
      return [...accounts.keys()]
        .filter((id) => after === null || id > after)
        .sort()
        .slice(0, limit)
    },
    async whole(id) {
      const account = accounts.get(id)
      return (
        account && {
          account,
          devices: await calls.devices(id),
          memberships: ofAccount(members.values(), id),
          events: ofAccount(events, id),
        }
      )
    },
    async admit(whole) {
      const { account } = whole
      if (accounts.has(account.id) || names.has(account.name)) return 'exists'
      accounts.set(account.id, account)
      names.set(account.name, account.id)
      for (const device of whole.devices) devices.set(device.id, device)
      for (const member of whole.memberships) members.set(memberKey(member.zone, account.id), member)
      events.push(...whole.events)
      return 'admitted'
    },
    async note(name) {
      return notes.get(name) ?? null
    },
    async replaceNote(name, expected, value) {
      if ((notes.get(name) ?? null) !== expected) return false
      if (value === null) notes.delete(name)
      else notes.set(name, value)
      return true
    },
    async check() {},
    async close() {},
  }
  return behindFence('the accounts', calls, FENCED_CALLS)
}

const FENCED_CALLS = [
  'create',
  'setPassword',
  'addDevice',
  'removeDevice',
  'setMembership',
  'reserve',
  'admit',
  'expire',
] as const

function memberKey(zone: ZoneId, account: AccountId): string {
  return `${zone}/${account}`
}
