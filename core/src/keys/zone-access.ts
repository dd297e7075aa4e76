/** Making zone log entries, and getting the zone's keys out of a verified log. */
import { encodeCbor } from '../bytes/cbor.ts'
import { AuthenticationFailed, type Crypto } from '../crypto/crypto.ts'
import { hpkeOpen, hpkeSeal } from '../crypto/hpke.ts'
import type { Random } from '../crypto/random.ts'
import { type AccountId, idBytes } from '../ids/ids.ts'
import { accountZoneKey } from './account.ts'
import type { Identity, PublicIdentity } from './identity.ts'
import { encodeEntry, type LogChange, ORIGIN_BYTES, type Role, type SealedKeys } from './log-entry.ts'
import { KeyRefused } from './refused.ts'
import { randomKey, SecretKey, sameBytes } from './secrets.ts'
import { signBody } from './signed.ts'
import { deriveBytes, FORMAT, SUITE } from './suite.ts'
import { unwrapKey, wrapKey } from './wraps.ts'
import { currentEpoch, type Epoch, logHead, membersNow, verifyEntry, type ZoneState } from './zone-log.ts'

/** Who signs an entry. */
export interface Author {
  readonly account: AccountId
  readonly identity: Identity
}

/** Where a new zone's keys come from: the account key for the account zone, otherwise fresh randomness. */
export type ZoneKeySource =
  | { readonly source: 'derived'; readonly accountKey: SecretKey }
  | { readonly source: 'sealed' }

/** What a device can open zone keys with. */
export type KeyHolder =
  | { readonly source: 'derived'; readonly accountKey: SecretKey }
  | { readonly source: 'sealed'; readonly account: AccountId; readonly sealingSeed: SecretKey }

/** An entry just made, and the state after it. */
export interface Appended {
  readonly entry: Uint8Array
  readonly state: ZoneState
}

/** The first entry of a new zone of this owner. The zone's id is in the state. */
export async function createGenesis(
  crypto: Crypto,
  random: Random,
  owner: Author,
  from: ZoneKeySource,
): Promise<Appended & { readonly zoneKey: SecretKey }> {
  const origin = random(ORIGIN_BYTES)
  const zoneKey =
    from.source === 'derived'
      ? accountZoneKey(crypto, from.accountKey, owner.account, origin, 1)
      : randomKey(random)
  const commitment = keyCommitment(crypto, zoneKey, origin, 1)
  const { signingKey, sealingKey } = owner.identity
  const keys: SealedKeys =
    from.source === 'derived'
      ? []
      : [
          [
            owner.account,
            await sealZoneKey(random, { origin, epoch: 1, commitment }, owner.account, sealingKey, zoneKey),
          ],
        ]
  const change: LogChange = {
    kind: 'genesis',
    origin,
    source: from.source,
    identity: { signingKey, sealingKey },
    commitment,
    keys,
  }
  return { ...sign(crypto, null, owner, change), zoneKey }
}

/** Signs a change and applies it: what the log's rules refuse is never sent. Throws LogRefused. */
export function appendEntry(
  crypto: Crypto,
  state: ZoneState,
  author: Author,
  change: Exclude<LogChange, { kind: 'genesis' }>,
): Appended {
  return sign(crypto, state, author, change)
}

/** A new member, with the current zone key sealed to it. `atSequence` is the zone's last sequence number. */
export async function newMember(
  random: Random,
  state: ZoneState,
  zoneKey: SecretKey,
  member: { readonly account: AccountId; readonly identity: PublicIdentity; readonly role: Role },
  atSequence: number,
): Promise<Extract<LogChange, { kind: 'member' }>> {
  const { account, role, identity } = member
  const epoch = { ...currentEpoch(state), origin: state.origin }
  const key = await sealZoneKey(random, epoch, account, identity.sealingKey, zoneKey)
  const { signingKey, sealingKey } = identity
  return { kind: 'member', account, identity: { signingKey, sealingKey }, role, atSequence, key }
}

/** The next epoch: a fresh zone key sealed to every member, or derived from the (new) account key. */
export async function newEpoch(
  crypto: Crypto,
  random: Random,
  state: ZoneState,
  current: SecretKey,
  from: ZoneKeySource,
): Promise<{ readonly change: Extract<LogChange, { kind: 'epoch' }>; readonly zoneKey: SecretKey }> {
  if (from.source !== state.source) {
    throw new RangeError(`the keys of zone ${state.zone} are ${state.source}, not ${from.source}`)
  }
  const { origin } = state
  const epoch = currentEpoch(state).epoch + 1
  const zoneKey =
    from.source === 'derived'
      ? accountZoneKey(crypto, from.accountKey, state.owner, origin, epoch)
      : randomKey(random)
  const commitment = keyCommitment(crypto, zoneKey, origin, epoch)
  const keys: [AccountId, Uint8Array][] = []
  for (const { account, identity } of from.source === 'derived' ? [] : membersNow(state)) {
    const sealed = await sealZoneKey(
      random,
      { origin, epoch, commitment },
      account,
      identity.sealingKey,
      zoneKey,
    )
    keys.push([account, sealed])
  }
  const previous = wrapKey(crypto, random, zoneKey, previousFacts(state, epoch - 1), current)
  return { change: { kind: 'epoch', epoch, commitment, keys, previous }, zoneKey }
}

/**
 * The zone keys this holder can reach, by epoch: its newest one, and through it all before. Each is checked
 * against the log's commitment. Rejects with KeyRefused when none can be opened or one is not what it should be.
 */
export async function openEpochKeys(
  crypto: Crypto,
  state: ZoneState,
  holder: KeyHolder,
): Promise<ReadonlyMap<number, SecretKey>> {
  if (holder.source !== state.source) {
    throw new KeyRefused('no-key', `the keys of zone ${state.zone} are ${state.source}, not ${holder.source}`)
  }
  const opened = new Map<number, SecretKey>()
  const [newest, key] = await openNewest(crypto, state, holder)
  opened.set(newest.epoch, checked(crypto, state, newest, key))
  for (let epoch = newest.epoch; epoch > 1; epoch--) {
    const { previous } = state.epochs[epoch - 1]!
    const before = unwrapKey(crypto, opened.get(epoch)!, previousFacts(state, epoch - 1), previous!)
    opened.set(epoch - 1, checked(crypto, state, state.epochs[epoch - 2]!, before))
  }
  return opened
}

/** The newest epoch this holder was given a key of: for a former member not the current one. */
async function openNewest(
  crypto: Crypto,
  state: ZoneState,
  holder: KeyHolder,
): Promise<readonly [Epoch, SecretKey]> {
  if (holder.source === 'derived') {
    const epoch = currentEpoch(state)
    return [epoch, accountZoneKey(crypto, holder.accountKey, state.owner, state.origin, epoch.epoch)]
  }
  const epoch = state.epochs.findLast((one) => one.keys.has(holder.account))
  const sealed = epoch?.keys.get(holder.account)
  if (!epoch || !sealed) {
    throw new KeyRefused('no-key', `account ${holder.account} has no key in the log of zone ${state.zone}`)
  }
  const info = sealInfo(state.origin, epoch.epoch, holder.account)
  try {
    const bytes = await hpkeOpen(crypto, holder.sealingSeed.bytes(), info, epoch.commitment, sealed)
    return [epoch, new SecretKey(bytes)]
  } catch (error) {
    if (!(error instanceof AuthenticationFailed)) throw error
    throw new KeyRefused(
      'not-authentic',
      `the key of epoch ${epoch.epoch} of zone ${state.zone} is not sealed to account ${holder.account}`,
    )
  }
}

/** 32 bytes that fix a zone key without telling it (KEY-14). */
function keyCommitment(crypto: Crypto, zoneKey: SecretKey, origin: Uint8Array, epoch: number): Uint8Array {
  return deriveBytes(crypto, zoneKey.bytes(), 'zone key commitment', [origin, epoch])
}

function checked(crypto: Crypto, state: ZoneState, epoch: Epoch, key: SecretKey): SecretKey {
  if (!sameBytes(keyCommitment(crypto, key, state.origin, epoch.epoch), epoch.commitment)) {
    throw new KeyRefused(
      'wrong-commitment',
      `the key of epoch ${epoch.epoch} of zone ${state.zone} is not the one its log commits to`,
    )
  }
  return key
}

/** HPKE to a member's X-Wing key, bound to origin, epoch, account and commitment (KEY-15). */
function sealZoneKey(
  random: Random,
  epoch: { readonly origin: Uint8Array; readonly epoch: number; readonly commitment: Uint8Array },
  account: AccountId,
  sealingKey: Uint8Array,
  zoneKey: SecretKey,
): Promise<Uint8Array> {
  const info = sealInfo(epoch.origin, epoch.epoch, account)
  return hpkeSeal(sealingKey, info, epoch.commitment, zoneKey.bytes(), random)
}

function sealInfo(origin: Uint8Array, epoch: number, account: AccountId): Uint8Array {
  return encodeCbor([SUITE, FORMAT.zoneKeyWrap, origin, epoch, idBytes(account)])
}

function previousFacts(state: ZoneState, epoch: number) {
  return { purpose: 'previous zone key', owner: state.owner, zone: state.zone, epoch } as const
}

function sign(crypto: Crypto, state: ZoneState | null, author: Author, change: LogChange): Appended {
  const body = encodeEntry({
    index: state ? state.heads.length : 0,
    previous: state ? logHead(state) : null,
    author: author.account,
    change,
  })
  const entry = signBody(crypto, author.identity.signingSeed, body)
  return { entry, state: verifyEntry(crypto, state, entry) }
}
