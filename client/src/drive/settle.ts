/**
 * Bringing two versions of one record together on this device: register by register, and by policy where
 * contents clash. What loses becomes a conflict copy in the same group as the resolution (R8).
 */

import type { RecordId } from '@pileus/core/ids/ids'
import { conflictCopy, conflictCopyId } from '@pileus/core/merge/copy'
import { type Clash, type Merged, mergeBodies, sameBody, sameContent } from '@pileus/core/merge/merge'
import { policyFor } from '@pileus/core/merge/policy'
import type { Content, RecordBody } from '@pileus/core/records/record'
import { NO_REFS, type Refs } from '@pileus/core/records/refs'
import { conflictName } from '@pileus/core/tree/names'
import { samenessOf } from '../replica/forest.ts'
import { tables } from '../replica/tables.ts'
import type { StoreWriter } from '../store/store.ts'
import { type DriveContext, labelNow } from './context.ts'

/** A version and the clear list of its chunks. */
export interface Side {
  readonly body: RecordBody
  readonly refs: Refs
}

/** A content made of both by a three-way merge, uploaded already. */
export interface TextMerge {
  readonly content: Content
  readonly refs: Refs
}

/**
 * Settles `ours` and `theirs`, both made from `base`, where `theirs` is the effective or known version in the
 * replica. Leaves a pending version where the result says more than theirs, and drops it where it does not.
 */
export function settle(
  context: DriveContext,
  tx: StoreWriter,
  id: RecordId,
  versions: { readonly base: RecordBody | null; readonly ours: Side; readonly theirs: Side },
  text: TextMerge | null,
): void {
  const { replica } = context
  const { base, ours, theirs } = versions
  const merged = mergeBodies(base, ours.body, theirs.body)
  const settled = settleContent(merged, ours, theirs, text)
  const group = settled.loser ? `${id}` : null
  if (settled.loser) {
    const winner = settled.body
    const lost = settled.loser
    const copyId = conflictCopyId(context.crypto, id, conflictOf(base, lost.body, winner))
    // A copy that is there already was made before a crash, and may have been edited since.
    if (!replica.effective(tx, copyId)) {
      const losing = { content: lost.body.content!, attributes: lost.body.attributes }
      const copy = conflictCopy(id, winner, losing, freeLabel(context, tx, winner, losing.content))
      replica.putPending(tx, copyId, copy, { refs: lost.refs, group })
    }
  }
  if (sameBody(settled.body, theirs.body)) {
    const known = tables.known.get(tx, id)
    if (known && sameBody(known.body, theirs.body)) replica.dropPending(tx, id)
  } else replica.putPending(tx, id, settled.body, { refs: settled.refs, group })
}

/**
 * Tells a conflict from any other of the same record: by what met, and by the version that the loser was made from, since the
 * same contents may meet again, after the copy was edited or deleted.
 */
function conflictOf(
  base: RecordBody | null,
  { content: lost }: RecordBody,
  { content: won }: RecordBody,
): string {
  const contents = [base?.content ?? null, lost, won]
  return [...contents.map(samenessOf), lost?.base ?? ''].join('|')
}

/** What a copy is called: after the device that saved it, numbered where an earlier copy has the name (R9). */
function freeLabel(context: DriveContext, tx: StoreWriter, winner: RecordBody, content: Content) {
  const { replica } = context
  const { parent, name } = winner.place
  const { by: here, day } = labelNow(context)
  const by = content.type === 'inline' ? here : content.by
  const view = replica.freshView(tx)
  let number = 1
  while (view.lookup(parent, conflictName(name, by, day, number)) !== undefined) number++
  return { by, day, number, stamp: replica.nextStamp(tx) }
}

/** Whether a three-way text merge could settle these versions; it needs a common ancestor and text. */
export function wantsTextMerge(base: RecordBody | null, ours: RecordBody, theirs: RecordBody): Clash | null {
  const { clash, body } = mergeBodies(base, ours, theirs)
  return clash?.base && policyFor(body.place.name) === 'text' ? clash : null
}

interface Settled {
  readonly body: RecordBody
  readonly refs: Refs
  readonly loser: Side | null
}

function settleContent(merged: Merged, ours: Side, theirs: Side, text: TextMerge | null): Settled {
  const { body, clash } = merged
  if (!clash) {
    const refs = sameContent(body.content, theirs.body.content) ? theirs.refs : ours.refs
    return { body, refs: body.content === null ? NO_REFS : refs, loser: null }
  }
  if (text) {
    const mtime = Math.max(ours.body.attributes.mtime, theirs.body.attributes.mtime)
    return {
      body: { ...body, content: text.content, attributes: { ...body.attributes, mtime } },
      refs: text.refs,
      loser: null,
    }
  }
  const weKeepTheName = keepsTheName(body.place.name, ours.body, theirs.body)
  const winner = weKeepTheName ? ours : theirs
  const attributes = { ...body.attributes, mtime: winner.body.attributes.mtime }
  return {
    body: { ...body, content: winner.body.content, attributes },
    refs: winner.refs,
    loser: weKeepTheName ? theirs : ours,
  }
}

/** Text: the version of the device that resolves. Document: the later modification, the person's hint (R1). */
function keepsTheName(name: string, ours: RecordBody, theirs: RecordBody): boolean {
  switch (policyFor(name)) {
    case 'text':
      return true
    case 'document':
      return ours.attributes.mtime > theirs.attributes.mtime
    case 'photo':
    case 'other':
      return false
  }
}
