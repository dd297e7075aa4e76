/**
 * The account zone: identity, settings and a note per device, each one record. It is small, so every use reads
 * all of it; a write that lost a race reads again and decides anew.
 */
import { type DeviceId, type RecordId, ROOT, randomId, type ZoneId } from '@pileus/core/ids/ids'
import { decodeIdentity, type Identity } from '@pileus/core/keys/identity'
import { type SecretKey, sameBytes } from '@pileus/core/keys/secrets'
import { openEpochKeys } from '@pileus/core/keys/zone-access'
import { keyRing, type ZoneKeys } from '@pileus/core/keys/zone-keys'
import { currentEpoch, logHead, memberNow, type ZoneState } from '@pileus/core/keys/zone-log'
import type { BatchProof, Change } from '@pileus/core/protocol/changes'
import { Problem } from '@pileus/core/protocol/problem'
import type { PushRequest } from '@pileus/core/protocol/push'
import type { ZoneHead } from '@pileus/core/protocol/zone'
import { signBatch } from '@pileus/core/records/batch'
import { decodeFacts } from '@pileus/core/records/facts'
import type { Figure } from '@pileus/core/records/figure'
import type { Kind, RecordBody } from '@pileus/core/records/record'
import { NO_REFS } from '@pileus/core/records/refs'
import { leafOf, openRecord, sealRecord } from '@pileus/core/records/seal'
import { NO_VERSION, nextVector, type VersionVector, vectorKey } from '@pileus/core/versions/vector'
import type { Calls } from '../remote/calls.ts'
import { type AccountContext, AccountRefused, type DeviceAccount } from './account.ts'
import {
  type DeviceNote,
  decodeDeviceNote,
  decodeSettings,
  deviceRecord,
  encodeDeviceNote,
  encodeSettings,
  IDENTITY_RECORD,
  SETTINGS_RECORD,
  type Settings,
} from './contents.ts'
import { certifiedWriters, fetchLog, verifyChanges, verifyWhole } from './verified.ts'

/** What is needed to read it: a device has all of it, and so has whoever proved the password or the phrase. */
export type AccountKeys = Pick<DeviceAccount, 'account' | 'accountZone' | 'accountKey'>

export interface AccountZone {
  readonly state: ZoneState
  readonly head: ZoneHead
  readonly keysOf: (epoch: number) => ZoneKeys | undefined
  /** By epoch. */
  readonly zoneKeys: ReadonlyMap<number, SecretKey>
  readonly identity: Identity
  readonly settings: Settings
  readonly devices: ReadonlyMap<DeviceId, DeviceNote>
  readonly versions: ReadonlyMap<RecordId, VersionVector>
}

/** A record to be written, and the version it follows. */
export interface AccountWrite {
  readonly id: RecordId
  readonly kind: Kind
  readonly content: Uint8Array
  readonly base: VersionVector
}

/** Races and moving logs a write goes through before it gives up. */
const TRIES = 8

/** Reads and verifies all of it. Rejects with what the verification throws. */
export async function readAccountZone(
  context: AccountContext,
  calls: Calls,
  keys: AccountKeys,
  token?: string,
): Promise<AccountZone> {
  const { crypto } = context
  const { accountZone: zone, account, accountKey } = keys
  const auth = token === undefined ? {} : { token }
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const state = await fetchLog(calls, crypto, zone, token)
    if (state.owner !== account) throw new AccountRefused(`zone ${zone} belongs to account ${state.owner}`)
    // Only whoever has the account key could commit to keys derived from it: no server makes such a log.
    const zoneKeys = await openEpochKeys(crypto, state, { source: 'derived', accountKey })
    const keysOf = keyRing(crypto, zone, zoneKeys)
    const { current, page, head } = await readChanges(calls, zone, auth)
    const { writers } = await calls.call('writers', { params: { zone }, ...auth })
    if (head.logHead !== logHead(state)) continue
    verifyChanges(crypto, state, certifiedWriters(crypto, state, writers), page)
    await verifyWhole(crypto, page, head, (after) => {
      const [incarnation, to] = [String(head.incarnation), String(head.sequence)]
      return calls.call('steps', {
        params: { zone },
        query: { incarnation, after: String(after), to },
        ...auth,
      })
    })
    return { state, head, keysOf, zoneKeys, ...(await openAll(context, state, keysOf, current)) }
  }
  throw new AccountRefused('the log of its zone says one thing, the head of the zone another')
}

async function readChanges(calls: Calls, zone: ZoneId, auth: { readonly token?: string }) {
  const current = new Map<RecordId, Change>()
  const batches: BatchProof[] = []
  let query: Record<string, string> = {}
  while (true) {
    const answer = await calls.call('changes', { params: { zone }, query, ...auth })
    for (const change of answer.changes) current.set(decodeFacts(change.record.facts).id, change)
    batches.push(...answer.batches)
    const { incarnation, sequence, chain } = answer.cursor
    if (!answer.more && sequence === answer.head.sequence) {
      return { current, page: { changes: [...current.values()], batches }, head: answer.head }
    }
    if (sequence <= Number(query.after ?? 0))
      throw new AccountRefused('a page of its changes contradicts itself')
    query = { incarnation: String(incarnation), after: String(sequence), chain }
  }
}

async function openAll(
  context: AccountContext,
  state: ZoneState,
  keysOf: AccountZone['keysOf'],
  records: ReadonlyMap<RecordId, Change>,
) {
  const { crypto } = context
  const versions = new Map<RecordId, VersionVector>()
  const devices = new Map<DeviceId, DeviceNote>()
  let identity: Identity | null = null
  let settings: Settings = { zones: [] }
  for (const { record } of records.values()) {
    const { id, vector, body } = openRecord(crypto, keysOf, state.zone, record)
    versions.set(id, vector)
    if (body.content?.type !== 'inline') continue
    const { bytes } = body.content
    if (body.kind === 'identity' && id === IDENTITY_RECORD) identity = await decodeIdentity(crypto, bytes)
    if (body.kind === 'settings' && id === SETTINGS_RECORD) settings = decodeSettings(bytes)
    if (body.kind === 'device') devices.set(id as string as DeviceId, decodeDeviceNote(bytes))
  }
  const named = memberNow(state, state.owner)?.identity.signingKey
  if (!identity || !named || !sameBytes(identity.signingKey, named)) {
    throw new AccountRefused('its identity is missing, or not the one that signed its log')
  }
  return { identity, settings, devices, versions }
}

/**
 * Writes what `decide` makes of the account zone as it is: null for nothing (any more). What lost a race is
 * decided anew on what won. Resolves with the zone that was decided on last.
 */
export async function changeAccountZone(
  context: AccountContext,
  calls: Calls,
  device: DeviceAccount,
  decide: (zone: AccountZone) => AccountWrite | null,
): Promise<AccountZone> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const zone = await readAccountZone(context, calls, device)
    const write = decide(zone)
    if (write === null) return zone
    const request = accountBatch(context, device, zone.state, zone.keysOf, zone.head, [write])
    try {
      await calls.call('push', { body: request })
    } catch (error) {
      if (!(error instanceof Problem && ['log-moved', 'cursor-unknown'].includes(error.code))) throw error
    }
    // The next round finds it written, or what won instead.
  }
  throw new AccountRefused('its records change faster than they can be written')
}

/** Notes a device by name. */
export function deviceNoteWrite(zone: AccountZone, device: DeviceId, note: DeviceNote): AccountWrite {
  const id = deviceRecord(device)
  return { id, kind: 'device', content: encodeDeviceNote(note), base: zone.versions.get(id) ?? NO_VERSION }
}

export function settingsWrite(zone: AccountZone, settings: Settings): AccountWrite {
  const base = zone.versions.get(SETTINGS_RECORD) ?? NO_VERSION
  return { id: SETTINGS_RECORD, kind: 'settings', content: encodeSettings(settings), base }
}

/** A signed batch of these records. */
export function accountBatch(
  context: AccountContext,
  device: Pick<DeviceAccount, 'accountZone' | 'device' | 'deviceName'>,
  state: ZoneState,
  keysOf: AccountZone['keysOf'],
  seen: Figure & Pick<ZoneHead, 'generation'>,
  writes: readonly AccountWrite[],
): PushRequest {
  const { crypto, random } = context
  const zone = device.accountZone
  const { epoch } = currentEpoch(state)
  const { generation, incarnation, sequence, chain, setHash } = seen
  // A writer of its own for each batch: nothing is kept here that could make a counter come twice.
  const writer = randomId('writer', random)
  const day = new Date(context.clock()).toISOString().slice(0, 10)
  const sealed = writes.map(({ id, kind, content, base }) => {
    const body: RecordBody = {
      kind,
      deleted: false,
      place: {
        parent: ROOT,
        name: kind,
        former: null,
        stamp: { counter: 0, writer },
        by: device.deviceName,
        day,
      },
      content: { type: 'inline', bytes: content, base: vectorKey(base) },
      attributes: { mtime: Math.floor(context.clock() * 1_000), executable: false },
      conflictOf: null,
    }
    const version = { zone, id, vector: nextVector(base, writer), body }
    return sealRecord(crypto, random, keysOf(epoch)!, version, NO_REFS)
  })
  const header = {
    zone,
    batch: randomId('batch', random),
    writer,
    logHead: logHead(state),
    epoch,
    generation,
    seen: { incarnation, sequence, chain, setHash },
  }
  const leaves = sealed.map((record) => leafOf(crypto, record))
  return {
    zone,
    batch: signBatch(crypto, device.device.seed, header, leaves),
    records: sealed.map((record) => ({
      record: { ...record, refs: { ...record.refs, ids: [...record.refs.ids] } },
    })),
  }
}
