/**
 * Where nodes are on the disk, and the moves between folder and working area that never leave a name without
 * its file or destroy what a person had (R10, R13).
 */
import { type RecordId, ROOT } from '@pileus/core/ids/ids'
import { conflictName } from '@pileus/core/tree/names'
import { FileError, type Files, type Location, type Stat } from '../files/files.ts'
import { type DiskRow, tables } from '../replica/tables.ts'
import type { StoreReader } from '../store/store.ts'
import { PARTIAL_SUFFIX, partialPath } from '../transfer/local.ts'
import { joinPath } from './tree-paths.ts'

/** The parent of rows that are out of the folder for a moment. No record has this id. */
export const PARKED = 'f'.repeat(32) as RecordId

const PARKED_DIRECTORY = 'parked'
const STAGING_DIRECTORY = 'staging'
export const STASH_DIRECTORY = 'stash'

/** The disk is not what its row says: a person changed it since the scan. The next scan takes that up. */
export class DiskMoved extends Error {
  constructor(path: string) {
    super(`${JSON.stringify(path)} changed while it was being synced`)
    this.name = 'DiskMoved'
  }
}

export function prepareWork(files: Files): void {
  for (const directory of [PARKED_DIRECTORY, STAGING_DIRECTORY, STASH_DIRECTORY]) {
    if (!files.work.stat(directory)) files.work.makeDirectory(directory)
  }
}

/** Puts aside what an interrupted run had half downloaded, for the next download of it to begin with. */
export function keepPartials(files: Files): void {
  for (const name of files.work.list(STAGING_DIRECTORY).names) {
    if (name.endsWith(PARTIAL_SUFFIX)) continue
    const path = `${STAGING_DIRECTORY}/${name}`
    const partial = partialPath(path)
    const stat = files.work.stat(path)
    // The longer one serves better; a link is made anew; and on a disk that is nearly full the room is needed.
    const longer = stat?.type === 'file' && stat.size > (files.work.stat(partial)?.size ?? 0)
    if (longer && stat.size <= files.freeBytes())
      files.transfer('rename', { area: 'work', path }, { area: 'work', path: partial })
    else files.work.removeFile(path)
  }
}

/** When all is downloaded, no part of it is needed. */
export function dropPartials(files: Files): void {
  for (const path of partialPaths(files)) files.work.removeFile(path)
}

/** What interrupted runs had half downloaded. */
export function partialPaths(files: Files): string[] {
  const { names } = files.work.list(STAGING_DIRECTORY)
  return names.filter((name) => name.endsWith(PARTIAL_SUFFIX)).map((name) => `${STAGING_DIRECTORY}/${name}`)
}

export function stagingPath(id: RecordId): string {
  return `${STAGING_DIRECTORY}/${id}`
}

export function parkedPath(id: RecordId): string {
  return `${PARKED_DIRECTORY}/${id}`
}

/** Where the disk has this node; null when it does not have it. */
export function locationOf(from: StoreReader, id: RecordId): Location | null {
  const parts: string[] = []
  for (let at = id; at !== ROOT; ) {
    const row = tables.disk.get(from, at)
    if (!row) return null
    if (row.parent === PARKED) return { area: 'work', path: [parkedPath(at), ...parts.reverse()].join('/') }
    parts.push(row.name)
    at = row.parent
  }
  return { area: 'folder', path: parts.reverse().join('/') }
}

export function childLocation(folder: Location, name: string): Location {
  return { area: folder.area, path: joinPath(folder.path, name) }
}

export function parentOf(location: Location): Location {
  const slash = location.path.lastIndexOf('/')
  return { area: location.area, path: slash < 0 ? '' : location.path.slice(0, slash) }
}

/** The stat of a node that is as its row says. Throws DiskMoved when it is not. */
export function expectAsRow(files: Files, location: Location, row: DiskRow): Stat {
  const stat = statAt(files, location)
  const same = stat && (row.kind === 'folder' ? stat.type === 'folder' : stat.signature === row.signature)
  if (!same) throw new DiskMoved(location.path)
  return stat
}

export function statAt(files: Files, { area, path }: Location): Stat | null {
  return files[area].stat(path)
}

/** Throws DiskMoved when something is at this place. */
export function expectFree(files: Files, location: Location): void {
  if (statAt(files, location)) throw new DiskMoved(location.path)
}

/** The same bytes as before a rename or link, which change nothing but the times of the inode. */
export function sameFile(before: Stat, after: Stat | null): boolean {
  return (
    after !== null &&
    after.identity === before.identity &&
    after.size === before.size &&
    after.mtime === before.mtime
  )
}

/** The record whose file was displaced to this path in the stash. */
export function stashedRecord(path: string): RecordId | null {
  return (/([0-9a-f]{32})-\d+$/.exec(path)?.[1] ?? null) as RecordId | null
}

/** A name in the stash that is free. */
export function stashPath(files: Files, id: RecordId): string {
  for (let n = 0; ; n++) {
    const path = `${STASH_DIRECTORY}/${id}-${n}`
    if (!files.work.stat(path)) return path
  }
}

/**
 * Gives a displaced file that holds what nobody knows yet back to the person, under a conflict name beside
 * where it was. Returns its path in the folder.
 */
export function giveBack(
  files: Files,
  from: Location,
  beside: Location,
  label: { by: string; day: string },
): string {
  const folder = parentOf(beside)
  const name = beside.path.slice(folder.path === '' ? 0 : folder.path.length + 1)
  const home = statAt(files, folder)?.type === 'folder' ? folder.path : ''
  for (let number = 1; ; number++) {
    const path = joinPath(home, conflictName(name, label.by, label.day, number))
    try {
      // A link fails where a rename would replace.
      files.transfer('link', from, { area: 'folder', path })
    } catch (error) {
      if (error instanceof FileError && error.code === 'exists') continue
      throw error
    }
    files.sync([{ area: 'folder', path: home }])
    files[from.area].removeFile(from.path)
    return path
  }
}

/**
 * After a crash between parking a node and its row: brings it back to where the row says. One whose row says that it is parked
 * waits to be brought to its new place.
 */
export function unpark(files: Files, from: StoreReader, label: { by: string; day: string }): void {
  for (const name of files.work.list(PARKED_DIRECTORY).names) {
    const id = name as RecordId
    if (tables.disk.get(from, id)?.parent !== PARKED) unparkOne(files, from, id, label)
  }
}

/** Brings what is parked back to where its row says; beside that, under a conflict name, where the name is taken. */
export function unparkOne(
  files: Files,
  from: StoreReader,
  id: RecordId,
  label: { by: string; day: string },
): void {
  const parked: Location = { area: 'work', path: parkedPath(id) }
  const row = tables.disk.get(from, id)
  const parent =
    row && row.parent !== PARKED
      ? row.parent === ROOT
        ? { area: 'folder' as const, path: '' }
        : locationOf(from, row.parent)
      : null
  const name = row?.name ?? id
  const wanted = childLocation(parent?.area === 'folder' ? parent : { area: 'folder', path: '' }, name)
  const parentThere = statAt(files, parentOf(wanted))?.type === 'folder'
  let target = parentThere ? wanted : { area: 'folder' as const, path: name }
  for (let number = 1; statAt(files, target); number++) {
    const folder = parentOf(wanted)
    target = childLocation(
      parentThere ? folder : { area: 'folder', path: '' },
      conflictName(name, label.by, label.day, number),
    )
  }
  files.transfer('rename', parked, target)
  files.sync([parentOf(target), { area: 'work', path: PARKED_DIRECTORY }])
}
