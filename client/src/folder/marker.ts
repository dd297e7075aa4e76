/**
 * The root marker (R11): a small file at the top of a synced folder. Where it is missing the folder is not the
 * one that was linked (not mounted, moved away, emptied), and nothing there is taken for a deletion.
 *
 * It is the same on every device, so that synced folders stay equal byte for byte.
 */
import type { ZoneId } from '@pileus/core/ids/ids'
import { type Area, FileError, type Files } from '../files/files.ts'

export const MARKER = '.pileus'
/** The marker's date on every device, in microseconds: 2026-01-01 UTC. */
const MARKER_TIME = 1_767_225_600_000_000

/** The folder is not, or no longer, the linked one. */
export class FolderLost extends Error {
  constructor(why: string) {
    super(
      `${why}. Nothing was synced and nothing deleted: bring the folder back, or run \`pileus unlink\` and link it again`,
    )
    this.name = 'FolderLost'
  }
}

/** Writes the marker, or makes sure that the one there is of this zone. */
export function writeMarker(files: Files, zone: ZoneId): void {
  const found = readMarker(files.folder)
  if (found !== null) {
    if (found !== zone) throw new FolderLost('this folder is marked as synced with another account')
    return
  }
  const writer = files.folder.create(MARKER)
  try {
    writer.write(new TextEncoder().encode(markerText(zone)))
  } finally {
    writer.close()
  }
  files.folder.setModified(MARKER, MARKER_TIME)
  files.sync([
    { area: 'folder', path: MARKER },
    { area: 'folder', path: '' },
  ])
}

/** Throws FolderLost unless the folder is there and bears this zone's marker. */
export function checkMarker(files: Files, zone: ZoneId): void {
  const found = readMarker(files.folder)
  if (found === null) throw new FolderLost(`the folder is not there, or its marker file ${MARKER} is missing`)
  if (found !== zone) throw new FolderLost('this folder is marked as synced with another account')
}

export function removeMarker(files: Files): void {
  if (files.folder.stat(MARKER)) files.folder.removeFile(MARKER)
}

/** The zone that a folder is marked with; '' when the marker cannot be made out; null when there is none. */
export function readMarker(folder: Area): ZoneId | '' | null {
  let stat: ReturnType<Area['stat']>
  try {
    stat = folder.stat(MARKER)
  } catch (error) {
    if (error instanceof FileError) return null
    throw error
  }
  if (stat?.type !== 'file') return null
  const reader = folder.read(MARKER)
  try {
    const bytes = new Uint8Array(1_024)
    const text = new TextDecoder().decode(bytes.subarray(0, reader.read(bytes, 0)))
    return (/^zone ([0-9a-f]{64})$/m.exec(text)?.[1] ?? '') as ZoneId | ''
  } finally {
    reader.close()
  }
}

function markerText(zone: ZoneId): string {
  return `This folder is synced by Pileus. Keep this file: without it, syncing stops.\nzone ${zone}\n`
}
