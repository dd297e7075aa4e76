import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { decodeCbor } from '../bytes/cbor.ts'
import { toHex } from '../bytes/hex.ts'
import { nodeCrypto } from '../crypto/node.ts'
import { parseId } from '../ids/ids.ts'
import { flipBit, refusal, seededRandom, thrown } from './fixtures.ts'
import { encodeEntry, GENESIS_MAX_BYTES, LOG_ENTRY_MAX_BYTES, type LogChange } from './log-entry.ts'
import { LogRefused } from './refused.ts'
import { signBody } from './signed.ts'
import { type Author, appendEntry, createGenesis, newEpoch, newMember } from './zone-access.ts'
import {
  account,
  type Change,
  forge,
  publicOf,
  refusedChange,
  removalOf,
  type SharedZone,
  sharedZone,
} from './zone-fixtures.ts'
import {
  currentEpoch,
  epochNeed,
  logHead,
  memberNow,
  membersNow,
  readLog,
  verifyEntry,
  type ZoneState,
} from './zone-log.ts'

const random = seededRandom('zone log tests')

let people: SharedZone
let owner: Author
let manager: Author
let writer: Author
let reader: Author
let stranger: Author
let first: SharedZone['first']
let shared: ZoneState
beforeAll(async () => {
  people = await sharedZone(nodeCrypto)
  ;({ owner, manager, writer, reader, stranger, first, state: shared } = people)
})

const append = (state: ZoneState, by: Author, change: Change): ZoneState =>
  appendEntry(nodeCrypto, state, by, change).state
const refused = (state: ZoneState, by: Author, change: LogChange) =>
  refusedChange(nodeCrypto, state, by, change)

let entries: readonly Uint8Array[]
let zone: ZoneState['zone']
beforeAll(() => {
  ;({ entries } = people)
  ;({ zone } = shared)
})

describe('a zone log', () => {
  it('begins with bytes that name the zone (KEY-12, KEY-13)', () => {
    expect(toHex(nodeCrypto.sha256(first.entry))).toBe(
      '28f1c42f672c764269cc2780b6d38b304324fcd2470caed72ce6fa58c0dceb5b',
    )
    const [, , body] = decodeCbor(first.entry) as [number, number, Uint8Array]
    expect(first.state.zone).toBe(toHex(nodeCrypto.sha256(body)))
    expect(toHex(body.subarray(0, 22))).toBe(`87011500f650${account(1)}`)
    expect(first.entry.length).toBeLessThan(GENESIS_MAX_BYTES)
  })

  it('says owner, members, roles and epoch once verified', () => {
    const state = readLog(nodeCrypto, entries, zone)
    expect(state).toEqual(shared)
    expect(state.owner).toBe(owner.account)
    expect(membersNow(state).map(({ account, role }) => [account, role])).toEqual([
      [owner.account, 'manager'],
      [manager.account, 'manager'],
      [writer.account, 'writer'],
      [reader.account, 'reader'],
    ])
    expect(currentEpoch(state).epoch).toBe(1)
    expect(epochNeed(state)).toBe('none')
    expect(state.heads).toHaveLength(4)
  })

  it('has every kind of entry pinned (KEY-12)', async () => {
    const { change } = await newEpoch(nodeCrypto, seededRandom('epoch'), first.state, first.zoneKey, {
      source: 'sealed',
    })
    const member = await newMember(
      seededRandom('member'),
      first.state,
      first.zoneKey,
      { ...manager, role: 'manager' },
      3,
    )
    const changes: LogChange[] = [
      change,
      member,
      removalOf(manager, 7),
      {
        kind: 'remove-device',
        account: owner.account,
        device: parseId('device', '77'.repeat(16)),
        atSequence: 8,
      },
    ]
    const bodies = changes.map((one) =>
      encodeEntry({ index: 1, previous: logHead(first.state), author: owner.account, change: one }),
    )
    expect(toHex(bodies[3]!)).toBe(
      `8701150158${`20${logHead(first.state)}`}50${account(1)}038350${account(1)}50${'77'.repeat(16)}08`,
    )
    expect(bodies.map((body) => toHex(nodeCrypto.sha256(body)))).toEqual([
      '916f9ffbca2ed66f3462a352c2495cf4f447343e1caae9de5c274604fd72c513',
      '860aa4cf2afd7f0e9964c01d81a45863ee0c77bd567a5461121ff2c12a9cc9f0',
      '276970095a217af06e5e24bbebfe3751be196123b6b009afc478f4dffbae884a',
      '08aa2bdb6131feac84128439b050c7dec0f1ce404ffcd714a208f231577c1a0a',
    ])
  })

  it('of another zone is refused, and so is none', async () => {
    const other = await createGenesis(nodeCrypto, seededRandom('other'), owner, { source: 'sealed' })
    expect(await refusal(() => readLog(nodeCrypto, [other.entry], zone))).toBe('wrong-zone')
    expect(await refusal(() => readLog(nodeCrypto, [], zone))).toBe('wrong-zone')
    expect(
      await refusal(() => readLog(nodeCrypto, [other.entry, ...entries.slice(1)], other.state.zone)),
    ).toBe('broken-chain')
  })

  it('reordered, with an entry dropped, doubled or cut off at its start is refused (attack 2)', async () => {
    const [a, b, c, d] = entries as [Uint8Array, Uint8Array, Uint8Array, Uint8Array]
    for (const wrong of [
      [a, c, b, d],
      [a, b, d],
      [a, b, b, c],
      [b, c, d],
      [a, b, c, d, a],
    ]) {
      expect(await refusal(() => readLog(nodeCrypto, wrong, zone))).toBe('broken-chain')
    }
  })

  it('names its own index and the entry before, both', async () => {
    const entry = { author: owner.account, change: removalOf(writer) }
    const links = [
      { index: 5, previous: logHead(shared) },
      { index: 3, previous: logHead(shared) },
      { index: 4, previous: shared.heads[2]! },
      { index: 4, previous: null },
    ]
    for (const link of links) {
      const forged = signBody(nodeCrypto, owner.identity.signingSeed, encodeEntry({ ...entry, ...link }))
      expect(await refusal(() => verifyEntry(nodeCrypto, shared, forged))).toBe('broken-chain')
    }
  })

  it('cut off at its end is a shorter log: whoever knew a later head sees it is missing', () => {
    const shorter = readLog(nodeCrypto, entries.slice(0, 3), zone)
    expect(shorter.heads).not.toContain(logHead(shared))
    expect(shared.heads).toContain(logHead(shorter))
  })

  it('with any bit flipped, or any bytes at all, is refused by LogRefused only', () => {
    const bytes = entries[3]!
    const before = readLog(nodeCrypto, entries.slice(0, 3), zone)
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        expect(thrown(() => verifyEntry(nodeCrypto, before, flipBit(bytes, bit)))).toBe('LogRefused')
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (any) => {
        expect(thrown(() => verifyEntry(nodeCrypto, before, any))).toBe('LogRefused')
        expect(thrown(() => verifyEntry(nodeCrypto, null, any))).toBe('LogRefused')
      }),
    )
    expect(() => verifyEntry(nodeCrypto, before, new Uint8Array(LOG_ENTRY_MAX_BYTES + 1))).toThrow(LogRefused)
  })

  it('keeps its state when an entry is refused', () => {
    const copy = structuredClone(shared)
    expect(() =>
      verifyEntry(nodeCrypto, shared, forge(nodeCrypto, shared, reader, removalOf(writer))),
    ).toThrow(LogRefused)
    expect(shared).toEqual(copy)
  })
})

describe('who may sign what (KEY-17)', () => {
  it('nobody but a manager adds, removes, changes roles or makes epochs', async () => {
    const member = await newMember(random, shared, first.zoneKey, { ...stranger, role: 'reader' }, 1)
    const { change } = await newEpoch(nodeCrypto, random, shared, first.zoneKey, { source: 'sealed' })
    const role: Change = {
      kind: 'member',
      account: reader.account,
      identity: publicOf(reader),
      role: 'manager',
      atSequence: 0,
      key: null,
    }
    for (const one of [member, change, role, removalOf(manager)]) {
      for (const who of [writer, reader, stranger]) {
        expect(await refused(shared, who, one)).toBe('not-allowed')
      }
      expect(await refused(shared, manager, one)).toBe('nothing')
    }
  })

  it('an entry under another member’s name needs that member’s signature', async () => {
    const body = encodeEntry({
      index: 4,
      previous: logHead(shared),
      author: owner.account,
      change: removalOf(writer),
    })
    const forged = signBody(nodeCrypto, writer.identity.signingSeed, body)
    expect(await refusal(() => verifyEntry(nodeCrypto, shared, forged))).toBe('bad-signature')
  })

  it('a removed manager signs nothing more, and comes back only by another', async () => {
    const state = append(shared, owner, removalOf(manager))
    expect(await refused(state, manager, removalOf(writer))).toBe('not-allowed')
    const back = await newMember(random, state, first.zoneKey, { ...manager, role: 'reader' }, 101)
    expect(await refused(state, manager, back)).toBe('not-allowed')
    expect(memberNow(append(state, owner, back), manager.account)?.role).toBe('reader')
  })

  it('a manager made a writer manages no more', async () => {
    const role: Change = {
      kind: 'member',
      account: manager.account,
      identity: publicOf(manager),
      role: 'writer',
      atSequence: 5,
      key: null,
    }
    const state = append(shared, owner, role)
    expect(await refused(state, manager, removalOf(reader))).toBe('not-allowed')
  })

  it('the owner can neither be removed nor changed, nor lose a device to others', async () => {
    const device = parseId('device', '77'.repeat(16))
    const role: Change = {
      kind: 'member',
      account: owner.account,
      identity: publicOf(owner),
      role: 'reader',
      atSequence: 0,
      key: null,
    }
    expect(await refused(shared, manager, removalOf(owner))).toBe('bad-target')
    expect(await refused(shared, owner, removalOf(owner))).toBe('bad-target')
    expect(await refused(shared, manager, role)).toBe('bad-target')
    const lost: Change = { kind: 'remove-device', account: owner.account, device, atSequence: 0 }
    expect(await refused(shared, manager, lost)).toBe('not-allowed')
    expect(append(shared, owner, lost).removedDevices.size).toBe(1)
    expect(await refused(append(shared, owner, lost), owner, lost)).toBe('bad-target')
  })

  it('a member may leave and remove its own devices, not those of others', async () => {
    const device = parseId('device', '77'.repeat(16))
    expect(memberNow(append(shared, reader, removalOf(reader)), reader.account)).toBeUndefined()
    const own: Change = { kind: 'remove-device', account: reader.account, device, atSequence: 0 }
    expect(epochNeed(append(shared, reader, own))).toBe('wanted')
    expect(epochNeed(append(shared, owner, own))).toBe('due')
    expect(await refused(shared, reader, { ...own, account: writer.account })).toBe('not-allowed')
    expect(await refused(shared, owner, { ...own, account: stranger.account })).toBe('bad-target')
  })

  it('a member’s identity cannot be exchanged under its account (attack 2)', async () => {
    const swapped: Change = {
      kind: 'member',
      account: writer.account,
      identity: publicOf(stranger),
      role: 'writer',
      atSequence: 0,
      key: null,
    }
    expect(await refused(shared, owner, swapped)).toBe('bad-target')
  })

  it('a removed account is not removed again, and a zone begins once', async () => {
    expect(await refused(shared, owner, removalOf(stranger))).toBe('bad-target')
    const genesis: LogChange = {
      kind: 'genesis',
      origin: new Uint8Array(32).fill(1),
      source: 'derived',
      identity: publicOf(owner),
      commitment: new Uint8Array(32),
      keys: [],
    }
    expect(await refused(shared, owner, genesis)).toBe('broken-chain')
  })

  it('a first entry is a genesis, signed by the key it names', async () => {
    const body = (change: LogChange) =>
      encodeEntry({ index: 0, previous: null, author: owner.account, change })
    const start = (change: LogChange, by: Author) =>
      refusal(() =>
        verifyEntry(nodeCrypto, null, signBody(nodeCrypto, by.identity.signingSeed, body(change))),
      )
    const genesis = {
      kind: 'genesis',
      origin: new Uint8Array(32).fill(1),
      source: 'derived',
      identity: publicOf(owner),
      commitment: new Uint8Array(32),
      keys: [],
    } as const
    expect(await start(genesis, owner)).toBe('nothing')
    expect(await start(genesis, stranger)).toBe('bad-signature')
    expect(await start(removalOf(writer), owner)).toBe('broken-chain')
    expect(await start({ ...genesis, source: 'sealed' }, owner)).toBe('wrong-wraps')
    const zeroSigning = { ...publicOf(owner), signingKey: new Uint8Array(32) }
    expect(await start({ ...genesis, identity: zeroSigning }, owner)).toBe('malformed')
    const zeroSealing = { ...publicOf(owner), sealingKey: new Uint8Array(1_216) }
    expect(await start({ ...genesis, identity: zeroSealing }, owner)).toBe('malformed')
  })
})
