/** Zone logs over HTTP: SRV-26 to SRV-29 and SRV-33 in docs/spec/protocol.md. */
import { nodeCrypto } from '@pileus/core/crypto/node'
import { appendEntry } from '@pileus/core/keys/zone-access'
import { verifyEntry } from '@pileus/core/keys/zone-log'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type RunningServer, startServer } from '../start.ts'
import {
  ask,
  get,
  newChunks,
  newZone,
  type Person,
  packOf,
  pushOf,
  putPack,
  random,
  refusal,
  signUp,
  type TestZone,
} from './fixtures.ts'

let server: RunningServer
let url: string
let ana: Person
let ben: Person
let zone: TestZone

beforeAll(async () => {
  server = await startServer({ data: 'memory', port: 0 })
  url = server.url
  ana = await signUp(url, 'ana')
  ben = await signUp(url, 'ben')
})
afterAll(() => server.close())
beforeEach(async () => {
  zone = await newZone(ana)
})

describe('the zone log', () => {
  const author = () => ({ account: ana.account, identity: ana.identity })
  const append = (entry: Uint8Array, person = ana) =>
    ask(url, 'appendLog', { token: person.token, params: { zone: zone.zone }, message: { entry } })
  const member = (
    state = zone.state,
    role: 'writer' | 'reader' = 'writer',
    key: Uint8Array | null = random(1_168),
  ) =>
    appendEntry(nodeCrypto, state, author(), {
      kind: 'member',
      account: ben.account,
      identity: { signingKey: ben.identity.signingKey, sealingKey: ben.identity.sealingKey },
      role,
      atSequence: 0,
      key,
    })

  it('lets members in and out as its entries say, at once', async () => {
    const added = member()
    expect((await append(added.entry)).status).toBe(200)
    expect((await append(added.entry)).status).toBe(200)
    const seen = { ...zone, state: added.state }
    const pushed = await get(url, 'push', { token: ben.token, message: pushOf(ben, seen, [{}]) })
    expect(pushed.outcomes).toEqual([{ outcome: 'accepted', sequence: 1 }])
    const { writers } = await get(url, 'writers', { token: ben.token, params: { zone: zone.zone } })
    expect(writers.map(({ device }) => device).sort()).toEqual([ana.device.id, ben.device.id].sort())

    const removed = appendEntry(nodeCrypto, added.state, author(), {
      kind: 'remove-member',
      account: ben.account,
      atSequence: 1,
    })
    expect((await append(removed.entry)).status).toBe(200)
    expect(await refusal(url, 'push', { token: ben.token, message: pushOf(ben, seen, [{}]) })).toBe(
      '404 not-found',
    )
    const stale = { token: ana.token, message: pushOf(ana, seen, [{}]) }
    expect(await refusal(url, 'push', stale)).toBe('409 log-moved')
    const due = { token: ana.token, message: pushOf(ana, { ...zone, state: removed.state }, [{}]) }
    expect(await refusal(url, 'push', due)).toBe('409 log-moved')
    const { entries, more } = await get(url, 'log', { token: ana.token, params: { zone: zone.zone } })
    expect({ length: entries.length, more }).toEqual({ length: 3, more: false })
    const read = entries.reduce<ReturnType<typeof verifyEntry> | null>(
      (state, entry) => verifyEntry(nodeCrypto, state, entry),
      null,
    )
    expect(read?.zone).toBe(zone.zone)
  })

  it('lets a reader read and not write', async () => {
    const added = member(zone.state, 'reader')
    await append(added.entry)
    const asked = { token: ben.token, params: { zone: zone.zone } }
    expect((await ask(url, 'changes', asked)).status).toBe(200)
    const message = pushOf(ben, { ...zone, state: added.state }, [{}])
    expect(await refusal(url, 'push', { token: ben.token, message })).toBe('403 not-allowed')
    expect((await putPack(ben, zone.zone, packOf(newChunks(1, 10)))).status).toBe(403)
    expect((await append(random(60), ben)).status).toBe(422)
  })

  it('refuses an entry on an older head, a forged one, and a removal that fixes another sequence', async () => {
    const added = member()
    const rival = member(zone.state, 'reader')
    await append(added.entry)
    expect((await append(rival.entry)).message).toMatchObject({ code: 'log-moved' })
    const forged = member(added.state, 'reader', null).entry
    expect((await append(forged.with(30, forged[30]! ^ 1))).status).toBeGreaterThanOrEqual(409)
    await get(url, 'push', { token: ana.token, message: pushOf(ana, { ...zone, state: added.state }, [{}]) })
    const early = appendEntry(nodeCrypto, added.state, author(), {
      kind: 'remove-member',
      account: ben.account,
      atSequence: 0,
    })
    expect((await append(early.entry)).message).toMatchObject({ code: 'log-moved' })
  })

  it('knows no batch that names a head it does not have', async () => {
    const next = member()
    const message = pushOf(ana, { ...zone, state: next.state }, [{}])
    expect(await refusal(url, 'push', { token: ana.token, message })).toBe('409 log-moved')
  })
})
