/** Where a running `pileus sync` can be spoken to: a Unix domain socket that only this user can open. */
import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Failure } from '../failures/failure.ts'
import type { Home } from '../home/home.ts'

const SOCKET = 'control.sock'
/** sun_path of unix(7), without its NUL; macOS has 104 bytes where Linux has 108. */
const PATH_MAX_BYTES = process.platform === 'linux' ? 107 : 103

/**
 * Places for the socket, the best first: in the home, and where a path is too long or the file system has no sockets, in a
 * private folder of the system's temporary one, by the home's name.
 */
export function socketPaths(home: Home): string[] {
  const name = createHash('sha256').update(home.path).digest('hex').slice(0, 24)
  return [home.at(SOCKET), join(privateFolder(), name)].filter(
    (path) => Buffer.byteLength(path) <= PATH_MAX_BYTES,
  )
}

function privateFolder(): string {
  return join(tmpdir(), `pileus-control-${process.getuid?.() ?? 'user'}`)
}

/** Makes the private folder. Throws Failure where somebody else has taken its name. */
export function makePrivateFolder(): void {
  const folder = privateFolder()
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { uid, mode } = lstatSync(folder)
  if (uid === (process.getuid?.() ?? uid) && (mode & 0o170077) === 0o040000) return
  throw new Failure(
    'usage',
    'not-private',
    `${JSON.stringify(folder)} is not a folder of this user alone, so the sync cannot be spoken to there: remove it.`,
  )
}
