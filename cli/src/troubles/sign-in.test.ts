import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { household } from '../story/household.ts'
import { createDevice } from '../story/person.ts'
import { type ProxyServer, startProxy } from '../story/proxy.ts'

const home = household('sign-in')
let proxy: ProxyServer
let devices = 0

beforeAll(async () => {
  proxy = await startProxy(home.server.url)
})
afterAll(() => proxy.close())

let before = 0
beforeEach(() => {
  before = proxy.cuts
})
afterEach(() => expect(proxy.cuts, 'cut').toBe(before + 1))

const newDevice = () => createDevice(home.root, `device ${++devices}`)
const at = () => ['--server', proxy.url]

/** An account of its own, made on a good line. */
async function account(name: string) {
  const { stdout } = await newDevice().step(['--json', 'signup', name, ...at()])
  return { name, phrase: (JSON.parse(stdout) as { phrase: string }).phrase }
}

test.each([
  ['POST /api/v1/accounts/signup/start', 'before'],
  ['POST /api/v1/accounts/signup/finish', 'before'],
  ['POST /api/v1/accounts/signup/finish', 'after'],
] as const)(
  'scenario 17: a signup whose %s is cut %s the server answered makes the account once',
  async (request, when) => {
    const name = `new-${devices}`
    proxy.cutOnce(request, when)
    const device = newDevice()
    await device.ok(['signup', name, ...at()])
    expect((await device.step('devices')).stdout.trim().split('\n')).toHaveLength(1)
  },
)

test.each([
  ['POST /api/v1/sessions/login/start', 'after'],
  ['POST /api/v1/sessions/login/finish', 'before'],
  ['POST /api/v1/sessions/login/finish', 'after'],
  ['POST /api/v1/devices', 'after'],
] as const)(
  'scenario 17: a login whose %s is cut %s the server answered adds one device',
  async (request, when) => {
    const { name } = await account(`known-${devices}`)
    const device = newDevice()
    proxy.cutOnce(request, when)
    await device.ok(['login', name, ...at()])
    expect((await device.step('devices')).stdout.trim().split('\n')).toHaveLength(2)
  },
)

test('scenario 17: a recovery whose new password arrived and whose answers were lost is done', async () => {
  const { name, phrase } = await account(`lost-${devices}`)
  proxy.cutOnce('POST /api/v1/account/password/finish', 'after')
  const env = { PILEUS_PHRASE: phrase, PILEUS_PASSWORD: '', PILEUS_NEW_PASSWORD: 'another long password' }
  await newDevice().ok(['recover', name, ...at()], { env })
  await newDevice().ok(['login', name, ...at()], { env: { PILEUS_PASSWORD: 'another long password' } })
})

test.each([
  ['signup', 'POST /api/v1/accounts/signup/finish'],
  ['login', 'POST /api/v1/sessions/login/finish'],
] as const)(
  'scenario 18: a %s during which the server is killed and started again is done',
  async (command, request) => {
    const name = command === 'login' ? (await account(`killed-${devices}`)).name : `killed-${devices}`
    proxy.cutOnce(request, 'before', () => home.restart('SIGKILL'))
    await newDevice().ok([command, name, ...at()])
  },
)
