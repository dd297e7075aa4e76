/**
 * What is pending of a content whose chunks the server lacks: they are read from this disk again, wherever the content is on
 * it. A server that was set back may have lost what is on no disk here: then nobody can wait for it.
 */
import type { RecordId } from '@pileus/core/ids/ids'
import { sameContent } from '@pileus/core/merge/merge'
import type { RecordBody } from '@pileus/core/records/record'
import { compareVectors, NO_VERSION, vectorKey, vectorOfKey } from '@pileus/core/versions/vector'
import { samenessOf } from '../replica/forest.ts'
import type { Replica } from '../replica/replica.ts'
import { decodeSealed } from '../replica/sealed-row.ts'
import { type DiskRow, type Pending, tables } from '../replica/tables.ts'
import type { StoreWriter } from '../store/store.ts'
import { alsoReadFor } from './chunks-read.ts'
import type { DriveContext } from './context.ts'
import { refsOf } from './local-edit.ts'
import { type Side, settle } from './settle.ts'

/** False when the version was dropped, and nothing is left to be read again for it. */
export function readAgain(context: DriveContext, tx: StoreWriter, id: RecordId, pending: Pending): boolean {
  const { replica } = context
  const holder = holderOf(replica, tx, id, pending)
  const row = tables.disk.get(tx, id)
  const again = holder ?? (row && ([id, row] as const))
  if (again) replica.putDisk(tx, again[0], { ...again[1], signature: '' })
  if (holder && holder[0] !== id) alsoReadFor(tx, holder[0], id)
  if (holder) return true
  if (pending.group !== null) {
    settleAnew(context, tx, id, pending)
    return true
  }
  const shown = isHeld(tx, id) ? null : shownSide(replica, tx, id, pending.body)
  if (shown && (pending.base !== null || !isKnown(tx, id, shown))) {
    tellHere(context, tx, id, shown)
    return true
  }
  // Another device's version, given back to a server that lost it and its content: that is not here either. Nor is that of
  // a file whose deletion is held or undone. Whoever has it gives it back.
  const givenBack = row?.version !== vectorKey(pending.vector) && pending.base === null
  if (row && !givenBack && !isHeld(tx, id)) return true
  replica.dropPending(tx, id)
  return false
}

/**
 * Of two versions that were settled one is nowhere any more. What is here is told as if the other had never come: whoever has
 * that keeps it beside this, which a version that had seen it would replace.
 */
function settleAnew(context: DriveContext, tx: StoreWriter, id: RecordId, pending: Pending): void {
  const { replica } = context
  const [settled, ...copies] = groupOf(tx, pending)
  const resolution = tables.outbox.get(tx, settled!)
  const shown = id === settled && resolution ? shownSide(replica, tx, id, resolution.body) : null
  const told = shown?.body ?? resolution?.body
  for (const copy of copies)
    if (copy === id || (told && !staysApart(replica, tx, copy, told))) replica.dropPending(tx, copy)
  if (!resolution) return
  const { refs } = decodeSealed(tables.outboxSealed.get(tx, settled!)!)
  tellHere(context, tx, settled!, shown ?? { body: resolution.body, refs })
}

/** Its content is on this disk: by itself, edited by a person perhaps, or where what is told now will take its place. */
function staysApart(replica: Replica, tx: StoreWriter, copy: RecordId, told: RecordBody): boolean {
  const pending = tables.outbox.get(tx, copy)!
  const holder = holderOf(replica, tx, copy, pending)
  return holder !== null && (holder[0] === copy || !sameContent(pending.body.content, told.content))
}

/** The record with the content that this disk shows of it; null where it shows none. */
function shownSide(replica: Replica, tx: StoreWriter, id: RecordId, body: RecordBody): Side | null {
  const shown = replica.shownBody(tx, id)
  if (shown?.content?.type !== 'chunks') return null
  const { content, attributes } = shown
  return { body: { ...body, content, attributes }, refs: refsOf(shown, tables.baseRefs.get(tx, id)) }
}

function isKnown(tx: StoreWriter, id: RecordId, { body }: Side): boolean {
  const known = tables.known.get(tx, id)
  return known !== undefined && sameContent(known.body.content, body.content)
}

/** Tells what is here in the place of what is pending. What the server has from those who did not see this is kept beside it. */
function tellHere(context: DriveContext, tx: StoreWriter, id: RecordId, here: Side): void {
  const { replica } = context
  const known = tables.known.get(tx, id)
  const row = tables.disk.get(tx, id)
  const order = known && compareVectors(known.vector, row ? vectorOfKey(row.version) : NO_VERSION)
  if (!known || order === 'before' || order === 'equal' || isKnown(tx, id, here)) {
    replica.putApart(tx, id, here.body, here.refs)
    return
  }
  // Or else what is told would have seen what is nowhere.
  replica.dropPending(tx, id)
  const base = order === 'after' ? unedited(replica, tx, id) : null
  const theirs = { body: known.body, refs: decodeSealed(tables.sealed.get(tx, id)!).refs }
  settle(context, tx, id, { base, ours: here, theirs }, null)
}

/** The version whose key the row has; null where the person changed its content since, which has it as its base. */
function unedited(replica: Replica, tx: StoreWriter, id: RecordId): RecordBody | null {
  const shown = replica.shownBody(tx, id)
  const isEdited =
    shown?.content?.type === 'chunks' && shown.content.base === tables.disk.get(tx, id)?.version
  return isEdited ? null : shown
}

/** The row of a file here with this content: of its own, of one that it was settled with, or of one that stands for both (R4). */
function holderOf(
  replica: Replica,
  tx: StoreWriter,
  id: RecordId,
  pending: Pending,
): readonly [RecordId, DiskRow] | null {
  const sameness = samenessOf(pending.body.content)
  for (const one of holders(replica, tx, id, pending)) {
    const row = tables.disk.get(tx, one)
    if (row?.sameness === sameness && row.kind === 'file' && !isHeld(tx, one)) return [one, row]
  }
  return null
}

function* holders(replica: Replica, tx: StoreWriter, id: RecordId, pending: Pending): Iterable<RecordId> {
  yield id
  yield* groupOf(tx, pending)
  yield* replica.freshView(tx).aliases(id)
}

/** The records of a group: that which was settled, which may be told already, and its copies. */
function groupOf(tx: StoreWriter, { group }: Pending): RecordId[] {
  if (group === null) return []
  const pending = [...tables.outbox.entries(tx)].filter(
    ([id, other]) => other.group === group && id !== group,
  )
  return [group as RecordId, ...pending.map(([id]) => id as RecordId)]
}

function isHeld(tx: StoreWriter, id: RecordId): boolean {
  return tables.held.get(tx, id) !== undefined
}
