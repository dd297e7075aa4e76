import { beforeAll, describe, expect, it } from 'vitest'
import { nodeCrypto } from '../crypto/node.ts'
import { type AccountId, type Digest, parseId } from '../ids/ids.ts'
import { certifyDevice, createDevice } from './device.ts'
import { refusal, seededRandom } from './fixtures.ts'
import { createIdentity } from './identity.ts'
import type { LogChange, Role } from './log-entry.ts'
import { type Author, appendEntry, createGenesis } from './zone-access.ts'
import { logHead, type ZoneState } from './zone-log.ts'
import { deviceInZone, judgeWrite, type WriteClaim } from './zone-writers.ts'

const account = (n: number): AccountId => parseId('account', n.toString(16).padStart(2, '0').repeat(16))
const DEVICE = parseId('device', '77'.repeat(16))
const OTHER_DEVICE = parseId('device', '78'.repeat(16))
let owner: Author
let bob: Author
let eve: Author
let begun: ZoneState

beforeAll(async () => {
  const identities = await Promise.all(
    [1, 2, 3].map((n) => createIdentity(nodeCrypto, seededRandom(`writer ${n}`))),
  )
  ;[owner, bob, eve] = identities.map((identity, n) => ({ account: account(n + 1), identity })) as [
    Author,
    Author,
    Author,
  ]
  begun = (await createGenesis(nodeCrypto, seededRandom('zone'), owner, { source: 'sealed' })).state
})

const add = (state: ZoneState, change: Exclude<LogChange, { kind: 'genesis' }>, by = owner): ZoneState =>
  appendEntry(nodeCrypto, state, by, change).state
/** The rules here never open a key, so any bytes of the right length stand for one. */
const role = (state: ZoneState, who: Author, as: Role, atSequence = 0, known = false): ZoneState => {
  const { signingKey, sealingKey } = who.identity
  const key = known ? null : new Uint8Array(1_168)
  return add(state, {
    kind: 'member',
    account: who.account,
    identity: { signingKey, sealingKey },
    role: as,
    atSequence,
    key,
  })
}
const remove = (state: ZoneState, who: Author, atSequence: number, by = owner): ZoneState =>
  add(state, { kind: 'remove-member', account: who.account, atSequence }, by)
const epoch = (state: ZoneState): ZoneState =>
  add(state, {
    kind: 'epoch',
    epoch: state.epochs.length + 1,
    commitment: new Uint8Array(32),
    keys: [...state.terms]
      .filter(([, terms]) => terms.at(-1)!.until === null)
      .map(([one]) => [one, new Uint8Array(1_168)] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
    previous: new Uint8Array(61),
  })
const claim = (state: ZoneState, who: Author, sequence: number, at: Digest = logHead(state), inEpoch = 1) =>
  judgeWrite(state, {
    account: who.account,
    device: DEVICE,
    logHead: at,
    epoch: inEpoch,
    sequence,
  } satisfies WriteClaim)

describe('judging a batch by the log (KEY-18)', () => {
  it('lets managers and writers write, readers and strangers not', () => {
    const state = role(role(begun, bob, 'writer'), eve, 'reader')
    expect(claim(state, owner, 1)).toBe('allowed')
    expect(claim(state, bob, 1)).toBe('allowed')
    expect(claim(state, eve, 1)).toBe('not-a-writer')
    expect(claim(begun, bob, 1)).toBe('not-a-writer')
    expect(claim(state, bob, 1, begun.heads[0])).toBe('not-a-writer')
    expect(claim(state, owner, 1, begun.heads[0])).toBe('allowed')
  })

  it('knows only heads of this log, and the epoch of each', () => {
    expect(claim(begun, owner, 1, parseId('digest', '00'.repeat(32)))).toBe('unknown-head')
    expect(claim(begun, owner, 1, logHead(begun), 2)).toBe('wrong-epoch')
    const second = epoch(begun)
    expect(claim(second, owner, 1)).toBe('wrong-epoch')
    expect(claim(second, owner, 1, logHead(second), 2)).toBe('allowed')
  })

  it('lets a removed member write nothing later, backdated or not (attack 13)', () => {
    const before = role(begun, bob, 'writer')
    const state = epoch(remove(before, bob, 100))
    expect(claim(state, bob, 100, logHead(before))).toBe('allowed')
    expect(claim(state, bob, 101, logHead(before))).toBe('removed')
    expect(claim(state, bob, 101, logHead(state), 2)).toBe('removed')
    expect(claim(state, bob, 50, logHead(state), 2)).toBe('removed')
  })

  it('lets nobody write after a removal before the next epoch, nor past it under the old head', () => {
    const before = role(begun, bob, 'writer')
    const removed = remove(before, bob, 100)
    expect(claim(removed, owner, 101)).toBe('epoch-due')
    const state = epoch(removed)
    expect(claim(state, owner, 101, logHead(removed), 1)).toBe('epoch-due')
    expect(claim(state, owner, 101, logHead(before))).toBe('stale-head')
    expect(claim(state, owner, 100, logHead(before))).toBe('allowed')
    expect(claim(state, owner, 101, logHead(state), 2)).toBe('allowed')
  })

  it('does not let a member stop others by leaving, whatever sequence it claims', () => {
    const before = role(role(begun, bob, 'writer'), eve, 'reader')
    const state = remove(before, eve, 0, eve)
    expect(claim(state, bob, 50, logHead(before))).toBe('allowed')
    expect(claim(state, bob, 50)).toBe('allowed')
    const own = add(
      before,
      { kind: 'remove-device', account: eve.account, device: DEVICE, atSequence: 0 },
      eve,
    )
    expect(claim(own, bob, 50)).toBe('allowed')
    expect(claim(own, bob, 50, logHead(before))).toBe('allowed')
  })

  it('ends a writer who became a reader at that sequence, and goes on for one who became manager', () => {
    const before = role(begun, bob, 'writer')
    const reader = role(before, bob, 'reader', 20, true)
    expect(claim(reader, bob, 20, logHead(before))).toBe('allowed')
    expect(claim(reader, bob, 21, logHead(before))).toBe('removed')
    expect(claim(reader, bob, 21)).toBe('removed')
    const manager = role(before, bob, 'manager', 20, true)
    expect(claim(manager, bob, 30, logHead(before))).toBe('allowed')
    const left = remove(manager, bob, 40, bob)
    expect(claim(left, bob, 41, logHead(before))).toBe('removed')
    expect(claim(left, bob, 40, logHead(before))).toBe('allowed')
  })

  it('does not bring old batches back with a member that joins again', () => {
    const before = role(begun, bob, 'writer')
    const away = epoch(remove(before, bob, 100))
    const back = role(away, bob, 'writer', 150)
    expect(claim(back, bob, 160, logHead(back), 2)).toBe('allowed')
    expect(claim(back, bob, 160, logHead(before))).toBe('removed')
    expect(claim(back, bob, 160, logHead(away), 2)).toBe('removed')
  })

  it('ends one device and leaves the person’s others', () => {
    const before = role(begun, bob, 'writer')
    const state = epoch(
      add(before, { kind: 'remove-device', account: bob.account, device: DEVICE, atSequence: 10 }),
    )
    expect(claim(state, bob, 10, logHead(before))).toBe('allowed')
    expect(claim(state, bob, 11, logHead(before))).toBe('removed')
    expect(claim(state, bob, 11, logHead(state), 2)).toBe('removed')
    const other = {
      account: bob.account,
      device: OTHER_DEVICE,
      logHead: logHead(state),
      epoch: 2,
      sequence: 11,
    }
    expect(judgeWrite(state, other)).toBe('allowed')
  })

  it('a member that removes a device it does not own shuts out nobody', () => {
    const before = role(role(begun, bob, 'writer'), eve, 'writer')
    const state = add(
      before,
      { kind: 'remove-device', account: eve.account, device: DEVICE, atSequence: 0 },
      eve,
    )
    expect(claim(state, bob, 5)).toBe('allowed')
    expect(claim(state, eve, 5)).toBe('removed')
  })
})

describe('a device in a zone', () => {
  it('is one that a member, or a former member, certified', async () => {
    const device = createDevice(nodeCrypto, seededRandom('device'))
    const certificate = certifyDevice(nodeCrypto, bob.identity, {
      account: bob.account,
      publicKey: device.publicKey,
    })
    const state = role(begun, bob, 'writer')
    expect(deviceInZone(nodeCrypto, state, certificate).device).toBe(device.id)
    expect(deviceInZone(nodeCrypto, remove(state, bob, 1), certificate).account).toBe(bob.account)
    expect(await refusal(() => deviceInZone(nodeCrypto, begun, certificate))).toBe('bad-signature')
    const posing = certifyDevice(nodeCrypto, eve.identity, {
      account: bob.account,
      publicKey: device.publicKey,
    })
    expect(await refusal(() => deviceInZone(nodeCrypto, state, posing))).toBe('bad-signature')
  })
})
