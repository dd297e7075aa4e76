/**
 * What every person saved, and what they saw when they replaced it: kept apart from the program, so that a loss
 * cannot hide behind the program's own idea of what was there (oracle b).
 */
import type { MemoryFiles } from '@pileus/client/files/memory'
import { contentHash, readAll } from '../world/disk-tree.ts'

export class Ledger {
  /** Content hash → where and when it was first saved. */
  readonly saved = new Map<string, string>()
  /** Contents that a person saw on their own disk when they replaced or deleted them. */
  readonly replaced = new Set<string>()

  noteSaved(content: Uint8Array, where: string): void {
    const hash = contentHash(content)
    if (!this.saved.has(hash)) this.saved.set(hash, where)
  }

  /** Call before the person overwrites or deletes what is at this path. */
  noteReplaced(files: MemoryFiles, path: string): void {
    const stat = files.folder.stat(path)
    if (stat?.type === 'file') this.replaced.add(contentHash(readAll(files, path)))
    if (stat?.type === 'folder') {
      for (const name of files.folder.list(path).names) this.noteReplaced(files, `${path}/${name}`)
    }
  }

  /** Saved contents that are in none of these, and that nobody gave up knowingly. */
  missing(retrievable: ReadonlySet<string>): string[] {
    const lost: string[] = []
    for (const [hash, where] of this.saved) {
      if (!retrievable.has(hash) && !this.replaced.has(hash)) lost.push(where)
    }
    return lost
  }
}
