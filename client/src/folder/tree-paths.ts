/** Paths of nodes on the disk, from the rows of the last agreement. */
import { type RecordId, ROOT } from '@pileus/core/ids/ids'
import { tables } from '../replica/tables.ts'
import type { StoreReader } from '../store/store.ts'

/** Where the disk has this node, '' for the root; null when the disk does not have it. */
export function diskPath(from: StoreReader, id: RecordId): string | null {
  const parts: string[] = []
  for (let at = id; at !== ROOT; ) {
    const row = tables.disk.get(from, at)
    if (!row) return null
    parts.push(row.name)
    at = row.parent
  }
  return parts.reverse().join('/')
}

export function joinPath(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}
