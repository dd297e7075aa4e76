/**
 * Oracle (d): whoever looks into the folder at any moment sees whole files: the client writes none in place there, and a
 * file that is replaced is never absent.
 */
import type { Location } from '@pileus/client/files/files'
import { MARKER } from '@pileus/client/folder/marker'
import type { Machine } from '../system/machine.ts'

export class Visible {
  /** Files that the running process took away without keeping them, by machine and path. */
  readonly #absent = new Map<string, Set<string>>()

  /** Returns what is wrong. */
  changed(machine: Machine, operation: string, at: readonly Location[]): string | null {
    const [from, to] = at
    const absent = this.#absent.get(machine.name) ?? new Set()
    this.#absent.set(machine.name, absent)
    if (operation === 'write' || operation === 'create') {
      if (from!.area === 'folder' && from!.path !== MARKER)
        return `${from!.path} was written where people see it`
    }
    // A disk that ignores case might keep the old spelling: there what gets another one is in the stash by then.
    if (operation === 'remove' && from!.area === 'folder' && !machine.parts.caseInsensitive)
      return `${from!.path} was removed, and nothing was kept of it`
    // Where a file takes the place of a folder or a link, the name stands empty for a moment.
    if (operation === 'move' && from!.area === 'folder' && to!.area === 'work') {
      const isFile = machine.files.work.stat(to!.path)?.type === 'file'
      if (isFile && to!.path.startsWith('stash')) absent.add(from!.path)
    }
    // Another folder of this name is another: what was in this one goes with it, and is not replaced.
    if (operation === 'remove the folder' && from!.area === 'folder')
      for (const path of absent) if (path.startsWith(`${from!.path}/`)) absent.delete(path)
    if (operation === 'move' && to!.area === 'folder' && from!.area === 'work') {
      const isFile = machine.files.folder.stat(to!.path)?.type === 'file'
      if (isFile && absent.has(to!.path)) return `${to!.path} was absent while it was replaced`
    }
    return null
  }

  ended(machine: Machine): void {
    this.#absent.delete(machine.name)
  }
}
