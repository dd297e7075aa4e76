/** The service without a transport, on memory engines: faults, and two servers on one set of engines. */

import { addToSet, emptySetHash, setDigest } from '@pileus/core/crypto/lthash'
import { nodeCrypto } from '@pileus/core/crypto/node'
import { type AccountId, idBytes, randomId } from '@pileus/core/ids/ids'
import { certifyDevice, createDevice } from '@pileus/core/keys/device'
import { createIdentity } from '@pileus/core/keys/identity'
import { randomKey } from '@pileus/core/keys/secrets'
import { createGenesis } from '@pileus/core/keys/zone-access'
import { deriveZoneKeys } from '@pileus/core/keys/zone-keys'
import { ENDPOINTS } from '@pileus/core/protocol/endpoints'
import { leafOf } from '@pileus/core/records/seal'
import { beforeEach, describe, expect, it } from 'vitest'
import { memoryAccounts } from '../accounts/memory.ts'
import { type Person, pushOf, random } from '../api/fixtures.ts'
import { memoryBlobs } from '../blobs/memory.ts'
import { memoryLive } from '../live/memory.ts'
import { memoryZones } from '../zones/memory.ts'
import type { Zones } from '../zones/zones.ts'
import { type Engines, type Environment, SILENT_OBSERVER } from './environment.ts'
import type { OpaqueServer } from './opaque.ts'
import { addressKey, RATE_LIMITS } from './rate-limits.ts'
import { createService, type Service } from './service.ts'

/** No password is asked for here. */
const NO_OPAQUE: OpaqueServer = {
  register: () => 'registration',
  startLogin: () => ({ state: 'state', response: 'response' }),
  finishLogin: () => false,
}

function environmentOf(engines: Engines): Environment {
  return {
    engines,
    clock: () => 1_800_000_000_000,
    random,
    crypto: nodeCrypto,
    opaque: NO_OPAQUE,
    rateLimits: RATE_LIMITS,
    quotaBytes: 1_000_000_000,
    observer: SILENT_OBSERVER,
  }
}

async function newcomer(): Promise<{ person: Person; message: Record<string, unknown> }> {
  const account: AccountId = randomId('account', random)
  const accountKey = randomKey(random)
  const identity = await createIdentity(nodeCrypto, random)
  const device = createDevice(nodeCrypto, random)
  const source = { source: 'derived', accountKey } as const
  const { entry, state, zoneKey } = await createGenesis(nodeCrypto, random, { account, identity }, source)
  const accountZone = { zone: state.zone, state, keys: deriveZoneKeys(nodeCrypto, zoneKey, state.zone, 1) }
  const person: Person = {
    url: '',
    name: 'ana',
    password: '',
    account,
    accountKey,
    identity,
    recoverySeed: randomKey(random),
    device,
    writer: randomId('writer', random),
    token: '',
    accountZone,
    signup: {},
  }
  const message = {
    account,
    name: 'ana',
    registration: 'registration',
    passwordWrap: random(60),
    phraseWrap: random(60),
    recoveryKey: random(32),
    certificate: certifyDevice(nodeCrypto, identity, { account, publicKey: device.publicKey }),
    genesis: entry,
    first: pushOf(person, accountZone, [{}]),
  }
  return { person, message }
}

type SignupBody = Parameters<typeof signup>[1]
function signup(service: Service, body: Parameters<typeof service.call<'signupFinish'>>[1]['body']) {
  return service.call('signupFinish', { body })
}

let engines: Engines
let ana: Person
let service: Service
let message: SignupBody

beforeEach(async () => {
  engines = {
    accounts: memoryAccounts(),
    zones: memoryZones(),
    blobs: memoryBlobs(),
    live: memoryLive(() => 0),
  }
  service = createService(environmentOf(engines))
  const made = await newcomer()
  message = made.message as SignupBody
  const { token } = await signup(service, message)
  ana = { ...made.person, token }
})

const push = (at: Service, request: ReturnType<typeof pushOf>) =>
  at.call('push', { token: ana.token, body: request })
const head = () =>
  service.call('zone', { token: ana.token, params: { zone: ana.accountZone.zone }, body: undefined })

describe('two servers on one set of engines', () => {
  it('commit to one zone at the same time and lose nothing', async () => {
    const other = createService(environmentOf(engines))
    const requests = Array.from({ length: 16 }, () => pushOf(ana, ana.accountZone, [{}, {}]))
    const answers = await Promise.all(requests.map((request, n) => push(n % 2 ? service : other, request)))
    const sequences = answers.flatMap(({ outcomes }) =>
      outcomes.map((outcome) => (outcome.outcome === 'accepted' ? outcome.sequence : 0)),
    )
    expect(sequences.sort((a, b) => a - b)).toEqual(Array.from({ length: 32 }, (_, n) => n + 2))
    const state = emptySetHash()
    const first = message.first.records[0]!.record
    for (const record of [first, ...requests.flatMap(({ records }) => records.map(({ record }) => record))]) {
      addToSet(nodeCrypto, state, idBytes(leafOf(nodeCrypto, record)))
    }
    expect((await head()).setHash).toBe(setDigest(nodeCrypto, state))
  })

  it('answer one batch alike when both get it', async () => {
    const other = createService(environmentOf(engines))
    const request = pushOf(ana, ana.accountZone, [{}])
    const [one, two] = await Promise.all([push(service, request), push(other, request)])
    expect(one).toEqual(two)
    expect((await head()).sequence).toBe(2)
  })
})

/** Zones whose `method` fails once, before or after it did its work. */
function failingOnce(zones: Zones, method: 'commit' | 'create', when: 'before' | 'after'): Zones {
  let failed = false
  const call = zones[method] as (argument: unknown) => Promise<unknown>
  return {
    ...zones,
    async [method](argument: unknown) {
      if (!failed && when === 'before') {
        failed = true
        throw new Error('the engine was cut off')
      }
      const result = await call(argument)
      if (!failed) {
        failed = true
        throw new Error('the answer of the engine was lost')
      }
      return result
    },
  }
}

describe('a failure of the engine', () => {
  it.each(['before', 'after'] as const)(
    '%s a commit leaves a batch that can be pushed again',
    async (when) => {
      const failing = createService(
        environmentOf({ ...engines, zones: failingOnce(engines.zones, 'commit', when) }),
      )
      const request = pushOf(ana, ana.accountZone, [{}])
      await expect(push(failing, request)).rejects.toThrow('engine')
      const { outcomes } = await push(failing, request)
      expect(outcomes).toEqual([{ outcome: 'accepted', sequence: 2 }])
      expect((await head()).sequence).toBe(2)
    },
  )

  it.each([
    ['create', 'before'],
    ['create', 'after'],
    ['commit', 'before'],
    ['commit', 'after'],
  ] as const)('in a sign-up (%s, %s) leaves no account, and a repeat makes it', async (method, when) => {
    const fresh = { ...engines, accounts: memoryAccounts(), zones: memoryZones() }
    const zones = failingOnce(fresh.zones, method, when)
    const failing = createService(environmentOf({ ...fresh, zones }))
    await expect(signup(failing, message)).rejects.toThrow('engine')
    expect(await fresh.accounts.byName('ana')).toBeUndefined()
    expect(await signup(failing, message)).toMatchObject({ account: ana.account, device: ana.device.id })
  })
})

describe('access', () => {
  it('is asked for at every endpoint that names a zone', async () => {
    for (const [name, { path }] of Object.entries(ENDPOINTS)) {
      if (!path.includes(':zone')) continue
      const params = {
        zone: '0'.repeat(64),
        record: '0'.repeat(32),
        chunk: '0'.repeat(64),
        pack: '0'.repeat(64),
      }
      const wanted = (path.match(/:\w+/g) ?? []).map((key) => key.slice(1) as keyof typeof params)
      const given = Object.fromEntries(wanted.map((key) => [key, params[key]]))
      const call = service.call(name as 'zone', {
        token: ana.token,
        params: given,
        query: name === 'steps' ? { incarnation: '1', after: '0', to: '0' } : {},
        body: undefined,
      })
      await expect(call, name).rejects.toMatchObject({ code: 'not-found' })
    }
  })
})

describe('the address that attempts are counted for', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
    ['', ''],
  ])('%s is %s', (address, key) => {
    expect(addressKey(address)).toBe(key)
  })
})
