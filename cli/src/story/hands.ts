/** Test helper: what a person does in the folder of a device. Paths are relative to it. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DeviceOf } from './person.ts'

export const at = (device: DeviceOf, path: string): string => join(device.folder, path)

export const text = (device: DeviceOf, path: string): string => readFileSync(at(device, path), 'utf8')

/** Makes the folders it needs. */
export function put(device: DeviceOf, path: string, content: string): void {
  mkdirSync(dirname(at(device, path)), { recursive: true })
  writeFileSync(at(device, path), content)
}

export const move = (device: DeviceOf, from: string, to: string): void =>
  renameSync(at(device, from), at(device, to))

export const remove = (device: DeviceOf, path: string): void => rmSync(at(device, path), { recursive: true })
