/** A device's private folder on this machine: who is signed in, its keys, the state of its synced folder. */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { Failure } from '../failures/failure.ts'
import { makeFolders } from './folders.ts'

export interface Home {
  /** Absolute. */
  readonly path: string
  /** The absolute path of a file or folder in it. */
  at(name: string): string
  /**
   * Creates the folder and makes sure that it can be written: to be asked before anything is made elsewhere.
   * Returns what takes the new folders back, as long as nothing is in them.
   */
  prepare(): () => void
  /** The text of a file, null when there is none. */
  read(name: string): string | null
  /** Replaces a file in one durable step; only this user can read it. */
  write(name: string, text: string): void
  remove(name: string): void
}

const PROBE_FILE = 'probe'

/** Any of these shows that a folder is a home. */
const OUR_FILES = ['account.json', 'keys.json', 'keys.json.new', 'folder.json', 'drive.db']

/** Where the home lies: what was asked for, else PILEUS_HOME, else `~/.pileus`. */
export function homePath(asked: string | undefined): string {
  return resolve(asked || process.env.PILEUS_HOME || join(homedir(), '.pileus'))
}

/** Nothing is created before something is written. */
export function openHome(path: string): Home {
  const at = (name: string) => join(path, name)
  return {
    path,
    at,
    prepare() {
      let made: readonly string[] = []
      try {
        made = createPrivate(path)
        replaceFile(at(PROBE_FILE), '')
        rmSync(at(PROBE_FILE))
        return () => removeEmpty(made)
      } catch (error) {
        removeEmpty(made)
        throw unusable(path, error)
      }
    },
    read(name) {
      try {
        return readFileSync(at(name), 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw unusable(path, error)
      }
    },
    write(name, text) {
      try {
        createPrivate(path)
        replaceFile(at(name), text)
      } catch (error) {
        throw unusable(path, error)
      }
    },
    remove: (name) => rmSync(at(name), { recursive: true, force: true }),
  }
}

/** A folder of ours, an empty one, or a new one: returns the new ones. Anything else is a slip: its permissions are not ours to change. */
function createPrivate(path: string): readonly string[] {
  const made = makeFolders(path, 0o700)
  if (made.length > 0) return made
  const names = readdirSync(path)
  if (names.length === 0) chmodSync(path, 0o700)
  else if (!names.some((name) => OUR_FILES.includes(name))) {
    throw new Failure(
      'usage',
      'home-unusable',
      `Cannot keep this device's state in ${JSON.stringify(path)}: it holds other things already. Choose another folder with --home or PILEUS_HOME.`,
    )
  }
  return made
}

function removeEmpty(folders: readonly string[]): void {
  try {
    for (const folder of folders.toReversed()) rmdirSync(folder)
  } catch {
    // something is in it by now: it stays
  }
}

/** Puts a text in place of a file in one durable step; only this user can read it. */
export function replaceFile(path: string, text: string): void {
  const temporary = `${path}.new`
  rmSync(temporary, { force: true })
  const file = openSync(temporary, 'wx', 0o600)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  renameSync(temporary, path)
}

function unusable(path: string, error: unknown): Failure {
  if (error instanceof Failure) return error
  const { code } = error as NodeJS.ErrnoException
  const reasons: Readonly<Record<string, string>> = {
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    ENOENT: 'no folder can be made there',
    EROFS: 'the file system is read-only',
    ENOTDIR: 'it is not a folder',
    EEXIST: 'it is not a folder',
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new Failure(
      'full',
      'disk-full',
      `Cannot write in ${JSON.stringify(path)}: the disk is full; make room.`,
      error,
    )
  }
  const reason = reasons[code ?? ''] ?? (error as Error).message
  return new Failure(
    'usage',
    'home-unusable',
    `Cannot use ${JSON.stringify(path)} for this device's state: ${reason}. Choose another with --home or PILEUS_HOME.`,
    error,
  )
}
