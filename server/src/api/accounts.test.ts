/** Accounts, sessions and devices over HTTP: SRV-1 to SRV-19 and SRV-51 to SRV-59 in docs/spec/protocol.md. */
import { nodeCrypto } from '@pileus/core/crypto/node'
import { randomId } from '@pileus/core/ids/ids'
import { answerChallenge } from '@pileus/core/keys/challenge'
import { certifyDevice, createDevice } from '@pileus/core/keys/device'
import { SecretKey } from '@pileus/core/keys/secrets'
import type { Enrolment } from '@pileus/core/protocol/account'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RATE_LIMITS } from '../rules/rate-limits.ts'
import { type RunningServer, startServer } from '../start.ts'
import {
  ask,
  deviceLogIn,
  get,
  logIn,
  newPerson,
  newZone,
  type Person,
  pushOf,
  random,
  refusal,
  register,
  signUp,
} from './fixtures.ts'

let server: RunningServer
let url: string
let ana: Person
let now = 1_800_000_000_000

beforeAll(async () => {
  server = await startServer({ data: 'memory', port: 0, clock: () => now })
  url = server.url
  ana = await signUp(url, 'ana')
})
afterAll(() => server.close())

async function enrolment(answer: Awaited<ReturnType<typeof logIn>>): Promise<Enrolment> {
  if (typeof answer === 'string') throw new Error(answer)
  expect(answer.status).toBe(200)
  return answer.message as Enrolment
}

describe('signing up', () => {
  it('makes an account with its zone, its first record and a session of its first device', async () => {
    const account = await get(url, 'account', { token: ana.token })
    expect(account).toMatchObject({
      account: ana.account,
      name: 'ana',
      accountZone: ana.accountZone.zone,
      zones: [ana.accountZone.zone],
      quotaBytes: 5_368_709_120,
    })
    expect(account.usedBytes).toBeGreaterThan(0)
    const page = await get(url, 'changes', { token: ana.token, params: { zone: ana.accountZone.zone } })
    expect(page.changes).toHaveLength(1)
  })

  it('refuses a taken name at both steps', async () => {
    const { registration } = ana.signup as { registration: string }
    expect(await refusal(url, 'signupStart', { message: { name: 'ana', registration } })).toBe(
      '409 name-taken',
    )
    const rivals = [await newPerson(url, 'rival'), await newPerson(url, 'rival')]
    const codes = await Promise.all(
      rivals.map((rival) => ask(url, 'signupFinish', { message: rival.signup })),
    )
    expect(codes.map(({ status }) => status).sort()).toEqual([200, 409])
  })

  it('answers a repeat whose first answer was lost with a session of the same account', async () => {
    const cleo = await signUp(url, 'cleo')
    const again = await get(url, 'signupFinish', { message: cleo.signup })
    expect(again).toMatchObject({ account: cleo.account, device: cleo.device.id })
    const other = { ...cleo.signup, registration: 'AAAA' }
    expect(await refusal(url, 'signupFinish', { message: other })).toBe('409 name-taken')
  })

  it('can be finished after a crash between its zone and its account', async () => {
    const dora = await newPerson(url, 'dora')
    const broken = { ...dora.signup, name: 'ana' }
    expect(await refusal(url, 'signupFinish', { message: broken })).toBe('409 name-taken')
    expect((await ask(url, 'signupFinish', { message: dora.signup })).status).toBe(200)
  })

  it('refuses parts that do not belong together', async () => {
    const eve = await newPerson(url, 'eve')
    const parts = eve.signup as { genesis: Uint8Array }
    const stranger = { ...eve.signup, account: randomId('account', random) }
    expect(await refusal(url, 'signupFinish', { message: stranger })).toBe('422 seal-refused')
    const damaged = { ...eve.signup, genesis: parts.genesis.with(50, parts.genesis[50]! ^ 1) }
    expect(await refusal(url, 'signupFinish', { message: damaged })).toBe('422 seal-refused')
    expect(await refusal(url, 'account', { token: eve.token })).toBe('401 not-signed-in')
  })

  it.each(['', 'Ana', '-ana', 'a b', 'a'.repeat(65), '../ana'])('refuses the name %j', async (name) => {
    const message = { name, registration: 'AAAA' }
    expect(await refusal(url, 'signupStart', { message })).toBe('400 malformed-request')
  })
})

describe('passwords', () => {
  it('give the wrapped account key and entry to the account zone alone', async () => {
    const zone = await newZone(ana)
    const proof = await enrolment(await logIn(url, 'ana', ana.password))
    expect(proof.wrap).toEqual((ana.signup as { passwordWrap: Uint8Array }).passwordWrap)
    const asked = { token: proof.token, params: { zone: ana.accountZone.zone } }
    for (const name of ['zone', 'log', 'writers', 'changes'] as const) {
      expect((await ask(url, name, asked)).status).toBe(200)
      const elsewhere = { token: proof.token, params: { zone: zone.zone } }
      expect(await refusal(url, name, elsewhere)).toBe('404 not-found')
    }
    expect(await refusal(url, 'account', { token: proof.token })).toBe('403 not-allowed')
    expect(
      await refusal(url, 'push', { token: proof.token, message: pushOf(ana, ana.accountZone, [{}]) }),
    ).toBe('403 not-allowed')
  })

  it('that are wrong, and names that nobody has, are told apart by nothing', async () => {
    expect(await logIn(url, 'ana', 'wrong')).toBe('refused by the client')
    expect(await logIn(url, 'nobody', 'wrong')).toBe('refused by the client')
    const attempt = { attempt: 'A'.repeat(43), login: 'AAAA' }
    expect(await refusal(url, 'loginFinish', { message: attempt })).toBe('401 wrong-credentials')
  })

  it('can be changed, and the old one dies with its wrap and its enrolments', async () => {
    const finn = await signUp(url, 'finn')
    const old = await enrolment(await logIn(url, 'finn', finn.password))
    const proof = await enrolment(await logIn(url, 'finn', finn.password))
    const registration = await register(url, 'passwordStart', { token: proof.token }, 'new password')
    const passwordWrap = random(60)
    await get(url, 'passwordFinish', { token: proof.token, message: { registration, passwordWrap } })
    expect(await logIn(url, 'finn', finn.password)).toBe('refused by the client')
    expect((await enrolment(await logIn(url, 'finn', 'new password'))).wrap).toEqual(passwordWrap)
    const devices = { token: old.token, message: { registration } }
    expect(await refusal(url, 'passwordStart', devices)).toBe('401 not-signed-in')
  })

  it('lose their proof after a quarter of an hour', async () => {
    const proof = await enrolment(await logIn(url, 'ana', ana.password))
    now += 900_001
    const asked = { token: proof.token, params: { zone: ana.accountZone.zone } }
    expect(await refusal(url, 'zone', asked)).toBe('401 not-signed-in')
    expect((await ask(url, 'account', { token: ana.token })).status).toBe(200)
  })
})

describe('the recovery phrase', () => {
  it('gives an enrolment to whoever signs with its key', async () => {
    const { nonce } = await get(url, 'recoveryStart', { message: { name: 'ana' } })
    const signature = answerChallenge(nodeCrypto, ana.recoverySeed, 'recovery', 'ana', nonce)
    const proof = await get(url, 'recoveryProof', { message: { name: 'ana', nonce, signature } })
    expect(proof.wrap).toEqual((ana.signup as { phraseWrap: Uint8Array }).phraseWrap)
    const replay = { message: { name: 'ana', nonce, signature } }
    expect(await refusal(url, 'recoveryProof', replay)).toBe('401 wrong-credentials')
  })

  it('that is another gives nothing, for a name that exists and for one that does not', async () => {
    for (const name of ['ana', 'nobody']) {
      const { nonce } = await get(url, 'recoveryStart', { message: { name } })
      const seed = new SecretKey(random(32))
      const signature = answerChallenge(nodeCrypto, seed, 'recovery', name, nonce)
      const message = { name, nonce, signature }
      expect(await refusal(url, 'recoveryProof', { message })).toBe('401 wrong-credentials')
    }
  })
})

describe('devices', () => {
  it('are added by an enrolment, listed, and log in by their key', async () => {
    const gil = await signUp(url, 'gil')
    const proof = await enrolment(await logIn(url, 'gil', gil.password))
    const phone = createDevice(nodeCrypto, random)
    const certificate = certifyDevice(nodeCrypto, gil.identity, {
      account: gil.account,
      publicKey: phone.publicKey,
    })
    const session = await get(url, 'addDevice', { token: proof.token, message: { certificate } })
    expect(session).toMatchObject({ device: phone.id, account: gil.account, expiresInSeconds: 3_600 })
    const again = await get(url, 'addDevice', { token: proof.token, message: { certificate } })
    expect(again.device).toBe(phone.id)
    const { devices } = await get(url, 'devices', { token: session.token })
    expect(devices.map(({ device }) => device).sort()).toEqual([gil.device.id, phone.id].sort())
    expect((await deviceLogIn(url, phone)).status).toBe(200)
    const { writers } = await get(url, 'writers', {
      token: session.token,
      params: { zone: gil.accountZone.zone },
    })
    expect(writers).toHaveLength(2)
  })

  it('are not added with a certificate of somebody else', async () => {
    const phone = createDevice(nodeCrypto, random)
    const ben = await signUp(url, 'ben')
    const proof = await enrolment(await logIn(url, 'ana', ana.password))
    const certificate = certifyDevice(nodeCrypto, ben.identity, {
      account: ana.account,
      publicKey: phone.publicKey,
    })
    expect(await refusal(url, 'addDevice', { token: proof.token, message: { certificate } })).toBe(
      '422 seal-refused',
    )
  })

  it('that are removed are refused at once, in open sessions and new ones', async () => {
    const hugo = await signUp(url, 'hugo')
    const proof = await enrolment(await logIn(url, 'hugo', hugo.password))
    const phone = createDevice(nodeCrypto, random)
    const certificate = certifyDevice(nodeCrypto, hugo.identity, {
      account: hugo.account,
      publicKey: phone.publicKey,
    })
    const session = await get(url, 'addDevice', { token: proof.token, message: { certificate } })
    await get(url, 'removeDevice', { token: hugo.token, params: { device: phone.id } })
    expect(await refusal(url, 'account', { token: session.token })).toBe('401 device-removed')
    const { status, message } = await deviceLogIn(url, phone)
    expect({ status, message }).toMatchObject({ status: 401, message: { code: 'device-removed' } })
    expect(await refusal(url, 'addDevice', { token: proof.token, message: { certificate } })).toBe(
      '401 device-removed',
    )
    expect((await ask(url, 'account', { token: hugo.token })).status).toBe(200)
  })

  it("of another account cannot be removed, nor told from ones that don't exist", async () => {
    const ida = await signUp(url, 'ida')
    const asked = { token: ida.token, params: { device: ana.device.id } }
    expect(await refusal(url, 'removeDevice', asked)).toBe('404 not-found')
  })

  it('cannot log in with another key, an unknown id, or a nonce twice', async () => {
    const stranger = createDevice(nodeCrypto, random)
    expect((await deviceLogIn(url, stranger)).status).toBe(401)
    expect((await deviceLogIn(url, { ...stranger, id: ana.device.id })).status).toBe(401)
    const { nonce } = await get(url, 'challenge', { message: { device: ana.device.id } })
    const signature = answerChallenge(nodeCrypto, ana.device.seed, 'device login', ana.device.id, nonce)
    const message = { device: ana.device.id, nonce, signature }
    expect((await ask(url, 'deviceLogin', { message })).status).toBe(200)
    expect(await refusal(url, 'deviceLogin', { message })).toBe('401 wrong-credentials')
  })

  it('lose their session when they log out, and after an hour', async () => {
    const jon = await signUp(url, 'jon')
    await get(url, 'logout', { token: jon.token })
    expect(await refusal(url, 'account', { token: jon.token })).toBe('401 not-signed-in')
    const session = (await deviceLogIn(url, jon.device)).message as { token: string }
    now += 3_600_001
    expect(await refusal(url, 'account', { token: session.token })).toBe('401 not-signed-in')
    ana = { ...ana, token: ((await deviceLogIn(url, ana.device)).message as { token: string }).token }
  })

  it.each([undefined, '', 'nonsense', 'A'.repeat(43)])(
    'need a token that the server gave, not %j',
    async (token) => {
      expect(await refusal(url, 'account', token === undefined ? {} : { token })).toBe('401 not-signed-in')
    },
  )
})

describe('guessing', () => {
  it('is slowed down for each name and each address, and told when to come back', async () => {
    const few = { count: 3, seconds: 60 }
    const strict = await startServer({
      data: 'memory',
      port: 0,
      rateLimits: { ...RATE_LIMITS, loginPerName: few, signupPerAddress: few, recoveryPerName: few },
    })
    try {
      const message = { name: 'nobody' }
      for (let n = 0; n < 3; n++) await get(strict.url, 'recoveryStart', { message })
      const answer = await ask(strict.url, 'recoveryStart', { message })
      expect(answer.status).toBe(429)
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
      for (let n = 0; n < 3; n++) await logIn(strict.url, 'nobody', 'guess')
      await expect(logIn(strict.url, 'nobody', 'guess')).rejects.toThrow('429')
      await expect(logIn(strict.url, 'somebody', 'guess')).resolves.toBe('refused by the client')
    } finally {
      await strict.close()
    }
  })

  it('is counted for the address behind a trusted proxy, and a forged one is not believed', async () => {
    const few = { count: 2, seconds: 60 }
    const statuses = async (trustedProxies: string) => {
      const proxied = await startServer({
        data: 'memory',
        port: 0,
        trustedProxies,
        rateLimits: { ...RATE_LIMITS, challengePerAddress: few },
      })
      const ask4 = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'].map((address) =>
        ask(proxied.url, 'challenge', {
          message: { device: ana.device.id },
          headers: { 'x-forwarded-for': address },
        }),
      )
      const all = (await Promise.all(ask4)).map(({ status }) => status)
      await proxied.close()
      return all.sort()
    }
    expect(await statuses('127.0.0.1')).toEqual([200, 200, 200, 200])
    expect(await statuses('')).toEqual([200, 200, 429, 429])
  })
})
