/** What a watcher would have told: the names that differ between two moments of a folder. */
import type { MemoryFiles } from '@pileus/client/files/memory'
import type { Scope } from '@pileus/client/folder/scan'

/** Path → what changes whenever the node at it may have. */
export type Moment = ReadonlyMap<string, string>

export function momentOf(files: MemoryFiles): Moment {
  const found = new Map<string, string>()
  const walk = (folder: string) => {
    for (const name of files.folder.list(folder).names) {
      const path = folder === '' ? name : `${folder}/${name}`
      const stat = files.folder.stat(path)
      if (!stat) continue
      // A folder's own times change with what is in it, of which no watch of it tells.
      found.set(path, stat.type === 'folder' ? stat.identity : stat.signature)
      if (stat.type === 'folder') walk(path)
    }
  }
  walk('')
  return found
}

/** Below a folder that came, went or moved, only the folder itself is told. */
export function scopeBetween(before: Moment, after: Moment): Scope {
  const scope = new Map<string, Set<string>>()
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    if (before.get(path) === after.get(path)) continue
    const folder = path.slice(0, Math.max(0, path.lastIndexOf('/')))
    if (folder !== '' && before.get(folder) !== after.get(folder)) continue
    const names = scope.get(folder) ?? new Set()
    scope.set(folder, names.add(path.slice(folder === '' ? 0 : folder.length + 1)))
  }
  return scope
}
