/** One sync at a time in a folder, whichever device's state it runs with. */
import { mkdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Another process has the lock. */
export class FolderBusy extends Error {
  readonly folder: string
  constructor(folder: string) {
    super(
      `another sync is running on ${JSON.stringify(folder)}: let it finish, or end it with \`pileus stop\`, and try again`,
    )
    this.name = 'FolderBusy'
    this.folder = folder
  }
}

const SQLITE_BUSY = 5

/**
 * Takes the lock of a folder, known by device and inode so that every path to it is the same folder. Throws
 * FolderBusy at once when another process of this user has it. It is SQLite's lock on a file: the operating
 * system takes it from a process that dies, so none is ever left behind.
 */
export function lockFolder(folder: string): Disposable {
  const { dev, ino } = statSync(folder, { bigint: true })
  const locks = join(tmpdir(), `pileus-locks-${process.getuid?.() ?? 'user'}`)
  mkdirSync(locks, { recursive: true, mode: 0o700 })
  const database = new DatabaseSync(join(locks, `${dev}-${ino}`), { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    const busy = error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
    throw busy ? new FolderBusy(folder) : error
  }
  return {
    [Symbol.dispose]: () => {
      if (database.isOpen) database.close()
    },
  }
}
