/** Where a synced folder's private working area lies: on the same file system, so that files move by renaming. */
import { createHash } from 'node:crypto'
import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Failure } from '../failures/failure.ts'
import type { Home } from './home.ts'

/**
 * The path of the working area for this folder: in the home where both lie on one file system, else in a
 * hidden folder as high above the synced folder as this user may write. It exists when this returns.
 */
export function workAreaFor(home: Home, folder: string): string {
  const device = statSync(folder).dev
  mkdirSync(home.path, { recursive: true, mode: 0o700 })
  if (statSync(home.path).dev === device) return home.at('work')
  let top: string | null = null
  for (let above = dirname(folder); above !== dirname(above); above = dirname(above)) {
    if (statSync(above).dev !== device) break
    if (isWritable(above)) top = above
  }
  if (top === null) {
    throw new Failure(
      'usage',
      'no-work-area',
      `Cannot link ${JSON.stringify(folder)}: pileus needs a place to work on the same disk, outside the folder. Use --home with a place on that disk.`,
    )
  }
  const name = createHash('sha256').update(home.path).digest('hex').slice(0, 16)
  return join(top, `.pileus-work-${name}`)
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
