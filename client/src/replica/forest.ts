/** The replica's records as the tree view looks at them. */
import type { RecordId } from '@pileus/core/ids/ids'
import type { Content, RecordBody } from '@pileus/core/records/record'
import type { Forest, TreeNode } from '@pileus/core/tree/forest'
import { type StoreReader, withPrefix } from '../store/store.ts'
import { tables } from './tables.ts'

/** The version that counts on this device: the pending one, else the known one. */
export function effectiveBody(from: StoreReader, id: RecordId): RecordBody | undefined {
  return (tables.outbox.get(from, id) ?? tables.known.get(from, id))?.body
}

/** A forest over the effective versions in this reader. */
export function replicaForest(
  from: StoreReader,
  redirects: ReadonlyMap<RecordId, RecordId>,
  caseInsensitive: boolean,
): Forest {
  const remembered = new Map<RecordId, TreeNode | undefined>()
  return {
    redirects,
    caseInsensitive,
    node(id) {
      if (remembered.has(id)) return remembered.get(id)
      const body = effectiveBody(from, id)
      const node = body && treeNode(id, body)
      remembered.set(id, node)
      return node
    },
    *children(parent) {
      for (const [key] of tables.child.entries(from, withPrefix(`${parent}/`))) yield childId(key)
    },
    *namesakes(parent, name) {
      for (const [key] of tables.child.entries(from, withPrefix(`${parent}/${name}/`))) yield childId(key)
    },
  }
}

export function treeNode(id: RecordId, body: RecordBody): TreeNode {
  const kind = body.kind === 'folder' || body.kind === 'link' ? body.kind : 'file'
  return { id, kind, deleted: body.deleted, place: body.place, sameness: samenessOf(body.content) }
}

/** One text per content: what makes two files the same, however they are chunked. */
export function samenessOf(content: Content | null): string {
  switch (content?.type) {
    case undefined:
      return ''
    case 'chunks':
      return content.hash
    case 'link':
      return `→${content.target}`
    case 'inline':
      return 'inline'
  }
}

/** Ids have a fixed length, so the last part of the key is the id whatever the name holds. */
function childId(key: string): RecordId {
  return key.slice(-32) as RecordId
}
