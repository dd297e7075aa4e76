/** The embedded engines' folder: one server at a time, and the secret that all passwords hang on. */
import { chmodSync, existsSync, readFileSync, statSync } from 'node:fs'
import { mkdir, open, rename } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { flushFolder } from './flush-folder.ts'
import { newOpaqueSetup } from './rules/opaque.ts'

const SETUP_FILE = 'opaque-setup'
const LOCK_FILE = 'lock'
const SETUP_TEXT = /^[A-Za-z0-9_-]{100,400}$/

/** The folder cannot be used; the message is one sentence for a person. */
export class DataFolderUnusable extends Error {
  constructor(sentence: string, cause?: unknown) {
    super(sentence, { cause })
    this.name = 'DataFolderUnusable'
  }
}

export interface DataFolder {
  readonly path: string
  readonly accounts: string
  readonly zones: string
  readonly blobs: string
  readonly opaqueSetup: string
  /** Another process may be using it: what it is in the middle of is left alone. */
  readonly shared: boolean
  /** Makes it another secret. */
  setOpaqueSetup(setup: string): Promise<void>
  /** Lets another server have it. */
  unlock(): void
}

/** Creates the folder where needed and locks it for as long as this process lives. Throws DataFolderUnusable. */
export async function openDataFolder(given: string): Promise<DataFolder> {
  const path = resolve(given)
  try {
    await makeFolders(path)
  } catch (error) {
    throw new DataFolderUnusable(
      `cannot use the data folder ${JSON.stringify(path)}: ${reason(error)}; set PILEUS_DATA to a folder you may write`,
      error,
    )
  }
  const unlock = lock(path)
  try {
    return folderAt(path, await readOrMakeSetup(path), unlock)
  } catch (error) {
    unlock()
    throw error
  }
}

/** The folder of a server that may be running. Throws DataFolderUnusable where no server has ever used it. */
export async function lookIntoDataFolder(given: string): Promise<DataFolder> {
  const path = resolve(given)
  if (!existsSync(join(path, SETUP_FILE))) {
    throw new DataFolderUnusable(
      `there is nothing in the data folder ${JSON.stringify(path)}: no server has used it; set PILEUS_DATA to the one that has the data`,
    )
  }
  return { ...folderAt(path, await readOrMakeSetup(path), () => undefined), shared: true }
}

function folderAt(path: string, opaqueSetup: string, unlock: () => void): DataFolder {
  return {
    path,
    accounts: join(path, 'accounts.db'),
    zones: join(path, 'zones.db'),
    blobs: join(path, 'blobs'),
    opaqueSetup,
    shared: false,
    setOpaqueSetup: (setup) => writeDurably(path, join(path, SETUP_FILE), `${setup}\n`),
    unlock,
  }
}

/** Durably, and one by one: where the file system makes no folder (/proc), Node's `recursive` tries for ever. */
async function makeFolders(path: string): Promise<void> {
  if (existsSync(path)) return
  await makeFolders(dirname(path))
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    // Another server may have made it just now.
    if (!(existsSync(path) && statSync(path).isDirectory())) throw error
  }
  await flushFolder(dirname(path))
}

/** SQLite's file lock: the system lets go of it when the process dies, however it dies. */
function lock(path: string): () => void {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(join(path, LOCK_FILE), { timeout: 0 })
    db.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    db?.close()
    const busy = error instanceof Error && 'errcode' in error && error.errcode === 5
    const why = busy
      ? 'another server is using it; stop that one, or set PILEUS_DATA to another folder'
      : `${reason(error)}; set PILEUS_DATA to a folder you may write`
    throw new DataFolderUnusable(`cannot use the data folder ${JSON.stringify(path)}: ${why}`, error)
  }
  const held = db
  return () => {
    if (held.isOpen) held.close()
  }
}

async function readOrMakeSetup(path: string): Promise<string> {
  const file = join(path, SETUP_FILE)
  if (existsSync(file)) {
    const setup = readFileSync(file, 'utf8').trim()
    if (SETUP_TEXT.test(setup)) return setup
    throw new DataFolderUnusable(
      `cannot start: ${JSON.stringify(file)} is damaged, and without it no password can be checked; restore it from a backup`,
    )
  }
  if (existsSync(join(path, 'accounts.db'))) {
    throw new DataFolderUnusable(
      `cannot start: ${JSON.stringify(file)} is missing, and without it no password can be checked; restore it from a backup`,
    )
  }
  const setup = await newOpaqueSetup()
  await writeDurably(path, file, `${setup}\n`)
  return setup
}

async function writeDurably(folder: string, file: string, text: string): Promise<void> {
  const temporary = `${file}.new`
  const handle = await open(temporary, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  chmodSync(temporary, 0o600)
  await rename(temporary, file)
  await flushFolder(folder)
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
