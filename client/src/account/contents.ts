/** What the records of the account zone hold, as canonical CBOR in their inline content. */
import { CborError, type CborValue, decodeCbor, encodeCbor } from '@pileus/core/bytes/cbor'
import {
  type DeviceId,
  ID_BYTES,
  idBytes,
  idFromBytes,
  parseId,
  type RecordId,
  type ZoneId,
} from '@pileus/core/ids/ids'
import { DEVICE_NAME_MAX_CHARACTERS } from '@pileus/core/limits'
import { AccountRefused } from './account.ts'

/** The account zone has one record of each of these. */
export const IDENTITY_RECORD = parseId('record', '00000000000000000000000000000001')
export const SETTINGS_RECORD = parseId('record', '00000000000000000000000000000002')

/** A device's record: ids of both kinds are 16 bytes, and a device id is a hash. */
export function deviceRecord(device: DeviceId): RecordId {
  return parseId('record', device)
}

export interface ListedZone {
  readonly zone: ZoneId
  /** 'drive', or what a later version made it for. */
  readonly purpose: string
}

/** ['settings', 1, [[zone, purpose], …]] */
export interface Settings {
  readonly zones: readonly ListedZone[]
}

/** ['device', 1, name, removed]: the server sees neither. */
export interface DeviceNote {
  readonly name: string
  /** A person removed this device: its keys count in no zone any more. */
  readonly removed: boolean
}

const FORMAT = 1
const LIMITS = { maxBytes: 65_536, maxDepth: 4, maxItems: 8_192, canonical: true } as const

export function encodeSettings(settings: Settings): Uint8Array {
  return encodeCbor(['settings', FORMAT, settings.zones.map(({ zone, purpose }) => [idBytes(zone), purpose])])
}

/** Throws AccountRefused. */
export function decodeSettings(bytes: Uint8Array): Settings {
  const [zones] = fields(bytes, 'settings', 1)
  if (!Array.isArray(zones)) throw unreadable('settings')
  return {
    zones: zones.map((item) => {
      const [zone, purpose] = Array.isArray(item) ? item : []
      const isZone = zone instanceof Uint8Array && zone.length === ID_BYTES.zone
      if (!isZone || typeof purpose !== 'string') throw unreadable('settings')
      return { zone: idFromBytes('zone', zone), purpose }
    }),
  }
}

export function encodeDeviceNote(note: DeviceNote): Uint8Array {
  return encodeCbor(['device', FORMAT, note.name, note.removed])
}

/** Throws AccountRefused. */
export function decodeDeviceNote(bytes: Uint8Array): DeviceNote {
  const [name, removed] = fields(bytes, 'device', 2)
  const readable =
    typeof name === 'string' && name.length <= 2 * DEVICE_NAME_MAX_CHARACTERS && typeof removed === 'boolean'
  if (!readable) throw unreadable('device')
  return { name, removed }
}

function fields(bytes: Uint8Array, kind: string, count: number): readonly CborValue[] {
  let value: CborValue
  try {
    value = decodeCbor(bytes, LIMITS)
  } catch (error) {
    throw error instanceof CborError ? unreadable(kind) : error
  }
  if (!Array.isArray(value) || value[0] !== kind || value.length !== 2 + count) throw unreadable(kind)
  if (value[1] !== FORMAT) {
    throw new AccountRefused(
      `its ${kind} record is of format ${String(value[1])}, which needs a newer Pileus`,
    )
  }
  return value.slice(2)
}

function unreadable(kind: string): AccountRefused {
  return new AccountRefused(`its ${kind} record cannot be read`)
}
