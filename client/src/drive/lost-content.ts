/**
 * What is pending of a content whose chunks the server lacks: they are read from this disk again, wherever the content is on
 * it. A server that was set back may have lost what is on no disk here: then nobody can wait for it.
 */
import type { RecordId } from '@pileus/core/ids/ids'
import { vectorKey } from '@pileus/core/versions/vector'
import { samenessOf } from '../replica/forest.ts'
import { decodeSealed } from '../replica/sealed-row.ts'
import { type DiskRow, type Pending, tables } from '../replica/tables.ts'
import type { StoreWriter } from '../store/store.ts'
import { alsoReadFor } from './chunks-read.ts'
import type { DriveContext } from './context.ts'
import { refsOf } from './local-edit.ts'

/** False when the version was dropped, and nothing is left to be read again for it. */
export function readAgain(context: DriveContext, tx: StoreWriter, id: RecordId, pending: Pending): boolean {
  const { replica } = context
  const holder = holderOf(tx, id, pending)
  const row = tables.disk.get(tx, id)
  const again = holder ?? (row && ([id, row] as const))
  if (again) replica.putDisk(tx, again[0], { ...again[1], signature: '' })
  if (holder && holder[0] !== id) alsoReadFor(tx, holder[0], id)
  if (holder) return true
  // Another device's version, given back to a server that lost it and its content: that is not here either. Nor is that of
  // a file whose deletion is held. Whoever has it gives it back.
  const givenBack = row?.version !== vectorKey(pending.vector) && pending.base === null
  const notHere = givenBack || isHeld(tx, id)
  if (notHere && pending.group === null) {
    replica.dropPending(tx, id)
    return false
  }
  if (pending.group !== null) settleAnew(context, tx, id, pending)
  return true
}

/**
 * Of two versions that were settled one is nowhere any more. What is here is told as if the other had never come: whoever has
 * that keeps it beside this, which a version that had seen it would replace.
 */
function settleAnew({ replica }: DriveContext, tx: StoreWriter, id: RecordId, pending: Pending): void {
  const [settled, ...copies] = groupOf(tx, pending)
  const resolution = tables.outbox.get(tx, settled!)
  for (const copy of copies) if (copy === id || resolution) replica.dropPending(tx, copy)
  if (!resolution) return
  const shown = replica.shownBody(tx, settled!)
  if (id !== settled || shown?.content?.type !== 'chunks') {
    const { refs } = decodeSealed(tables.outboxSealed.get(tx, settled!)!)
    replica.putApart(tx, settled!, resolution.body, refs)
    return
  }
  const { content, attributes } = shown
  const refs = refsOf(shown, tables.baseRefs.get(tx, id))
  replica.putApart(tx, id, { ...resolution.body, content, attributes }, refs)
}

/** The row of a file here with this content: of its own, or of one that it was settled with. */
function holderOf(tx: StoreWriter, id: RecordId, pending: Pending): readonly [RecordId, DiskRow] | null {
  const sameness = samenessOf(pending.body.content)
  for (const one of new Set([id, ...groupOf(tx, pending)])) {
    const row = tables.disk.get(tx, one)
    if (row?.sameness === sameness && row.kind === 'file' && !isHeld(tx, one)) return [one, row]
  }
  return null
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
