/** Attack classes 1 to 4 and 11: keys. The server swaps, plants, weakens; whoever signs in refuses and sends nothing. */
import type { AccountContext, NewDevice, SignedIn } from '@pileus/client/account/account'
import { listDevices } from '@pileus/client/account/devices'
import { logIn, recover } from '@pileus/client/account/sign-in'
import { type NewAccount, signUp } from '@pileus/client/account/sign-up'
import { ensureDrive, openZone } from '@pileus/client/account/zone'
import { retrying } from '@pileus/client/remote/retry'
import { deviceSession, signedIn } from '@pileus/client/remote/session'
import { nodeCrypto as crypto } from '@pileus/core/crypto/node'
import { idFromBytes, type ZoneId } from '@pileus/core/ids/ids'
import { certifyDevice, createDevice } from '@pileus/core/keys/device'
import { flipBit, seededRandom } from '@pileus/core/keys/fixtures'
import { createIdentity } from '@pileus/core/keys/identity'
import { createGenesis, newEpoch } from '@pileus/core/keys/zone-access'
import { forge } from '@pileus/core/keys/zone-fixtures'
import { readLog } from '@pileus/core/keys/zone-log'
import { ENDPOINTS, type Endpoint } from '@pileus/core/protocol/endpoints'
import { client, ready } from '@serenity-kit/opaque'
import { explain } from 'pileus/failures/explain'
import { beforeAll, describe, expect, it } from 'vitest'
import { memoryServer, serviceCalls, type TestServer } from '../accounts/service-calls.ts'
import { type Lies, lying } from './tampering.ts'

const random = seededRandom('hostile keys')
let now = 1_700_000_000_000
const clock = (): number => ++now
const ana = { name: 'ana', password: 'correct horse battery', deviceName: 'laptop' }
const mallory = { name: 'mallory', password: 'a password of her own', deviceName: 'van' }

let server: TestServer
let made: NewAccount
let drive: ZoneId
/** Another account of the same server, whose owner works with it. */
let foreign: SignedIn

beforeAll(async () => {
  server = await memoryServer(clock, random)
  made = await signUp(context(), ana)
  drive = await ensureDrive(as(made))
  foreign = as(await signUp(context(), mallory))
  await ensureDrive(foreign)
})

function context(lies: Lies = {}): AccountContext {
  const calls = lying(serviceCalls(server.service), lies)
  return { calls: retrying(calls, { pause: async () => undefined, random }), crypto, random, clock }
}

function as({ device, session }: NewDevice, lies: Lies = {}): SignedIn {
  const own = context(lies)
  const opened = deviceSession({ ...own, device: device.device, opened: session })
  return { context: own, calls: signedIn(own.calls, opened), device }
}

const REFUSED = /^(Account|Key|Log|Record|Batch)Refused$/

/** The act fails by a refusal, told in one sentence, and the account has the devices that it had. */
async function expectRefused(act: Promise<unknown>): Promise<void> {
  const error = await act.then(
    () => null,
    (error: unknown) => error as Error,
  )
  expect(error?.name).toMatch(REFUSED)
  expect(explain(error)).toMatchObject({ exit: 'damaged', message: expect.stringMatching(/^[A-Z][^\n]*\.$/) })
  expect(await listDevices(as(made))).toHaveLength(1)
}

describe('attack 1: wrapped keys', () => {
  it('of the other purpose, of another account, or altered anywhere, do not open', async () => {
    const account = await server.environment.engines.accounts.byName('ana')
    const other = await server.environment.engines.accounts.byName('mallory')
    const join = { ...ana, deviceName: 'new' }
    const altered = [100, 480].map((bit) => flipBit(account!.passwordWrap, bit))
    for (const wrap of [account!.phraseWrap, other!.passwordWrap, new Uint8Array(61), ...altered]) {
      await expectRefused(logIn(context({ loginFinish: (answer) => ({ ...answer, wrap }) }), join))
    }
    const back = { name: 'ana', phrase: made.phrase, newPassword: ana.password, deviceName: 'new' }
    for (const wrap of [account!.passwordWrap, other!.phraseWrap]) {
      await expectRefused(recover(context({ recoveryProof: (answer) => ({ ...answer, wrap }) }), back))
    }
  })

  it('whose key is opened but belongs to another zone or account are refused before anything is written', async () => {
    const { account, accountZone } = foreign.device
    for (const swapped of [{ account }, { accountZone }]) {
      const lies: Lies = { loginFinish: (answer) => ({ ...answer, ...swapped }) }
      const joining = logIn(context(lies), { ...ana, deviceName: 'new' })
      await expect(joining).rejects.toMatchObject({ name: expect.stringMatching(/Refused$|^Problem$/) })
    }
    expect(await listDevices(as(made))).toHaveLength(1)
  })
})

describe('attack 2: public keys, epochs and devices', () => {
  it("a log of the server's own, or with an entry of its own, is refused", async () => {
    const { entries } = await as(made).calls.call('log', { params: { zone: drive } })
    const state = readLog(crypto, entries, drive)
    const identity = await createIdentity(crypto, random)
    const { account } = made.device
    const planted = await createGenesis(crypto, random, { account, identity }, { source: 'sealed' })
    const key = (await createGenesis(crypto, random, { account, identity }, { source: 'sealed' })).zoneKey
    const { change } = await newEpoch(crypto, random, state, key, { source: 'sealed' })
    const epoch = forge(crypto, state, { account, identity }, change)
    const device = { kind: 'remove-device', account, device: made.device.device.id, atSequence: 0 } as const
    const removal = forge(crypto, state, { account, identity }, device)
    const logs = [
      [planted.entry],
      [...entries, planted.entry],
      [...entries, epoch],
      [...entries, removal],
      [...entries, entries[0]!],
      [],
    ]
    for (const entries of logs) {
      const lies: Lies = {
        log: (answer, { params }) => (params.zone === drive ? { entries, more: false } : answer),
      }
      await expectRefused(openZone(as(made, lies), drive))
    }
    expect((await openZone(as(made), drive)).zone).toBe(drive)
  })

  it('a log cut short is refused by a device that has seen more of it', async () => {
    const { state } = await openZone(as(made), drive)
    const longer = { ...state, heads: [...state.heads, idFromBytes('digest', random(32))] }
    await expectRefused(openZone(as(made), drive, longer))
  })

  it('a device that the server plants is shown as one nobody vouches for, and is no writer', async () => {
    const identity = await createIdentity(crypto, random)
    const device = createDevice(crypto, random)
    const { account } = made.device
    const certificate = certifyDevice(crypto, identity, { account, publicKey: device.publicKey })
    const at = new Date(now).toISOString()
    const lies: Lies = {
      devices: ({ devices }) => ({
        devices: [
          ...devices,
          { device: device.id, certificate, addedAt: at, lastSeenAt: null, removedAt: null },
        ],
      }),
    }
    const [, planted] = await listDevices(as(made, lies))
    expect(planted).toMatchObject({ id: device.id, certified: false })
    const writer: Lies = {
      writers: ({ writers }) => ({ writers: [...writers, { device: device.id, certificate }] }),
    }
    await expectRefused(openZone(as(made, writer), drive))
  })
})

describe('attack 3: downgrades', () => {
  it('a record of a password that was hashed more cheaply does not open for this client', async () => {
    await ready
    const start = client.startRegistration({ password: ana.password })
    const { environment } = server
    const response = environment.opaque.register('ana', start.registrationRequest)
    const { registrationRecord } = client.finishRegistration({
      clientRegistrationState: start.clientRegistrationState,
      registrationResponse: response,
      password: ana.password,
      keyStretching: { 'argon2id-custom': { iterations: 1, memory: 8, parallelism: 1 } },
    })
    const account = (await environment.engines.accounts.byName('ana'))!
    // The server puts the cheap record where the good one was.
    const { accounts } = environment.engines
    const byName = accounts.byName.bind(accounts)
    accounts.byName = async (asked) =>
      asked === 'ana' ? { ...account, registration: registrationRecord } : byName(asked)
    await expect(logIn(context(), { ...ana, deviceName: 'new' })).rejects.toMatchObject({
      code: 'wrong-credentials',
    })
    accounts.byName = byName
    expect(await listDevices(as(made))).toHaveLength(1)
  })

  it('formats and suites with other numbers are nothing that this client reads', async () => {
    const zone = made.device.accountZone
    for (const at of [0, 1, 2]) {
      const lies: Lies = {
        changes: (page) => ({
          ...page,
          changes: page.changes.map((change) => {
            const { facts, seal } = change.record
            const record = {
              ...change.record,
              facts: flipBit(facts, 8 * at),
              seal: at > 0 ? seal : flipBit(seal, 0),
            }
            return { ...change, record }
          }),
        }),
      }
      await expectRefused(openZone(as(made, lies), zone))
    }
  })
})

describe('attack 4: links', () => {
  it('there are none: without a session nothing is answered but signing up and in', () => {
    const open = Object.entries(ENDPOINTS as Record<string, Endpoint>).filter(
      ([, { audience }]) => audience === 'anyone',
    )
    expect(open.map(([name]) => name).sort()).toEqual([
      'challenge',
      'deviceLogin',
      'loginFinish',
      'loginStart',
      'recoveryProof',
      'recoveryStart',
      'signupFinish',
      'signupStart',
    ])
    for (const [, { path }] of Object.entries(ENDPOINTS)) expect(path).not.toMatch(/link|share/)
  })
})

describe('attack 11: keys of zeros', () => {
  it('in place of the keys of a log entry, of a wrap or of a certificate are refused', async () => {
    const blank = (bytes: Uint8Array, from: number): Uint8Array => {
      const copy = Uint8Array.from(bytes)
      copy.fill(0, from, from + 32)
      return copy
    }
    for (const from of [45, 85, 120, 700]) {
      const lies: Lies = {
        log: ({ entries, more }, { params }) => ({
          entries: params.zone === drive ? entries.map((entry) => blank(entry, from)) : entries,
          more,
        }),
      }
      await expectRefused(openZone(as(made, lies), drive))
    }
    const certificates: Lies = {
      writers: ({ writers }) => ({
        writers: writers.map((one) => ({ ...one, certificate: blank(one.certificate, 30) })),
      }),
    }
    await expectRefused(openZone(as(made, certificates), drive))
    await expectRefused(
      logIn(context({ loginFinish: (answer) => ({ ...answer, wrap: blank(answer.wrap, 13) }) }), {
        ...ana,
        deviceName: 'new',
      }),
    )
  })
})

it('after all that an honest server is used as before', async () => {
  await logIn(context(), { ...ana, deviceName: 'new' })
  expect(await listDevices(as(made))).toHaveLength(2)
  expect((await openZone(as(made), drive)).epoch).toBe(1)
}, 20_000)
