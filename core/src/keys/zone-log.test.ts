import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { decodeCbor } from '../bytes/cbor.ts'
import { toHex } from '../bytes/hex.ts'
import { nodeCrypto } from '../crypto/node.ts'
import { type AccountId, parseId, type ZoneId } from '../ids/ids.ts'
import { flipBit, refusal, seededRandom, thrown } from './fixtures.ts'
import { createIdentity } from './identity.ts'
import {
  encodeEntry,
  GENESIS_MAX_BYTES,
  LOG_ENTRY_MAX_BYTES,
  type LogChange,
  MEMBERS_MAX,
  type Role,
} from './log-entry.ts'
import { LogRefused } from './refused.ts'
import { randomKey, SecretKey } from './secrets.ts'
import { signBody } from './signed.ts'
import { WRAP_BYTES } from './wraps.ts'
import {
  type Appended,
  type Author,
  appendEntry,
  createGenesis,
  newEpoch,
  newMember,
  openEpochKeys,
} from './zone-access.ts'
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

type Change = Exclude<LogChange, { kind: 'genesis' }>

const random = seededRandom('zone log')
const account = (n: number): AccountId => parseId('account', n.toString(16).padStart(2, '0').repeat(16))
async function person(n: number): Promise<Author> {
  return { account: account(n), identity: await createIdentity(nodeCrypto, seededRandom(`person ${n}`)) }
}

let owner: Author
let manager: Author
let writer: Author
let reader: Author
let stranger: Author
let first: Appended & { zoneKey: SecretKey }
/** The owner's log: genesis, then a manager, a writer and a reader join. */
let entries: Uint8Array[]
let shared: ZoneState
let zone: ZoneId

async function join(
  state: ZoneState,
  by: Author,
  who: Author,
  role: Role,
  zoneKey: SecretKey,
): Promise<Appended> {
  return appendEntry(nodeCrypto, state, by, await newMember(random, state, zoneKey, { ...who, role }, 10))
}
const append = (state: ZoneState, by: Author, change: Change): ZoneState =>
  appendEntry(nodeCrypto, state, by, change).state
/** Signs a change without asking the rules, as a hostile client would. */
function forge(state: ZoneState, by: Author, change: LogChange, index = state.heads.length): Uint8Array {
  const body = encodeEntry({ index, previous: logHead(state), author: by.account, change })
  return signBody(nodeCrypto, by.identity.signingSeed, body)
}
const refused = (state: ZoneState, by: Author, change: LogChange) =>
  refusal(() => verifyEntry(nodeCrypto, state, forge(state, by, change)))
const gone = (who: Author, atSequence = 100): Change => ({
  kind: 'remove-member',
  account: who.account,
  atSequence,
})
const publicOf = ({ identity: { signingKey, sealingKey } }: Author) => ({ signingKey, sealingKey })

beforeAll(async () => {
  ;[owner, manager, writer, reader, stranger] = (await Promise.all([1, 2, 3, 4, 5].map(person))) as [
    Author,
    Author,
    Author,
    Author,
    Author,
  ]
  first = await createGenesis(nodeCrypto, seededRandom('genesis'), owner, { source: 'sealed' })
  const second = await join(first.state, owner, manager, 'manager', first.zoneKey)
  const third = await join(second.state, manager, writer, 'writer', first.zoneKey)
  const fourth = await join(third.state, owner, reader, 'reader', first.zoneKey)
  entries = [first, second, third, fourth].map((one) => one.entry)
  shared = fourth.state
  zone = shared.zone
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
      gone(manager, 7),
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
    expect(() => verifyEntry(nodeCrypto, shared, forge(shared, reader, gone(writer)))).toThrow(LogRefused)
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
    for (const one of [member, change, role, gone(manager)]) {
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
      change: gone(writer),
    })
    const forged = signBody(nodeCrypto, writer.identity.signingSeed, body)
    expect(await refusal(() => verifyEntry(nodeCrypto, shared, forged))).toBe('bad-signature')
  })

  it('a removed manager signs nothing more, and comes back only by another', async () => {
    const state = append(shared, owner, gone(manager))
    expect(await refused(state, manager, gone(writer))).toBe('not-allowed')
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
    expect(await refused(state, manager, gone(reader))).toBe('not-allowed')
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
    expect(await refused(shared, manager, gone(owner))).toBe('bad-target')
    expect(await refused(shared, owner, gone(owner))).toBe('bad-target')
    expect(await refused(shared, manager, role)).toBe('bad-target')
    const lost: Change = { kind: 'remove-device', account: owner.account, device, atSequence: 0 }
    expect(await refused(shared, manager, lost)).toBe('not-allowed')
    expect(append(shared, owner, lost).removedDevices.size).toBe(1)
    expect(await refused(append(shared, owner, lost), owner, lost)).toBe('bad-target')
  })

  it('a member may leave and remove its own devices, not those of others', async () => {
    const device = parseId('device', '77'.repeat(16))
    expect(memberNow(append(shared, reader, gone(reader)), reader.account)).toBeUndefined()
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
    expect(await refused(shared, owner, gone(stranger))).toBe('bad-target')
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
    expect(await start(gone(writer), owner)).toBe('broken-chain')
    expect(await start({ ...genesis, source: 'sealed' }, owner)).toBe('wrong-wraps')
    const zeroSigning = { ...publicOf(owner), signingKey: new Uint8Array(32) }
    expect(await start({ ...genesis, identity: zeroSigning }, owner)).toBe('malformed')
    const zeroSealing = { ...publicOf(owner), sealingKey: new Uint8Array(1_216) }
    expect(await start({ ...genesis, identity: zeroSealing }, owner)).toBe('malformed')
  })
})

describe('key epochs', () => {
  it('follow each other: skipped, repeated or first ones are refused (KEY-16)', async () => {
    const { change } = await newEpoch(nodeCrypto, random, shared, first.zoneKey, { source: 'sealed' })
    expect(await refused(shared, owner, { ...change, epoch: 3 })).toBe('wrong-epoch')
    expect(await refused(shared, owner, { ...change, epoch: 1 })).toBe('malformed')
    const state = append(shared, owner, change)
    expect(currentEpoch(state).epoch).toBe(2)
    expect(await refused(state, owner, change)).toBe('wrong-epoch')
  })

  it('are sealed to exactly the members (KEY-16)', async () => {
    const { change } = await newEpoch(nodeCrypto, random, shared, first.zoneKey, { source: 'sealed' })
    const toStranger = [stranger.account, change.keys[0]![1]] as const
    for (const keys of [
      change.keys.slice(1),
      [],
      [...change.keys, toStranger],
      [...change.keys.slice(1), toStranger],
    ]) {
      expect(await refused(shared, owner, { ...change, keys })).toBe('wrong-wraps')
    }
    expect(await refused(shared, owner, { ...change, keys: change.keys.toReversed() })).toBe('malformed')
    const doubled = [change.keys[0]!, ...change.keys]
    expect(await refused(shared, owner, { ...change, keys: doubled })).toBe('malformed')
  })

  it('a new member comes with a key, a known one without', async () => {
    const key = new Uint8Array(1_168)
    const known: Change = {
      kind: 'member',
      account: writer.account,
      identity: publicOf(writer),
      role: 'reader',
      atSequence: 0,
      key,
    }
    expect(await refused(shared, owner, known)).toBe('wrong-wraps')
    const fresh: Change = { ...known, account: stranger.account, identity: publicOf(stranger), key: null }
    expect(await refused(shared, owner, fresh)).toBe('wrong-wraps')
  })

  it('fit an entry with as many members as a zone may have, and no more join', async () => {
    const keys = Array.from(
      { length: MEMBERS_MAX },
      (_, n) => [account(n + 1), new Uint8Array(1_168)] as const,
    )
    const change = {
      kind: 'epoch',
      epoch: 2,
      commitment: new Uint8Array(32),
      keys,
      previous: new Uint8Array(WRAP_BYTES),
    } as const
    const forged = forge(shared, owner, change)
    expect(forged.length).toBeLessThan(LOG_ENTRY_MAX_BYTES)
    expect(await refusal(() => verifyEntry(nodeCrypto, shared, forged))).toBe('wrong-wraps')
    let state = shared
    for (let n = 10; membersNow(state).length < MEMBERS_MAX; n++) {
      const identity = publicOf(stranger)
      state = append(state, owner, {
        kind: 'member',
        account: account(n),
        identity,
        role: 'reader',
        atSequence: 0,
        key: new Uint8Array(1_168),
      })
    }
    const one: Change = {
      kind: 'member',
      account: account(99),
      identity: publicOf(stranger),
      role: 'reader',
      atSequence: 0,
      key: new Uint8Array(1_168),
    }
    expect(await refused(state, owner, one)).toBe('bad-target')
  })

  it('a removal by a manager makes the next one due until it is made', async () => {
    const removed = append(shared, manager, gone(writer))
    expect(epochNeed(removed)).toBe('due')
    const { change } = await newEpoch(nodeCrypto, random, removed, first.zoneKey, { source: 'sealed' })
    expect(change.keys.map(([account]) => account)).not.toContain(writer.account)
    expect(epochNeed(append(removed, manager, change))).toBe('none')
  })
})

describe('opening zone keys', () => {
  const holder = (who: Author) =>
    ({ source: 'sealed', account: who.account, sealingSeed: who.identity.sealingSeed }) as const

  it('gives every epoch to the members of now, the old ones to a former member', async () => {
    const removed = append(shared, owner, gone(reader))
    const next = await newEpoch(nodeCrypto, random, removed, first.zoneKey, { source: 'sealed' })
    const state = append(removed, owner, next.change)
    for (const who of [owner, manager, writer]) {
      const keys = await openEpochKeys(nodeCrypto, state, holder(who))
      expect([...keys].map(([epoch, key]) => [epoch, toHex(key.bytes())]).sort()).toEqual([
        [1, toHex(first.zoneKey.bytes())],
        [2, toHex(next.zoneKey.bytes())],
      ])
    }
    expect([...(await openEpochKeys(nodeCrypto, state, holder(reader))).keys()]).toEqual([1])
    expect(await refusal(() => openEpochKeys(nodeCrypto, state, holder(stranger)))).toBe('no-key')
  })

  it('refuses keys sealed to another account, or under another epoch or zone (attack 1)', async () => {
    const posing = { ...holder(writer), account: manager.account }
    expect(await refusal(() => openEpochKeys(nodeCrypto, shared, posing))).toBe('not-authentic')
    // A manager writes the writer's entry with the key bytes of the first zone into another zone.
    const other = await createGenesis(nodeCrypto, seededRandom('other zone'), owner, { source: 'sealed' })
    const sealed = shared.epochs[0]!.keys.get(writer.account)!
    const swapped: Change = {
      kind: 'member',
      account: writer.account,
      identity: publicOf(writer),
      role: 'writer',
      atSequence: 0,
      key: sealed,
    }
    const state = append(other.state, owner, swapped)
    expect(await refusal(() => openEpochKeys(nodeCrypto, state, holder(writer)))).toBe('not-authentic')
  })

  it('refuses a key the log does not commit to (KEY-14, attacks 2 and 11)', async () => {
    const planted = randomKey(random)
    const member = await newMember(random, shared, planted, { ...stranger, role: 'writer' }, 1)
    const state = append(shared, manager, member)
    expect(await refusal(() => openEpochKeys(nodeCrypto, state, holder(stranger)))).toBe('wrong-commitment')
    const next = await newEpoch(nodeCrypto, random, shared, planted, { source: 'sealed' })
    const chained = append(shared, manager, next.change)
    expect(await refusal(() => openEpochKeys(nodeCrypto, chained, holder(writer)))).toBe('wrong-commitment')
    const other = await newEpoch(nodeCrypto, random, shared, first.zoneKey, { source: 'sealed' })
    const mixed = append(shared, manager, { ...next.change, commitment: other.change.commitment })
    expect(await refusal(() => openEpochKeys(nodeCrypto, mixed, holder(writer)))).toBe('not-authentic')
    const unchained = append(shared, manager, { ...other.change, previous: next.change.previous })
    expect(await refusal(() => openEpochKeys(nodeCrypto, unchained, holder(writer)))).toBe('not-authentic')
  })
})

describe('the account zone', () => {
  const accountKey = new SecretKey(new Uint8Array(32).fill(9))
  const derived = { source: 'derived', accountKey } as const

  it('derives its key from the account key, and seals it to nobody', async () => {
    const made = await createGenesis(nodeCrypto, seededRandom('account zone'), owner, derived)
    expect(currentEpoch(made.state).keys.size).toBe(0)
    const keys = await openEpochKeys(nodeCrypto, made.state, derived)
    expect(keys.get(1)!.bytes()).toEqual(made.zoneKey.bytes())
    const wrong = { source: 'derived', accountKey: new SecretKey(new Uint8Array(32).fill(8)) } as const
    expect(await refusal(() => openEpochKeys(nodeCrypto, made.state, wrong))).toBe('wrong-commitment')
    const sealed = {
      source: 'sealed',
      account: owner.account,
      sealingSeed: owner.identity.sealingSeed,
    } as const
    expect(await refusal(() => openEpochKeys(nodeCrypto, made.state, sealed))).toBe('no-key')
  })

  it('goes on under a new account key, which opens all before', async () => {
    const made = await createGenesis(nodeCrypto, seededRandom('account zone'), owner, derived)
    const renewed = { source: 'derived', accountKey: new SecretKey(new Uint8Array(32).fill(10)) } as const
    const next = await newEpoch(nodeCrypto, random, made.state, made.zoneKey, renewed)
    const state = append(made.state, owner, next.change)
    const keys = await openEpochKeys(nodeCrypto, state, renewed)
    expect(keys.get(1)!.bytes()).toEqual(made.zoneKey.bytes())
    expect(keys.get(2)!.bytes()).toEqual(next.zoneKey.bytes())
    expect(await refusal(() => openEpochKeys(nodeCrypto, state, derived))).toBe('wrong-commitment')
  })

  it('takes no second member and no sealed key', async () => {
    const made = await createGenesis(nodeCrypto, seededRandom('account zone'), owner, derived)
    const member = await newMember(random, made.state, made.zoneKey, { ...writer, role: 'reader' }, 0)
    expect(await refused(made.state, owner, member)).toBe('bad-target')
    const next = await newEpoch(nodeCrypto, random, made.state, made.zoneKey, derived)
    const keys = [[owner.account, new Uint8Array(1_168)]] as const
    expect(await refused(made.state, owner, { ...next.change, keys })).toBe('wrong-wraps')
    await expect(
      newEpoch(nodeCrypto, random, made.state, made.zoneKey, { source: 'sealed' }),
    ).rejects.toThrow(RangeError)
  })
})
