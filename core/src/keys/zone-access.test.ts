import { beforeAll, describe, expect, it } from 'vitest'
import { toHex } from '../bytes/hex.ts'
import { nodeCrypto } from '../crypto/node.ts'
import { refusal, seededRandom } from './fixtures.ts'
import { LOG_ENTRY_MAX_BYTES, type LogChange, MEMBERS_MAX } from './log-entry.ts'
import { randomKey, SecretKey } from './secrets.ts'
import { WRAP_BYTES } from './wraps.ts'
import { type Author, appendEntry, createGenesis, newEpoch, newMember, openEpochKeys } from './zone-access.ts'
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
import { currentEpoch, epochNeed, membersNow, verifyEntry, type ZoneState } from './zone-log.ts'

const random = seededRandom('zone access tests')

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
    const forged = forge(nodeCrypto, shared, owner, change)
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
    const known: Change = {
      kind: 'member',
      account: writer.account,
      identity: publicOf(writer),
      role: 'reader',
      atSequence: 0,
      key: null,
    }
    expect(await refused(state, owner, known)).toBe('nothing')
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
    const removed = append(shared, manager, removalOf(writer))
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
    const removed = append(shared, owner, removalOf(reader))
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
    const byAccount = { source: 'derived', accountKey: first.zoneKey } as const
    expect(await refusal(() => openEpochKeys(nodeCrypto, state, byAccount))).toBe('no-key')
  })

  it('refuses keys sealed to another account, or under another epoch or zone (KEY-15, attack 1)', async () => {
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
