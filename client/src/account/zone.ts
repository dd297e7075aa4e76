/** Zones of an account: opening one for use, making the drive, and beginning new key epochs after removals. */
import type { DeviceId, ZoneId } from '@pileus/core/ids/ids'
import type { CertifiedDevice } from '@pileus/core/keys/device'
import type { Identity } from '@pileus/core/keys/identity'
import {
  appendEntry,
  createGenesis,
  type KeyHolder,
  newEpoch,
  openEpochKeys,
} from '@pileus/core/keys/zone-access'
import { keyRing, type ZoneKeys } from '@pileus/core/keys/zone-keys'
import {
  currentEpoch,
  deviceKey,
  epochNeed,
  logHead,
  memberNow,
  type ZoneState,
} from '@pileus/core/keys/zone-log'
import { Problem } from '@pileus/core/protocol/problem'
import { AccountRefused, type SignedIn } from './account.ts'
import { type AccountZone, changeAccountZone, readAccountZone, settingsWrite } from './account-zone.ts'
import { noteDevice } from './sign-in.ts'
import { certifiedWriters, fetchLog } from './verified.ts'

/** A zone whose log was verified and whose keys this device has, as of one moment. */
export interface OpenZone {
  readonly zone: ZoneId
  readonly state: ZoneState
  /** The key epoch new records are sealed under. */
  readonly epoch: number
  /** Undefined where this account was given no key. */
  readonly keysOf: (epoch: number) => ZoneKeys | undefined
  /** Devices that could ever write to it, for `verifyChanges`. */
  readonly writers: ReadonlyMap<DeviceId, CertifiedDevice>
}

/** Races with other writers of a log before giving up. */
const TRIES = 8

/**
 * The drive of this account: made when there is none yet. Two devices that make one at once end with the same:
 * the one whose settings came second adopts the first's.
 */
export async function ensureDrive(signed: SignedIn): Promise<ZoneId> {
  const { context, calls, device } = signed
  const { crypto, random } = context
  const zone = await readAccountZone(context, calls, device)
  if (!zone.devices.has(device.device.id)) await noteDevice(signed)
  const known = driveOf(zone)
  if (known) return known
  const owner = { account: device.account, identity: zone.identity }
  const { entry, state } = await createGenesis(crypto, random, owner, { source: 'sealed' })
  await calls.call('createZone', { body: { genesis: entry } })
  const settled = await changeAccountZone(context, calls, device, (current) => {
    if (driveOf(current)) return null
    const zones = [...current.settings.zones, { zone: state.zone, purpose: 'drive' }]
    return settingsWrite(current, { ...current.settings, zones })
  })
  const drive = driveOf(settled)
  if (!drive) throw new AccountRefused('its settings do not keep what was written to them')
  return drive
}

/**
 * Verifies a zone's log and opens its keys. Finishes what a removal left open: devices that were removed from
 * the account are removed from this log, and a due key epoch begins. A log that does not continue the `known`
 * one is refused. Rejects with LogRefused, KeyRefused, AccountRefused, Problem or Unreachable.
 */
export async function openZone(signed: SignedIn, zone: ZoneId, known?: ZoneState): Promise<OpenZone> {
  const { crypto } = signed.context
  const account = await readAccountZone(signed.context, signed.calls, signed.device)
  const state = await finishRemovals(signed, account, zone)
  if (known && state.heads[known.heads.length - 1] !== logHead(known)) {
    throw new AccountRefused(`the log of zone ${zone} was cut or rewritten`)
  }
  const zoneKeys = await openEpochKeys(crypto, state, holderOf(signed, state, account.identity))
  const keysOf = keyRing(crypto, zone, zoneKeys)
  const { epoch } = currentEpoch(state)
  if (!keysOf(epoch)) throw noCurrentKey(zone)
  const { writers } = await signed.calls.call('writers', { params: { zone } })
  return { zone, state, epoch, keysOf, writers: certifiedWriters(crypto, state, writers) }
}

/** What a broken-off `removeDevice` left to do, as far as it concerns the account zone and this one. */
async function finishRemovals(signed: SignedIn, account: AccountZone, zone: ZoneId): Promise<ZoneState> {
  // The account's log is in hand: asking again is only for when there is something to write.
  if (removedButNotInLog(signed, account, account.state) || epochNeed(account.state) !== 'none') {
    await settleZone(signed, account, signed.device.accountZone)
  }
  const state = await settleZone(signed, account, zone)
  const self = signed.device.device.id
  if (!account.devices.get(self)?.removed) return state
  await cutAccess(signed, self)
  throw new Problem('device-removed', 'this device was removed from its account: log in to add it again')
}

/** Ends a device's sessions and its right to new ones. May be repeated. */
export async function cutAccess({ calls }: SignedIn, device: DeviceId): Promise<void> {
  try {
    await calls.call('removeDevice', { params: { device } })
  } catch (error) {
    if (!(error instanceof Problem && error.code === 'device-removed')) throw error
  }
}

function noCurrentKey(zone: ZoneId): AccountRefused {
  return new AccountRefused(`no key of the current epoch of zone ${zone} is sealed to this account`)
}

/** Brings a zone's log up to what the account's notes say of its devices, and resolves with it. May be repeated. */
export async function settleZone(signed: SignedIn, account: AccountZone, zone: ZoneId): Promise<ZoneState> {
  const { context, calls } = signed
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const state = await fetchLog(calls, context.crypto, zone)
    const removed = removedButNotInLog(signed, account, state)
    const manager = memberNow(state, signed.device.account)?.role === 'manager'
    const wantsEpoch = manager && epochNeed(state) !== 'none'
    if (removed === undefined && !wantsEpoch) return state
    try {
      await (removed ? appendRemoval(signed, account, state, removed) : appendEpoch(signed, account, state))
    } catch (error) {
      if (!(error instanceof Problem && error.code === 'log-moved')) throw error
    }
  }
  throw new AccountRefused(`the log of zone ${zone} changes faster than it can be written`)
}

function driveOf(zone: AccountZone): ZoneId | undefined {
  return zone.settings.zones.find((one) => one.purpose === 'drive')?.zone
}

function removedButNotInLog(
  { device: { account } }: SignedIn,
  { devices }: AccountZone,
  state: ZoneState,
): DeviceId | undefined {
  for (const [device, note] of devices) {
    if (note.removed && !state.removedDevices.has(deviceKey(account, device))) return device
  }
  return undefined
}

async function appendRemoval(
  signed: SignedIn,
  { identity }: AccountZone,
  state: ZoneState,
  device: DeviceId,
): Promise<void> {
  const { context, calls } = signed
  const { account } = signed.device
  // First, so that nothing of it can come between the sequence number asked for and the entry that names it.
  if (device !== signed.device.device.id) await cutAccess(signed, device)
  const { sequence } = await calls.call('zone', { params: { zone: state.zone } })
  const change = { kind: 'remove-device', account, device, atSequence: sequence } as const
  const { entry } = appendEntry(context.crypto, state, { account, identity }, change)
  await calls.call('appendLog', { params: { zone: state.zone }, body: { entry } })
}

async function appendEpoch(signed: SignedIn, { identity }: AccountZone, state: ZoneState): Promise<void> {
  const { context, calls, device } = signed
  const { crypto, random } = context
  const keys = await openEpochKeys(crypto, state, holderOf(signed, state, identity))
  const current = keys.get(currentEpoch(state).epoch)
  if (!current) throw noCurrentKey(state.zone)
  const source =
    state.source === 'derived'
      ? ({ source: 'derived', accountKey: device.accountKey } as const)
      : ({ source: 'sealed' } as const)
  const { change } = await newEpoch(crypto, random, state, current, source)
  const { entry } = appendEntry(crypto, state, { account: device.account, identity }, change)
  await calls.call('appendLog', { params: { zone: state.zone }, body: { entry } })
}

function holderOf({ device }: SignedIn, state: ZoneState, identity: Identity): KeyHolder {
  return state.source === 'derived'
    ? { source: 'derived', accountKey: device.accountKey }
    : { source: 'sealed', account: device.account, sealingSeed: identity.sealingSeed }
}
