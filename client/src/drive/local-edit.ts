/** A person's change of one node, as a pending version of its record. */
import type { RecordId } from '@pileus/core/ids/ids'
import type { RecordBody } from '@pileus/core/records/record'
import { NO_REFS, type Refs } from '@pileus/core/records/refs'
import type { Replica } from '../replica/replica.ts'
import { decodeSealed } from '../replica/sealed-row.ts'
import { type DiskRow, tables } from '../replica/tables.ts'
import type { StoreWriter } from '../store/store.ts'
import type { FileContent } from '../transfer/chunks.ts'
import type { DriveContext } from './context.ts'
import { settle, type TextMerge } from './settle.ts'

/**
 * A change the person made to what the disk shows of a record. Where the record has moved on meanwhile, the two
 * are settled; the disk row keeps what it shows as its base until the result is on the disk.
 */
export function localEdit(
  context: DriveContext,
  tx: StoreWriter,
  id: RecordId,
  edit: (body: RecordBody) => RecordBody,
  refs?: Refs,
  text: TextMerge | null = null,
): void {
  const { replica } = context
  const effective = replica.effective(tx, id)
  const row = tables.disk.get(tx, id)
  if (!effective) {
    if (row) editUntold(replica, tx, id, row, edit, refs)
    return
  }
  if (!row || row.version === effective.key) {
    replica.putPending(tx, id, edit(effective.body), { ...(refs && { refs }) })
    const now = replica.effective(tx, id)!.key
    if (row && now !== effective.key) replica.putDisk(tx, id, { ...row, version: now })
    return
  }
  const base = tables.base.get(tx, id) ?? null
  const ours = edit(base ?? effective.body)
  const sealed = tables.outboxSealed.get(tx, id) ?? tables.sealed.get(tx, id)!
  const theirs = { body: effective.body, refs: decodeSealed(sealed).refs }
  const ourRefs = refs ?? refsOf(ours, base === null ? theirs.refs : tables.baseRefs.get(tx, id))
  settle(context, tx, id, { base, ours: { body: ours, refs: ourRefs }, theirs }, text)
  // The row keeps the version it was made from, which never counts again: what it shows is its base.
  replica.putBase(tx, id, ours, ourRefs)
  replica.touch(tx, id)
}

/**
 * A conflict copy that nobody was told of, and that is not needed any more, goes from the disk; but one that a person changed
 * is a file like any other.
 */
function editUntold(
  replica: Replica,
  tx: StoreWriter,
  id: RecordId,
  row: DiskRow,
  edit: (body: RecordBody) => RecordBody,
  refs: Refs | undefined,
): void {
  const base = tables.base.get(tx, id)
  const edited = base && edit(base)
  if (!edited || edited.deleted || edited.conflictOf !== null) return
  replica.putPending(tx, id, edited, { refs: refs ?? refsOf(edited, tables.baseRefs.get(tx, id)) })
  replica.putDisk(tx, id, { ...row, version: replica.effective(tx, id)!.key })
}

/** The chunks that the server has of a record, when nobody but this device ever wrote it; else null. */
export function ownContent({ store, writer }: Replica, id: RecordId): FileContent | null {
  const known = tables.known.get(store, id)
  if (!known || Object.keys(known.vector).some((other) => other !== writer)) return null
  const { content } = known.body
  return content?.type === 'chunks' ? content : null
}

/** The chunks of a body whose list is short are its entries; those of a longer list were kept with the base. */
export function refsOf(body: RecordBody, long: Refs | undefined): Refs {
  if (body.content?.type !== 'chunks') return NO_REFS
  if (body.content.list.depth > 0) {
    if (!long) throw new Error('the clear list of a long content was not kept with the base')
    return long
  }
  return { depth: 0, ids: [...new Set(body.content.list.entries.map((entry) => entry.id))] }
}
