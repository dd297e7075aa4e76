/** The replica's records as the tree view looks at them. */
import { ID_BYTES, type RecordId } from '@pileus/core/ids/ids'
import type { Content, RecordBody } from '@pileus/core/records/record'
import type { Forest, TreeNode } from '@pileus/core/tree/forest'
import { type StoreReader, withPrefix } from '../store/store.ts'
import { tables } from './tables.ts'

/** The version that counts on this device: the pending one, else the known one. */
export function effectiveBody(from: StoreReader, id: RecordId): RecordBody | undefined {
  return (tables.outbox.get(from, id) ?? tables.known.get(from, id))?.body
}

/** Names asked about in one folder after which all of its names are read at once. */
const NAMES_ONE_BY_ONE = 8

/** A forest over the effective versions in this reader, as they are while it is used. */
export function replicaForest(
  from: StoreReader,
  redirects: ReadonlyMap<RecordId, RecordId>,
  caseInsensitive: boolean,
): Forest {
  const remembered = new Map<RecordId, TreeNode | undefined>()
  const asked = new Map<RecordId, number>()
  const listed = new Map<RecordId, ReadonlyMap<string, readonly RecordId[]>>()

  /** The children of a folder by name key, where so many were asked about that one scan is less work. */
  function listing(parent: RecordId): ReadonlyMap<string, readonly RecordId[]> | undefined {
    const known = listed.get(parent)
    if (known) return known
    const times = (asked.get(parent) ?? 0) + 1
    asked.set(parent, times)
    if (times <= NAMES_ONE_BY_ONE) return undefined
    const names = new Map<string, RecordId[]>()
    for (const [key] of tables.child.entries(from, withPrefix(`${parent}/`))) {
      const name = key.slice(parent.length + 1, -CHILD_ID_LENGTH - 1)
      const ids = names.get(name)
      if (ids) ids.push(childId(key))
      else names.set(name, [childId(key)])
    }
    listed.set(parent, names)
    return names
  }

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
      const names = listing(parent)
      if (names) yield* names.get(name) ?? []
      else
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
const CHILD_ID_LENGTH = 2 * ID_BYTES.record

function childId(key: string): RecordId {
  return key.slice(-CHILD_ID_LENGTH) as RecordId
}
