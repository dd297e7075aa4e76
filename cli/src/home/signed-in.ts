/** Who is signed in on this device: everything that is no secret. */
import type { KeyKeeping } from '../context.ts'
import { Failure } from '../failures/failure.ts'
import type { Home } from './home.ts'

const ACCOUNT_FILE = 'account.json'

export interface SignedIn {
  readonly format: 1
  /** Origin of the server, without a slash at the end. */
  readonly server: string
  /** Account name. */
  readonly name: string
  readonly account: string
  readonly device: string
  readonly deviceName: string
  readonly keys: KeyKeeping
  /** The server said that the device was removed from the account. */
  readonly removed?: true
}

/** Null when nobody is. Throws Failure when the file is damaged. */
export function readSignedIn(home: Home): SignedIn | null {
  const text = home.read(ACCOUNT_FILE)
  if (text === null) return null
  try {
    const value = JSON.parse(text) as SignedIn
    if (value.format === 1 && typeof value.server === 'string' && typeof value.device === 'string')
      return value
  } catch {
    // falls through: not even JSON
  }
  throw new Failure(
    'damaged',
    'account-file-damaged',
    `The file ${JSON.stringify(home.at(ACCOUNT_FILE))} is damaged: move it away and sign in anew with \`pileus login\`.`,
  )
}

/** Throws Failure 'not-signed-in' when nobody is. */
export function requireSignedIn(home: Home): SignedIn {
  const found = readSignedIn(home)
  if (found !== null) return found
  throw new Failure(
    'not-signed-in',
    'not-signed-in',
    `Nobody is signed in at ${JSON.stringify(home.path)}: run \`pileus login\` or \`pileus signup\` first.`,
  )
}

/** Notes whether the account still has this device; nothing where nobody is signed in. */
export function noteStanding(home: Home, standing: 'member' | 'removed'): void {
  const found = readSignedIn(home)
  if (found === null || (found.removed === true) === (standing === 'removed')) return
  const { removed: _, ...rest } = found
  writeSignedIn(home, standing === 'removed' ? { ...rest, removed: true } : rest)
}

export function writeSignedIn(home: Home, value: SignedIn): void {
  home.write(ACCOUNT_FILE, `${JSON.stringify(value, null, 2)}\n`)
}
