/** A device's folder as a person sees it: every path with what is there. */

import type { Location } from '@pileus/client/files/files'
import type { MemoryFiles } from '@pileus/client/files/memory'
import { MARKER } from '@pileus/client/folder/marker'
import { toHex } from '@pileus/core/bytes/hex'
import { nodeCrypto } from '@pileus/core/crypto/node'

export type Seen =
  | { readonly kind: 'folder' }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'file'; readonly hash: string; readonly mtime: number; readonly executable: boolean }

/** By path, folders with their contents below them. */
export function diskTree(files: MemoryFiles): Map<string, Seen> {
  const tree = new Map<string, Seen>()
  walk(files, '', tree)
  return tree
}

function walk(files: MemoryFiles, folder: string, tree: Map<string, Seen>): void {
  for (const name of files.folder.list(folder).names.sort()) {
    const path = folder === '' ? name : `${folder}/${name}`
    if (path === MARKER) continue
    const stat = files.folder.stat(path)
    if (stat?.type === 'folder') {
      tree.set(path, { kind: 'folder' })
      walk(files, path, tree)
    } else if (stat?.type === 'link') {
      tree.set(path, { kind: 'link', target: files.folder.readLink(path) })
    } else if (stat) {
      const { mtime, executable } = stat
      tree.set(path, { kind: 'file', hash: contentHash(readAll(files, path)), mtime, executable })
    }
  }
}

export function readAll(files: MemoryFiles, path: string, area: Location['area'] = 'folder'): Uint8Array {
  const reader = files[area].read(path)
  try {
    const bytes = new Uint8Array(reader.stat().size)
    reader.read(bytes, 0)
    return bytes
  } finally {
    reader.close()
  }
}

export function contentHash(bytes: Uint8Array): string {
  return toHex(nodeCrypto.sha256(bytes))
}
