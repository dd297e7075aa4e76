/**
 * Which chunks a pending version names. A file that is read once more under a new key of the zone comes in other chunks;
 * those are stored, while a server that was set back may have lost the ones named before.
 */
import type { RecordId } from '@pileus/core/ids/ids'
import { sameContent } from '@pileus/core/merge/merge'
import type { Content } from '@pileus/core/records/record'
import type { Refs } from '@pileus/core/records/refs'
import type { Replica } from '../replica/replica.ts'
import { tables } from '../replica/tables.ts'
import type { StoreWriter } from '../store/store.ts'

/** The same content by the chunks that it was read in: no edit. */
export function storedAgain(content: Content, read: Content): Content {
  return content.type === 'chunks' && read.type === 'chunks' ? { ...content, list: read.list } : content
}

/** What is read for this row's record is wanted by another pending version too, which holds the same. */
export function alsoReadFor(tx: StoreWriter, id: RecordId, pending: RecordId): void {
  const others = tables.readFor.get(tx, id) ?? []
  if (!others.includes(pending)) tables.readFor.put(tx, id, [...others, pending])
}

/** Whatever is pending of the content that was read for this record names the chunks that it was read in. */
export function nameChunksRead(
  replica: Replica,
  tx: StoreWriter,
  id: RecordId,
  read: Content,
  refs: Refs,
): void {
  for (const one of [id, ...(tables.readFor.get(tx, id) ?? [])]) {
    const pending = tables.outbox.get(tx, one)
    const content = pending?.body.content
    if (!content || !sameContent(content, read)) continue
    replica.putPending(tx, one, { ...pending.body, content: storedAgain(content, read) }, { refs })
  }
  tables.readFor.delete(tx, id)
}
