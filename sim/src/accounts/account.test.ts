import type { AccountContext, NewDevice, SignedIn } from '@pileus/client/account/account'
import { readAccountZone } from '@pileus/client/account/account-zone'
import { listDevices, logOut, removeDevice, whoAmI } from '@pileus/client/account/devices'
import { changePassword, logIn, recover } from '@pileus/client/account/sign-in'
import { signUp } from '@pileus/client/account/sign-up'
import { ensureDrive, openZone } from '@pileus/client/account/zone'
import type { Calls, EndpointName } from '@pileus/client/remote/calls'
import { retrying } from '@pileus/client/remote/retry'
import { deviceSession, signedIn } from '@pileus/client/remote/session'
import { nodeCrypto as crypto } from '@pileus/core/crypto/node'
import { seededRandom } from '@pileus/core/keys/fixtures'
import { Problem } from '@pileus/core/protocol/problem'
import { memoryLive } from '@pileus/server/live/memory'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  type Fate,
  memoryServer,
  type ServiceCallsOptions,
  serviceCalls,
  type TestServer,
} from './service-calls.ts'

let now = 1_700_000_000_000
const clock = (): number => ++now
const random = seededRandom('accounts')
/** Cheap, because nothing here depends on it but what most of these tests would spend their time on. */
const stretching = { passes: 1, memoryKiB: 8, lanes: 1 }
const PASSWORD = 'correct horse battery'
const NEXT = 'another long password'
let server: TestServer

beforeAll(async () => {
  server = await memoryServer(clock, random)
})

function context(options: ServiceCallsOptions = {}): AccountContext {
  const pause = async (): Promise<void> => undefined
  const calls: Calls = retrying(serviceCalls(server.service, options), { pause, random })
  return { calls, crypto, random, clock, stretching }
}

function as(made: NewDevice, options: ServiceCallsOptions = {}): SignedIn {
  const own = context(options)
  const session = deviceSession({ ...own, device: made.device.device, opened: made.session })
  return { context: own, calls: signedIn(own.calls, session), device: made.device }
}

const ana = { name: 'ana', password: PASSWORD, deviceName: 'laptop' }

describe('an account', () => {
  test('is made whole, and a second device joins by the password and sees the same', async () => {
    const first = await signUp(context(), ana)
    expect(first.phrase.split(' ')).toHaveLength(24)
    const second = await logIn(context(), { ...ana, deviceName: 'phone' })
    expect(second.device.accountKey.bytes()).toEqual(first.device.accountKey.bytes())
    const devices = await listDevices(as(second))
    expect(devices.map(({ name, certified, thisDevice }) => [name, certified, thisDevice])).toEqual([
      ['laptop', true, false],
      ['phone', true, true],
    ])
    expect(await whoAmI(as(first))).toMatchObject({ name: 'ana', account: first.device.account })
  })

  test('keeps names of devices from the server', async () => {
    const { zones, accounts } = server.environment.engines
    const account = await accounts.byName('ana')
    const seen = JSON.stringify([account, await zones.head(account!.accountZone)], (_, value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
    )
    expect(seen).not.toMatch(/laptop|phone|correct horse/)
  })

  test('cannot be made twice, with a short password, or entered with a wrong one', async () => {
    await expect(signUp(context(), ana)).rejects.toMatchObject({ code: 'name-taken' })
    await expect(signUp(context(), { ...ana, name: 'bob', password: 'short' })).rejects.toThrow(
      'shorter than 8',
    )
    await expect(logIn(context(), { ...ana, password: 'wrong password' })).rejects.toMatchObject({
      code: 'wrong-credentials',
    })
    await expect(logIn(context(), { ...ana, name: 'nobody' })).rejects.toMatchObject({
      code: 'wrong-credentials',
    })
  })

  test('takes one password however its accents were typed', async () => {
    const name = 'accents'
    await signUp(context(), { name, password: 'cr\u00e8me br\u00fbl\u00e9e', deviceName: 'a' })
    await logIn(context(), { name, password: 'cre\u0300me bru\u0302le\u0301e', deviceName: 'b' })
  })

  test('changes its password only for who knows the old one; the old one then opens nothing', async () => {
    const made = await signUp(context(), { ...ana, name: 'changing' })
    const change = { name: 'changing', current: 'not the password', next: NEXT }
    await expect(changePassword(as(made), change)).rejects.toMatchObject({ code: 'wrong-credentials' })
    await expect(changePassword(as(made), { ...change, next: 'short' })).rejects.toThrow('shorter than 8')
    await changePassword(as(made), { ...change, current: PASSWORD })
    await expect(logIn(context(), { ...ana, name: 'changing' })).rejects.toBeInstanceOf(Problem)
    const again = await logIn(context(), { name: 'changing', password: NEXT, deviceName: 'b' })
    expect(again.device.account).toBe(made.device.account)
  })

  test('is recovered by its phrase, which also sets a new password', async () => {
    const made = await signUp(context(), { ...ana, name: 'forgetful' })
    const who = { name: 'forgetful', phrase: made.phrase, newPassword: NEXT, deviceName: 'new' }
    const other = (await signUp(context(), { ...ana, name: 'other' })).phrase
    await expect(recover(context(), { ...who, phrase: other })).rejects.toMatchObject({
      code: 'wrong-credentials',
    })
    await expect(recover(context(), { ...who, phrase: 'one two three' })).rejects.toThrow('recovery phrase')
    const back = await recover(context(), { ...who, phrase: ` ${made.phrase.toUpperCase()}\n` })
    expect(back.device.accountKey.bytes()).toEqual(made.device.accountKey.bytes())
    await logIn(context(), { name: 'forgetful', password: NEXT, deviceName: 'third' })
  })
})

describe('the drive', () => {
  test('is one zone, whichever device asks first, and also when two ask at once', async () => {
    const first = await signUp(context(), { ...ana, name: 'driver' })
    const second = await logIn(context(), { ...ana, name: 'driver', deviceName: 'phone' })
    const [a, b] = await Promise.all([ensureDrive(as(first)), ensureDrive(as(second))])
    expect(a).toBe(b)
    expect(await ensureDrive(as(first))).toBe(a)
    const zone = await openZone(as(second), a)
    expect(zone.epoch).toBe(1)
    expect(zone.keysOf(1)?.chunkSecret.bytes()).toEqual(
      (await openZone(as(first), a)).keysOf(1)?.chunkSecret.bytes(),
    )
    expect(zone.keysOf(2)).toBe(undefined)
  })
})

describe('a removed device', () => {
  test('is shut out at once, its removal stands in every log, and new key epochs begin', async () => {
    const first = await signUp(context(), { ...ana, name: 'remover' })
    const lost = await logIn(context(), { ...ana, name: 'remover', deviceName: 'lost phone' })
    const drive = await ensureDrive(as(lost))
    await removeDevice(as(first), lost.device.device.id)
    await expect(ensureDrive(as(lost))).rejects.toMatchObject({ code: 'device-removed' })
    const zone = await openZone(as(first), drive)
    expect(zone.epoch).toBe(2)
    expect(zone.state.removedDevices.size).toBe(1)
    expect(zone.keysOf(1)).toBeDefined()
    const account = await readAccountZone(context(), as(first).calls, first.device)
    expect(account.state.epochs).toHaveLength(2)
    const [, phone] = await listDevices(as(first))
    expect(phone).toMatchObject({ name: 'lost phone', certified: true })
    expect(phone?.removedAt).not.toBe(null)
    await removeDevice(as(first), lost.device.device.id)
    expect((await openZone(as(first), drive)).epoch).toBe(2)
  })

  test('is removed to the end by the next sync when the removal was cut at any call', async () => {
    const first = await signUp(context(), { ...ana, name: 'cut' })
    const drive = await ensureDrive(as(first))
    for (let cut = 0, done = false; !done; cut++) {
      const lost = await logIn(context(), { ...ana, name: 'cut', deviceName: `lost ${cut}` })
      const { id } = lost.device.device
      let left = cut
      let down = false
      const fate = (): Fate => {
        down ||= left-- === 0
        return down ? 'answer lost' : 'arrives'
      }
      done = await removeDevice(as(first, { fate }), id).then(
        () => true,
        () => false,
      )
      const noted = (await readAccountZone(context(), as(first).calls, first.device)).devices.get(id)?.removed
      if (!noted) {
        // Cut before the person's wish was written down: nothing happened, and it is asked again.
        await removeDevice(as(first), id)
      }
      const zone = await openZone(as(first), drive)
      expect(zone.state.removedDevices.has(`${first.device.account}:${id}`)).toBe(true)
      await expect(whoAmI(as(lost))).rejects.toMatchObject({ code: 'device-removed' })
    }
  }, 60_000)

  test('may be the one that asks', async () => {
    const only = await signUp(context(), { ...ana, name: 'leaver' })
    const drive = await ensureDrive(as(only))
    await removeDevice(as(only), only.device.device.id)
    await expect(whoAmI(as(only))).rejects.toMatchObject({ code: 'device-removed' })
    const back = await logIn(context(), { ...ana, name: 'leaver', deviceName: 'again' })
    expect((await openZone(as(back), drive)).epoch).toBe(2)
  })
})

describe('on a bad line', () => {
  test.each(['request lost', 'answer lost'] as const)(
    'scenario 17: every call may be lost once (%s), and nothing is done twice',
    async (way) => {
      const lost = new Set<EndpointName>()
      const fate = (name: EndpointName): Fate => {
        if (lost.has(name)) return 'arrives'
        lost.add(name)
        return way
      }
      const name = way === 'request lost' ? 'noisy-1' : 'noisy-2'
      const first = await signUp(context({ fate }), { ...ana, name })
      const second = await logIn(context({ fate }), { ...ana, name, deviceName: 'phone' })
      const drive = await ensureDrive(as(second, { fate }))
      await removeDevice(as(first, { fate }), second.device.device.id)
      expect((await openZone(as(first), drive)).epoch).toBe(2)
      const who = { name, phrase: first.phrase, newPassword: NEXT, deviceName: 'recovered' }
      const third = await recover(context({ fate }), who)
      expect(third.device.account).toBe(first.device.account)
      expect(await listDevices(as(first))).toHaveLength(3)
      for (const call of ['signupFinish', 'loginFinish', 'recoveryProof', 'addDevice'] as const)
        expect(lost).toContain(call)
    },
  )

  test('a server that starts again between the two steps of a proof has forgotten the first: it is begun anew', async () => {
    const started: EndpointName[] = []
    const fate = (name: EndpointName): Fate => {
      const second = name === 'loginFinish' || name === 'recoveryProof' || name === 'deviceLogin'
      if (second && !started.includes(name)) {
        started.push(name)
        // What is kept for a minute lies in memory alone.
        Object.assign(server.environment.engines, { live: memoryLive(clock) })
      }
      return 'arrives'
    }
    const name = 'restarted'
    const first = await signUp(context(), { ...ana, name })
    const second = await logIn(context({ fate }), { ...ana, name, deviceName: 'phone' })
    await logOut(as(second))
    expect(await whoAmI(as(second, { fate }))).toMatchObject({ name })
    await recover(context({ fate }), { name, phrase: first.phrase, newPassword: NEXT, deviceName: 'b' })
    expect(started.sort()).toEqual(['deviceLogin', 'loginFinish', 'recoveryProof'])
  })

  test('a session that was ended is opened anew', async () => {
    const made = await signUp(context(), { ...ana, name: 'sessions' })
    const signed = as(made)
    await logOut(signed)
    expect(await whoAmI(signed)).toMatchObject({ name: 'sessions' })
  })
})

describe('a hostile server', () => {
  test('that leaves out, swaps or alters anything of the account zone is found out (attacks 1, 2, 10)', async () => {
    const made = await signUp(context(), { ...ana, name: 'victim' })
    await ensureDrive(as(made))
    const other = await signUp(context(), { ...ana, name: 'mallory' })
    const foreign = await as(other).calls.call('log', { params: { zone: other.device.accountZone } })
    type Answer = Readonly<Record<string, unknown>> & {
      changes?: { record: { seal: Uint8Array } }[]
      wrap?: Uint8Array
    }
    const attacks: Partial<Record<EndpointName, (answer: Answer) => unknown>>[] = [
      { log: () => foreign },
      { log: (answer) => ({ ...answer, entries: [] }) },
      { changes: (answer) => ({ ...answer, changes: answer.changes?.slice(1) }) },
      { changes: (answer) => ({ ...answer, batches: [] }) },
      {
        changes: (answer) => ({
          ...answer,
          changes: answer.changes?.map((change) => ({ ...change, leaf: 1 })),
        }),
      },
      {
        changes: (answer) => ({
          ...answer,
          changes: answer.changes?.map((change) => {
            const seal = change.record.seal.slice()
            seal[seal.length - 1]! ^= 1
            return { ...change, record: { ...change.record, seal } }
          }),
        }),
      },
      { writers: () => ({ writers: [] }) },
      { loginFinish: (answer) => ({ ...answer, account: other.device.account }) },
      { loginFinish: (answer) => ({ ...answer, accountZone: other.device.accountZone }) },
      {
        loginFinish: (answer) => ({
          ...answer,
          wrap: answer.wrap?.map((byte, at) => (at === 20 ? byte ^ 1 : byte)),
        }),
      },
    ]
    for (const attack of attacks) {
      const tamper = (name: EndpointName, answer: unknown): unknown =>
        attack[name]?.(answer as Answer) ?? answer
      const joining = logIn(context({ tamper }), { ...ana, name: 'victim', deviceName: 'new' })
      const refused = { name: expect.stringMatching(/^((Account|Log|Key|Record|Batch)Refused|Problem)$/) }
      await expect(joining, JSON.stringify(Object.keys(attack))).rejects.toMatchObject(refused)
      if (attack.loginFinish) continue
      await expect(ensureDrive(as(made, { tamper }))).rejects.toMatchObject(refused)
    }
    expect(await listDevices(as(made))).toHaveLength(1)
  }, 30_000)
})
