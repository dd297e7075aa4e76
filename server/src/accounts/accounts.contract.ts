/** What every engine of the accounts port must do. Run by accounts.test.ts on each. */
import { randomBytes as randomBuffer } from 'node:crypto'
import { type AccountId, idFromBytes } from '@pileus/core/ids/ids'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngineFenced } from '../engine-errors.ts'
import {
  type Account,
  type Accounts,
  type AuditEvent,
  type Device,
  SESSIONS_MAX,
  type StoredSession,
} from './accounts.ts'

/** Plain arrays: what comes back is compared with them, class included. */
const randomBytes = (bytes: number) => new Uint8Array(randomBuffer(bytes))
const hash = () => idFromBytes('digest', randomBytes(32))
const zoneId = () => idFromBytes('zone', randomBytes(32))

function newAccount(name: string): Account {
  return {
    id: idFromBytes('account', randomBytes(16)),
    name,
    accountZone: zoneId(),
    registration: 'registration',
    passwordWrap: randomBytes(60),
    phraseWrap: randomBytes(60),
    recoveryKey: randomBytes(32),
    identityKey: randomBytes(32),
    quotaBytes: 5_000_000_000,
    createdAt: 1_000,
  }
}

function newDevice(account: AccountId, addedAt = 1_000): Device {
  return {
    id: idFromBytes('device', randomBytes(16)),
    account,
    certificate: randomBytes(120),
    publicKey: randomBytes(32),
    addedAt,
    lastSeenAt: null,
    removedAt: null,
  }
}

function deviceSession(device: Device, expiresAt: number): StoredSession {
  return { tokenHash: hash(), kind: 'device', account: device.account, device: device.id, expiresAt }
}

/** `open` gives a new empty engine; `reopen`, where the engine is durable, the same data again. */
export function accountsContract(
  name: string,
  open: () => Promise<Accounts>,
  reopen?: (accounts: Accounts) => Promise<Accounts>,
): void {
  describe(`accounts on ${name}`, () => {
    let accounts: Accounts
    let ana: Account
    let laptop: Device
    beforeEach(async () => {
      accounts = await open()
      ana = newAccount('ana')
      laptop = newDevice(ana.id)
      expect(await accounts.create(ana, laptop)).toBe('created')
    })
    afterEach(() => accounts.close())
    const subject = { accounts: () => accounts, ana: () => ana, laptop: () => laptop }
    peopleContract(subject)
    sessionContract(subject)
    roomContract(subject)
    moveContract({ ...subject, open })
    fenceContract(subject)
    if (reopen) {
      it('keeps everything over a restart', async () => {
        const session = deviceSession(laptop, 9_000)
        await accounts.openSession(session, 0)
        accounts = await reopen(accounts)
        expect(await accounts.byName('ana')).toEqual(ana)
        expect(await accounts.devices(ana.id)).toEqual([laptop])
        expect((await accounts.session(session.tokenHash))?.session).toEqual(session)
        expect(await accounts.zonesOf(ana.id)).toHaveLength(1)
      })

      it('keeps its fence and its notes over a restart', async () => {
        await accounts.fence.raise('moved')
        await accounts.replaceNote('arrival', null, 'here')
        accounts = await reopen(accounts)
        expect(await accounts.fence.note()).toBe('moved')
        expect(await accounts.note('arrival')).toBe('here')
        await expect(accounts.create(newAccount('ben'), laptop)).rejects.toThrow(EngineFenced)
      })
    }
  })
}

interface Subject {
  readonly accounts: () => Accounts
  readonly ana: () => Account
  readonly laptop: () => Device
}

function peopleContract({ accounts, ana, laptop }: Subject): void {
  it('creates an account whole, with its device and its zone', async () => {
    expect(await accounts().byName('ana')).toEqual(ana())
    expect(await accounts().byId(ana().id)).toEqual(ana())
    expect(await accounts().device(laptop().id)).toEqual(laptop())
    const owner = { zone: ana().accountZone, account: ana().id, role: 'owner' }
    expect(await accounts().membership(ana().accountZone, ana().id)).toEqual(owner)
    expect(await accounts().membersOf(ana().accountZone)).toEqual([owner])
  })

  it('gives a name to one of several who ask at once, and nothing to the others', async () => {
    const rivals = [newAccount('ben'), newAccount('ben'), newAccount('ben')]
    const results = await Promise.all(rivals.map((rival) => accounts().create(rival, newDevice(rival.id))))
    expect(results.toSorted()).toEqual(['created', 'name-taken', 'name-taken'])
    const loser = rivals[results.indexOf('name-taken')]!
    expect(await accounts().byId(loser.id)).toBeUndefined()
    expect(await accounts().devices(loser.id)).toEqual([])
  })

  it('says that an account id exists', async () => {
    expect(await accounts().create({ ...newAccount('other'), id: ana().id }, newDevice(ana().id))).toBe(
      'exists',
    )
  })

  it('sets a password and ends enrolments with it', async () => {
    const enrolment: StoredSession = {
      tokenHash: hash(),
      kind: 'enrolment',
      account: ana().id,
      device: null,
      expiresAt: 9_000,
    }
    await accounts().openSession(enrolment, 0)
    const password = { registration: 'new', passwordWrap: randomBytes(60) }
    await accounts().setPassword(ana().id, password)
    expect(await accounts().byId(ana().id)).toEqual({ ...ana(), ...password })
    expect(await accounts().session(enrolment.tokenHash)).toBeUndefined()
  })

  it('adds a device once and lists devices by age', async () => {
    const phone = newDevice(ana().id, 2_000)
    expect(await accounts().addDevice(phone)).toBe('added')
    expect(await accounts().addDevice(phone)).toBe('exists')
    await accounts().seen(phone.id, 3_000)
    expect(await accounts().devices(ana().id)).toEqual([laptop(), { ...phone, lastSeenAt: 3_000 }])
  })
}

function sessionContract({ accounts, ana, laptop }: Subject): void {
  it('opens, finds and ends a session', async () => {
    const session = deviceSession(laptop(), 9_000)
    await accounts().openSession(session, 0)
    expect(await accounts().session(session.tokenHash)).toEqual({ session, deviceRemoved: false })
    await accounts().endSession(session.tokenHash)
    expect(await accounts().session(session.tokenHash)).toBeUndefined()
  })

  it('tells of a removed device in its open sessions, and in no other', async () => {
    const phone = newDevice(ana().id, 2_000)
    await accounts().addDevice(phone)
    const sessions = [deviceSession(laptop(), 9_000), deviceSession(phone, 9_000)]
    for (const session of sessions) await accounts().openSession(session, 0)
    expect(await accounts().removeDevice(ana().id, phone.id, 5_000)).toBe(true)
    expect(await accounts().removeDevice(ana().id, phone.id, 6_000)).toBe(true)
    expect((await accounts().device(phone.id))?.removedAt).toBe(5_000)
    expect((await accounts().session(sessions[1]!.tokenHash))?.deviceRemoved).toBe(true)
    expect((await accounts().session(sessions[0]!.tokenHash))?.deviceRemoved).toBe(false)
  })

  it("does not remove another account's device", async () => {
    const ben = newAccount('ben')
    await accounts().create(ben, newDevice(ben.id))
    expect(await accounts().removeDevice(ben.id, laptop().id, 5_000)).toBe(false)
    expect((await accounts().device(laptop().id))?.removedAt).toBeNull()
  })

  it('keeps a bounded number of sessions for a device, the newest', async () => {
    const sessions = Array.from({ length: SESSIONS_MAX + 2 }, (_, n) => deviceSession(laptop(), 9_000 + n))
    for (const session of sessions) await accounts().openSession(session, 0)
    expect(await accounts().session(sessions[1]!.tokenHash)).toBeUndefined()
    expect(await accounts().session(sessions[2]!.tokenHash)).toBeDefined()
    expect(await accounts().session(sessions.at(-1)!.tokenHash)).toBeDefined()
  })

  it('changes and ends memberships', async () => {
    const zone = zoneId()
    await accounts().setMembership(zone, ana().id, 'reader')
    await accounts().setMembership(zone, ana().id, 'writer')
    const member = { zone, account: ana().id, role: 'writer' }
    expect(await accounts().zonesOf(ana().id)).toEqual([expect.anything(), member])
    await accounts().setMembership(zone, ana().id, null)
    expect(await accounts().membership(zone, ana().id)).toBeUndefined()
  })
}

function roomContract({ accounts, ana }: Subject): void {
  it('sums live reservations; the same key counts once', async () => {
    const reservation = { key: 'a', account: ana().id, bytes: 100, expiresAt: 9_000 }
    expect(await accounts().reserve(reservation, 0)).toBe(100)
    expect(await accounts().reserve({ ...reservation, bytes: 150 }, 0)).toBe(150)
    expect(await accounts().reserve({ ...reservation, key: 'b' }, 0)).toBe(250)
    await accounts().release('a')
    await accounts().release('a')
    expect(await accounts().reserve({ ...reservation, key: 'c', bytes: 1 }, 0)).toBe(101)
    expect(await accounts().reserve({ ...reservation, key: 'd', bytes: 1, expiresAt: 99_000 }, 10_000)).toBe(
      1,
    )
  })

  it('keeps audit events as long as it must', async () => {
    const event = (at: number, keepUntil: number): AuditEvent => {
      return { at, type: 'auth.login', account: ana().id, device: null, subject: null, keepUntil }
    }
    const events = [event(1, 5_000), event(2, 9_000), event(3, 9_000)]
    for (const one of events) await accounts().audit(one)
    expect(await accounts().auditOf(ana().id, 2)).toEqual([events[2], events[1]])
    await accounts().expire(5_000)
    expect(await accounts().auditOf(ana().id, 10)).toEqual([events[2], events[1]])
  })

  it('answers a check', async () => {
    await expect(accounts().check()).resolves.toBeUndefined()
  })
}

function moveContract({ accounts, ana, laptop, open }: Subject & { open: () => Promise<Accounts> }): void {
  const login = (at: number): AuditEvent => {
    const subject = at === 1 ? 'something' : null
    return { at, type: 'auth.login', account: ana().id, device: laptop().id, subject, keepUntil: 9_000 }
  }

  it('gives a whole account to another engine, which has it once', async () => {
    const shared = zoneId()
    await accounts().setMembership(shared, ana().id, 'writer')
    await accounts().addDevice(newDevice(ana().id, 2_000))
    await accounts().removeDevice(ana().id, laptop().id, 3_000)
    for (const at of [1, 2, 3]) await accounts().audit(login(at))
    const whole = (await accounts().whole(ana().id))!
    expect(whole.account).toEqual(ana())
    expect(whole.devices.map(({ addedAt, removedAt }) => [addedAt, removedAt])).toEqual([
      [1_000, 3_000],
      [2_000, null],
    ])
    expect(whole.memberships.map(({ zone }) => zone)).toEqual([ana().accountZone, shared])
    expect(whole.events).toEqual([login(1), login(2), login(3)])
    const other = await open()
    try {
      expect(await other.admit(whole)).toBe('admitted')
      expect(await other.admit(whole)).toBe('exists')
      expect(await other.whole(ana().id)).toEqual(whole)
      expect(await other.byName('ana')).toEqual(ana())
      const namesake = newAccount('ana')
      const same = { account: namesake, devices: [newDevice(namesake.id)], memberships: [], events: [] }
      expect(await other.admit(same)).toBe('exists')
      expect(await other.device(same.devices[0]!.id)).toBeUndefined()
    } finally {
      await other.close()
    }
  })

  it('lists accounts in pages, ascending', async () => {
    const all = [ana().id]
    for (const name of ['ben', 'cai', 'dia']) {
      const account = newAccount(name)
      await accounts().create(account, newDevice(account.id))
      all.push(account.id)
    }
    all.sort()
    expect(await accounts().list(null, 3)).toEqual(all.slice(0, 3))
    expect(await accounts().list(all[2]!, 3)).toEqual(all.slice(3))
    expect(await accounts().list(all[3]!, 3)).toEqual([])
    expect(await accounts().whole(newAccount('nobody').id)).toBeUndefined()
  })

  it('replaces a note only while it is what the caller saw', async () => {
    expect(await accounts().note('arrival')).toBeNull()
    expect(await accounts().replaceNote('arrival', 'other', 'a')).toBe(false)
    expect(await accounts().replaceNote('arrival', null, 'a')).toBe(true)
    expect(await accounts().replaceNote('arrival', null, 'b')).toBe(false)
    expect(await accounts().replaceNote('arrival', 'a', 'b')).toBe(true)
    expect(await accounts().note('arrival')).toBe('b')
    expect(await accounts().replaceNote('arrival', 'b', null)).toBe(true)
    expect(await accounts().note('arrival')).toBeNull()
  })
}

function fenceContract({ accounts, ana, laptop }: Subject): void {
  it('takes no writes behind a fence, and reads and sessions go on', async () => {
    const reservation = { key: 'a', account: ana().id, bytes: 100, expiresAt: 9_000 }
    await accounts().reserve(reservation, 0)
    await accounts().fence.raise('moved')
    await accounts().fence.raise('moved to there')
    expect(await accounts().fence.replaceNote('moved', 'arrived')).toBe(false)
    expect(await accounts().fence.replaceNote('moved to there', 'arrived')).toBe(true)
    expect(await accounts().fence.note()).toBe('arrived')
    const ben = newAccount('ben')
    const writes = [
      () => accounts().create(ben, newDevice(ben.id)),
      () => accounts().addDevice(newDevice(ana().id)),
      () => accounts().removeDevice(ana().id, laptop().id, 5),
      () => accounts().setPassword(ana().id, { registration: 'other', passwordWrap: randomBytes(60) }),
      () => accounts().setMembership(zoneId(), ana().id, 'writer'),
      () => accounts().setMembership(ana().accountZone, ana().id, null),
      () => accounts().reserve({ ...reservation, key: 'b' }, 0),
      () => accounts().reserve({ ...reservation, bytes: 200 }, 0),
    ]
    for (const write of writes) await expect(write()).rejects.toThrow(EngineFenced)
    const session = deviceSession(laptop(), 9_000)
    await accounts().openSession(session, 0)
    expect((await accounts().session(session.tokenHash))?.session).toEqual(session)
    await accounts().endSession(session.tokenHash)
    await accounts().seen(laptop().id, 7)
    await accounts().release('a')
    expect(await accounts().devices(ana().id)).toEqual([{ ...laptop(), lastSeenAt: 7 }])
    expect(await accounts().byName('ana')).toEqual(ana())
    await accounts().fence.lower()
    await accounts().fence.lower()
    expect(await accounts().fence.note()).toBeNull()
    expect(await accounts().fence.replaceNote('arrived', 'moved')).toBe(false)
    expect(await accounts().create(ben, newDevice(ben.id))).toBe('created')
  })
}
