/**
 * Where this device's secrets rest: a file that only this user can read, sealed under a passphrase unless the
 * person wants it in clear (security.md, "On a device").
 *
 * Sealed form: Argon2id (RFC 9106; 64 MiB, 3 passes, 4 lanes) over the passphrase makes a key for AES-256-GCM;
 * what stands in clear beside it is authenticated with it.
 */
import { argon2Sync, createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { KeyKeeping } from '../context.ts'
import { Failure } from '../failures/failure.ts'
import type { Home } from './home.ts'

export const KEY_FILE = 'keys.json'

/** Accepted from no file: a weaker setting would be an attacker's. */
const KDF = { memoryKiB: 65_536, passes: 3, lanes: 4 } as const
const FORMAT = 1

interface KeyFile {
  readonly format: number
  readonly keeping: KeyKeeping
  /** Base64: 16 bytes. Only when sealed. */
  readonly salt?: string
  /** Base64: 12 bytes of nonce, ciphertext, tag. Only when sealed. */
  readonly sealed?: string
  /** Only in clear. */
  readonly clear?: string
}

/** Keeps `secrets`; with 'passphrase' asks for one through `passphrase`. */
export async function saveKeys(
  home: Home,
  keeping: KeyKeeping,
  secrets: string,
  passphrase: () => Promise<string>,
): Promise<void> {
  const file: KeyFile =
    keeping === 'file' ? { format: FORMAT, keeping, clear: secrets } : seal(secrets, await passphrase())
  home.write(KEY_FILE, `${JSON.stringify(file)}\n`)
}

/** The secrets as they were kept, null when nobody is signed in. Throws Failure. */
export async function loadKeys(home: Home, passphrase: () => Promise<string>): Promise<string | null> {
  const file = readKeyFile(home)
  if (file === null) return null
  if (file.keeping === 'file') return file.clear ?? damaged(home)
  return open(home, file, await passphrase())
}

/** How the secrets are kept, null when there are none. */
export function keysKeptHow(home: Home): KeyKeeping | null {
  return readKeyFile(home)?.keeping ?? null
}

function readKeyFile(home: Home): KeyFile | null {
  const text = home.read(KEY_FILE)
  if (text === null) return null
  try {
    const file = JSON.parse(text) as KeyFile
    if (file.format === FORMAT && (file.keeping === 'file' || file.keeping === 'passphrase')) return file
  } catch {
    // falls through: not even JSON
  }
  return damaged(home)
}

function seal(secrets: string, passphrase: string): KeyFile {
  const salt = randomBytes(16)
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', stretch(passphrase, salt), nonce)
  cipher.setAAD(associated(salt))
  const sealed = Buffer.concat([nonce, cipher.update(secrets, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return {
    format: FORMAT,
    keeping: 'passphrase',
    salt: salt.toString('base64'),
    sealed: sealed.toString('base64'),
  }
}

function open(home: Home, file: KeyFile, passphrase: string): string {
  const salt = Buffer.from(file.salt ?? '', 'base64')
  const sealed = Buffer.from(file.sealed ?? '', 'base64')
  if (salt.length !== 16 || sealed.length < 28) return damaged(home)
  const decipher = createDecipheriv('aes-256-gcm', stretch(passphrase, salt), sealed.subarray(0, 12))
  decipher.setAAD(associated(salt))
  decipher.setAuthTag(sealed.subarray(-16))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]).toString('utf8')
  } catch (error) {
    throw new Failure(
      'not-signed-in',
      'wrong-passphrase',
      "This passphrase does not open the device's keys: try again, or sign in anew with `pileus login`.",
      error,
    )
  }
}

function stretch(passphrase: string, salt: Uint8Array): Buffer {
  return argon2Sync('argon2id', {
    message: Buffer.from(passphrase.normalize('NFKC')),
    nonce: salt,
    memory: KDF.memoryKiB,
    passes: KDF.passes,
    parallelism: KDF.lanes,
    tagLength: 32,
  })
}

function associated(salt: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`pileus device keys ${FORMAT} `), salt])
}

function damaged(home: Home): never {
  throw new Failure(
    'damaged',
    'keys-damaged',
    `The key file ${JSON.stringify(home.at(KEY_FILE))} is damaged: move it away and sign in anew with \`pileus login\`.`,
  )
}
