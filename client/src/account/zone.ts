/** Zones of an account: opening one for use, making the drive, and beginning new key epochs after removals. */
import type { DeviceId, Digest, ZoneId } from '@pileus/core/ids/ids'
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
import type { BatchProof } from '@pileus/core/protocol/changes'
import { Problem } from '@pileus/core/protocol/problem'
import { type BatchHeader, readBatch } from '@pileus/core/records/batch'
import { AccountRefused, type SignedIn } from './account.ts'
import { type AccountZone, changeAccountZone, readAccountZone, settingsWrite } from './account-zone.ts'
import { noteDevice } from './sign-in.ts'
import { certifiedWriters, fetchLog, judgeBatch, verifyProof } from './verified.ts'

/** A zone whose log was verified and whose keys this device has. */
export interface OpenZone {
  readonly zone: ZoneId
  /** What the log says, as it was last read. */
  readonly state: ZoneState
  readonly logHead: Digest
  /** The key epoch new records are sealed under. */
  readonly epoch: number
  /** Undefined where this account was given no key. */
  keysOf(epoch: number): ZoneKeys | undefined
  /**
   * The header of a batch whose device might write it to its place. Without `sequence`, the number the server gave
   * a record of it, a removed device that backdates goes unnoticed. Log and certificates are read again when the
   * batch is newer than they are. Rejects with AccountRefused, BatchRefused, LogRefused.
   */
  verify(proof: BatchProof, sequence?: number): Promise<BatchHeader>
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
 * the account are removed from this log, and a due key epoch begins. Rejects with LogRefused, KeyRefused,
 * AccountRefused, Problem or Unreachable.
 */
export async function openZone(signed: SignedIn, zone: ZoneId): Promise<OpenZone> {
  const { crypto } = signed.context
  const account = await readAccountZone(signed.context, signed.calls, signed.device)
  await settleZone(signed, account, zone)
  let view = await readZone(signed, account.identity, zone)
  return {
    zone,
    get state() {
      return view.state
    },
    get logHead() {
      return logHead(view.state)
    },
    get epoch() {
      return currentEpoch(view.state).epoch
    },
    keysOf: (epoch) => view.keysOf(epoch),
    async verify(proof, sequence) {
      const { device, logHead: named } = readBatch(proof.signed)
      if (!view.writers.has(device) || !view.state.heads.includes(named)) {
        view = await readZone(signed, account.identity, zone, view.state)
      }
      const batch = verifyProof(crypto, zone, view.writers, proof)
      const verdict = judgeBatch(view.state, batch, sequence ?? batch.header.seenSequence + 1)
      if (verdict === 'allowed') return batch.header
      throw new AccountRefused(`batch ${proof.id} was written by a device that might not (${verdict})`)
    },
  }
}

interface ZoneView {
  readonly state: ZoneState
  readonly keysOf: (epoch: number) => ZoneKeys | undefined
  readonly writers: ReadonlyMap<DeviceId, CertifiedDevice>
}

/** A log only grows: one that does not begin with what was known is another log. */
async function readZone(
  signed: SignedIn,
  identity: Identity,
  zone: ZoneId,
  known?: ZoneState,
): Promise<ZoneView> {
  const { context, calls } = signed
  const state = await fetchLog(calls, context.crypto, zone)
  if (known && state.heads[known.heads.length - 1] !== logHead(known)) {
    throw new AccountRefused(`the log of zone ${zone} was cut or rewritten`)
  }
  const zoneKeys = await openEpochKeys(context.crypto, state, holderOf(signed, state, identity))
  const keysOf = keyRing(context.crypto, zone, zoneKeys)
  if (!keysOf(currentEpoch(state).epoch)) {
    throw new AccountRefused(`no key of the current epoch of zone ${zone} is sealed to this account`)
  }
  const { writers } = await calls.call('writers', { params: { zone } })
  return { state, keysOf, writers: certifiedWriters(context.crypto, state, writers) }
}

/** Brings a zone's log up to what the account's notes say of its devices. May be repeated. */
export async function settleZone(signed: SignedIn, account: AccountZone, zone: ZoneId): Promise<void> {
  const { context, calls } = signed
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const state = await fetchLog(calls, context.crypto, zone)
    const removed = removedButNotInLog(signed, account, state)
    const manager = memberNow(state, signed.device.account)?.role === 'manager'
    const wantsEpoch = manager && epochNeed(state) !== 'none'
    if (removed === undefined && !wantsEpoch) return
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
  { context, calls, device: { account } }: SignedIn,
  { identity }: AccountZone,
  state: ZoneState,
  device: DeviceId,
): Promise<void> {
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
  if (!current)
    throw new AccountRefused(`no key of the current epoch of zone ${state.zone} is sealed to this account`)
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
