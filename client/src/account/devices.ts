/** The devices of an account: who they are, and taking one out. */
import { type DeviceId, parseId, type ZoneId } from '@pileus/core/ids/ids'
import { openCertificate } from '@pileus/core/keys/device'
import type { Identity } from '@pileus/core/keys/identity'
import { KeyRefused } from '@pileus/core/keys/refused'
import type { AccountInfo, DeviceInfo } from '@pileus/core/protocol/account'
import type { SignedIn } from './account.ts'
import { type AccountZone, changeAccountZone, deviceNoteWrite, readAccountZone } from './account-zone.ts'
import { cutAccess, settleZone } from './zone.ts'

export interface ListedDevice {
  readonly id: DeviceId
  /** As it was named on that device; empty when it has not said yet. The server does not know names. */
  readonly name: string
  /** ISO 8601, UTC; the server's clock. */
  readonly addedAt: string
  readonly lastSeenAt: string | null
  readonly removedAt: string | null
  /** Whether the account's identity vouches for it. One that is not certified was planted: it can open nothing. */
  readonly certified: boolean
  readonly thisDevice: boolean
}

/** The account as the server knows it: zones, room. */
export function whoAmI({ calls }: SignedIn): Promise<AccountInfo> {
  return calls.call('account', {})
}

/** Ends this session; the device stays. */
export async function logOut({ calls }: SignedIn): Promise<void> {
  await calls.call('logout', {})
}

/** Every device, removed ones too, by the time they were added. */
export async function listDevices(signed: SignedIn): Promise<ListedDevice[]> {
  const zone = await readAccountZone(signed.context, signed.calls, signed.device)
  const { devices } = await signed.calls.call('devices', {})
  const byAge = devices.toSorted((a, b) => Date.parse(a.addedAt) - Date.parse(b.addedAt))
  return byAge.map((device) => listed(signed, zone, device))
}

/**
 * Removes a device for good: its note says so (which only devices of the account can write), the server ends
 * its sessions, the log of every zone fixes what it wrote last, and new key epochs begin. May be repeated, and
 * goes on where it was broken off. Rejects with Problem 'not-found' for an id that is no device.
 */
export async function removeDevice(signed: SignedIn, id: string): Promise<void> {
  const device = parseId('device', id)
  const { context, calls } = signed
  const zone = await changeAccountZone(context, calls, signed.device, (current) => {
    const note = current.devices.get(device)
    if (note?.removed) return null
    return deviceNoteWrite(current, device, { name: note?.name ?? '', removed: true })
  })
  const zones = new Set<ZoneId>([signed.device.accountZone, ...zone.settings.zones.map((one) => one.zone)])
  const self = device === signed.device.device.id
  if (!self) await cutAccess(signed, device)
  for (const each of zones) await settleZone(signed, zone, each)
  // Whoever removes itself could not write the logs afterwards.
  if (self) await cutAccess(signed, device)
}

function listed({ context, device }: SignedIn, zone: AccountZone, info: DeviceInfo): ListedDevice {
  return {
    id: info.device,
    name: zone.devices.get(info.device)?.name ?? '',
    addedAt: info.addedAt,
    lastSeenAt: info.lastSeenAt,
    removedAt: info.removedAt,
    certified: isCertified(context.crypto, zone.identity, info),
    thisDevice: info.device === device.device.id,
  }
}

function isCertified(crypto: SignedIn['context']['crypto'], identity: Identity, info: DeviceInfo): boolean {
  try {
    return openCertificate(crypto, info.certificate, identity.signingKey).device === info.device
  } catch (error) {
    if (error instanceof KeyRefused) return false
    throw error
  }
}
