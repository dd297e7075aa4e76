/** What a new device is called: people tell the devices of an account by their names, so no two that are in use share one. */
import { DEVICE_NAME_MAX_CHARACTERS } from '@pileus/core/limits'
import type { DeviceNote } from './contents.ts'

export interface WantedName {
  readonly deviceName: string
  /** A person asked for this very name: where it is taken they are told, instead of getting another. */
  readonly isAskedFor?: boolean
}

/** A device that is in use has the name that was asked for. Nothing was changed. */
export class DeviceNameTaken extends Error {
  constructor(name: string) {
    super(
      `the account has a device called ${JSON.stringify(name)} already: choose another name, or remove that one first`,
    )
    this.name = 'DeviceNameTaken'
  }
}

/**
 * The name that was wanted, or "name 2" and so on where it is taken. Throws DeviceNameTaken. Devices that join in the same
 * moment do not see each other, and may still get one name.
 */
export function freeName({ deviceName, isAskedFor }: WantedName, notes: Iterable<DeviceNote>): string {
  const taken = new Set<string>()
  for (const { name, removed } of notes) if (!removed) taken.add(alike(name))
  if (!taken.has(alike(deviceName))) return deviceName
  if (isAskedFor) throw new DeviceNameTaken(deviceName)
  for (let number = 2; ; number++) {
    const numbered = withNumber(deviceName, number)
    if (!taken.has(alike(numbered))) return numbered
  }
}

function withNumber(name: string, number: number): string {
  const end = ` ${number}`
  return `${[...name].slice(0, DEVICE_NAME_MAX_CHARACTERS - end.length).join('')}${end}`
}

/** Names that differ in case alone are one to whoever reads them. */
function alike(name: string): string {
  return name.normalize('NFC').toLowerCase()
}
