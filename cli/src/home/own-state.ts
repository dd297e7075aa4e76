/**
 * What Pileus itself keeps on a disk and writes at every sync: were it synced, each sync would change what it has just
 * sent, and it would be sent again and again.
 */
import { type Dirent, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface OwnState {
  /** The folder that holds it. */
  readonly path: string
  readonly of: 'server' | 'device'
}

/** Files that stand beside each other in no other folder. */
const SIGNS: readonly { readonly of: OwnState['of']; readonly files: readonly string[] }[] = [
  { of: 'server', files: ['opaque-setup', 'lock'] },
  { of: 'device', files: ['account.json', 'keys.json'] },
]

/** Folders looked into, those nearest to the top first: `link` has to answer soon, however large the tree is. */
const FOLDERS_LOOKED_INTO = 20_000

/** Pileus' own state in this folder, or in one that this one lies in; null where there is none. */
export function ownStateAround(folder: string): OwnState | null {
  return ownStateAbove(folder) ?? ownStateBelow(folder)
}

function ownStateAbove(folder: string): OwnState | null {
  for (let at = dirname(folder); ; at = dirname(at)) {
    const found = stateIn(at, entriesOf(at))
    if (found !== null || dirname(at) === at) return found
  }
}

function ownStateBelow(top: string): OwnState | null {
  const folders = [top]
  for (let next = 0; next < folders.length && next < FOLDERS_LOOKED_INTO; next++) {
    const folder = folders[next]!
    const entries = entriesOf(folder)
    const found = stateIn(folder, entries)
    if (found !== null) return found
    for (const entry of entries) if (entry.isDirectory()) folders.push(join(folder, entry.name))
  }
  return null
}

function stateIn(folder: string, entries: readonly Dirent[]): OwnState | null {
  const files = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name))
  const sign = SIGNS.find((one) => one.files.every((name) => files.has(name)))
  return sign === undefined ? null : { path: folder, of: sign.of }
}

/** Nothing where it cannot be read: a sync, which cannot read it either, names it. */
function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch {
    return []
  }
}
