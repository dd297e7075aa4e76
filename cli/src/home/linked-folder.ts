/** Which folder a home syncs, and which folders the other homes of this person on this machine do. */
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve, sep } from 'node:path'
import { Failure } from '../failures/failure.ts'
import { makeFolders } from './folders.ts'
import { type Home, openHome, replaceFile } from './home.ts'
import { ownStateAround } from './own-state.ts'

const FOLDER_FILE = 'folder.json'
const MARKER = '.pileus'

export interface LinkedFolder {
  readonly format: 1
  /** Absolute, without symbolic links. */
  readonly folder: string
  /** Where files are worked on, on the same file system. */
  readonly work: string
  /** Zone id of the drive. */
  readonly zone: string
  /** Whether the folder's file system tells `a` from `A`. */
  readonly caseInsensitive: boolean
}

/** The folder of this home, null when none is linked. */
export function readLinkedFolder(home: Home): LinkedFolder | null {
  const text = home.read(FOLDER_FILE)
  if (text === null) return null
  try {
    const value = JSON.parse(text) as LinkedFolder
    const { format, folder, work, zone, caseInsensitive } = value
    const paths = typeof folder === 'string' && typeof work === 'string'
    const isZone = typeof zone === 'string' && /^[0-9a-f]{64}$/.test(zone)
    if (format === 1 && paths && isZone && typeof caseInsensitive === 'boolean') return value
  } catch {
    // falls through: not even JSON
  }
  throw new Failure(
    'damaged',
    'folder-file-damaged',
    `The file ${JSON.stringify(home.at(FOLDER_FILE))} is damaged: remove it and run \`pileus link\` on the folder again.`,
  )
}

/** Throws Failure when no folder is linked. */
export function requireLinkedFolder(home: Home): LinkedFolder {
  const found = readLinkedFolder(home)
  if (found !== null) return found
  throw new Failure('usage', 'not-linked', 'No folder is linked on this device: run `pileus link DIR` first.')
}

/** Remembers the link, here and where the person's other homes look. */
export function writeLinkedFolder(home: Home, linked: Omit<LinkedFolder, 'format'>): void {
  const { folder } = linked
  makeFolders(claimsPath(), 0o700)
  replaceFile(join(claimsPath(), claimName(folder)), JSON.stringify({ folder, home: home.path }))
  home.write(FOLDER_FILE, `${JSON.stringify({ format: 1, ...linked }, null, 2)}\n`)
}

export function forgetLinkedFolder(home: Home, folder: string): void {
  rmSync(join(claimsPath(), claimName(folder)), { force: true })
  home.remove(FOLDER_FILE)
}

/**
 * The folder that `asked` names, created when only its last part is missing. Throws Failure when it cannot be
 * a synced folder: no folder, overlapping this home, another one, a server's data or another synced folder. Then nothing
 * is left created.
 */
export function folderToLink(home: Home, asked: string): { folder: string; created: boolean } {
  // An empty name is a variable that was never set; `resolve` would take it for the folder that one stands in.
  if (asked === '') {
    throw new Failure('usage', 'no-such-folder', 'Cannot link a folder without a name: say which one.')
  }
  const path = resolve(asked)
  if (!existsSync(path)) {
    if (!existsSync(dirname(path))) {
      throw new Failure(
        'usage',
        'no-such-folder',
        `Cannot link ${JSON.stringify(path)}: there is no folder ${JSON.stringify(dirname(path))}.`,
      )
    }
    return { folder: createToLink(home, path), created: true }
  }
  return { folder: checkedToLink(home, path), created: false }
}

const WHY_NOT_MADE: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'what it would lie in is not a folder',
}

function createToLink(home: Home, path: string): string {
  try {
    mkdirSync(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = (code !== undefined && WHY_NOT_MADE[code]) || message
    throw new Failure(
      'usage',
      'no-such-folder',
      `Cannot make the folder ${JSON.stringify(path)}: ${why}; choose another.`,
      error,
    )
  }
  try {
    return checkedToLink(home, path)
  } catch (error) {
    rmdirSync(path)
    throw error
  }
}

function checkedToLink(home: Home, path: string): string {
  const quoted = JSON.stringify(path)
  if (!statSync(path).isDirectory())
    throw new Failure('usage', 'not-a-folder', `Cannot link ${quoted}: it is not a folder.`)
  const folder = realpathSync(path)
  const homePath = existsSync(home.path) ? realpathSync(home.path) : home.path
  if (overlaps(folder, homePath)) {
    throw new Failure(
      'usage',
      'folder-overlaps-home',
      `Cannot link ${quoted}: this device's own state is kept in ${JSON.stringify(homePath)}; choose a folder apart from it.`,
    )
  }
  refuseOverlap(home, folder)
  refuseOwnState(folder)
  return folder
}

function refuseOwnState(folder: string): void {
  const found = ownStateAround(folder)
  if (found === null) return
  const quoted = JSON.stringify(found.path)
  const how =
    found.path === folder
      ? 'it is'
      : isInside(folder, found.path)
        ? `it lies in ${quoted},`
        : `it contains ${quoted},`
  const [what, instead] =
    found.of === 'server'
      ? ['where a Pileus server keeps its data', 'or move the data out of it and set PILEUS_DATA']
      : ['where a device of Pileus keeps its state', 'or move that out of it and say --home']
  throw new Failure(
    'usage',
    'folder-holds-own-state',
    `Cannot link ${JSON.stringify(folder)}: ${how} ${what}, which every sync changes, so it would be sent again and again; choose a folder apart from it, ${instead}.`,
  )
}

function refuseOverlap(home: Home, folder: string): void {
  const quoted = JSON.stringify(folder)
  for (const other of otherFolders(home)) {
    if (!overlaps(folder, other.folder)) continue
    const how = folder === other.folder ? 'is' : isInside(folder, other.folder) ? 'lies inside' : 'contains'
    throw new Failure(
      'usage',
      'folder-overlaps',
      `Cannot link ${quoted}: it ${how} the synced folder of ${JSON.stringify(other.home)}; choose a folder apart from it.`,
    )
  }
  for (let above = dirname(folder); ; above = dirname(above)) {
    if (isMarked(above)) {
      throw new Failure(
        'usage',
        'folder-overlaps',
        `Cannot link ${quoted}: it lies inside the synced folder ${JSON.stringify(above)}; choose a folder apart from it.`,
      )
    }
    if (dirname(above) === above) return
  }
}

function isMarked(folder: string): boolean {
  const marker = join(folder, MARKER)
  try {
    return (
      statSync(marker).isFile() && readFileSync(marker, 'utf8').startsWith('This folder is synced by Pileus')
    )
  } catch {
    return false
  }
}

/** Folders that other homes still sync. Claims of homes that are gone, or moved on, do not count. */
function otherFolders(home: Home): { folder: string; home: string }[] {
  let names: string[]
  try {
    names = readdirSync(claimsPath())
  } catch {
    return []
  }
  return names
    .filter((name) => name.endsWith('.json'))
    .map(
      (name) =>
        JSON.parse(readFileSync(join(claimsPath(), name), 'utf8')) as { folder: string; home: string },
    )
    .filter((claim) => claim.home !== home.path && stillLinked(claim))
}

function stillLinked(claim: { folder: string; home: string }): boolean {
  try {
    return readLinkedFolder(openHome(claim.home))?.folder === claim.folder
  } catch {
    return false
  }
}

/** Beside no single home, since every home of this person must find it. */
function claimsPath(): string {
  return join(process.env.XDG_STATE_HOME || join(homedir(), '.local', 'state'), 'pileus', 'folders')
}

function claimName(folder: string): string {
  return `${createHash('sha256').update(folder).digest('hex').slice(0, 32)}.json`
}

function overlaps(a: string, b: string): boolean {
  return isInside(a, b) || isInside(b, a)
}

/** Whether `inner` is `outer` or lies in it. */
function isInside(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep)
}
