/**
 * Another database that seals in the name of this one's writer: a clone of it, or what it was itself before it was set back
 * (sync.md, scenario 8). A version that is pending here says by its counter that it has seen what that made, and has not.
 */
import type { Digest } from '@pileus/core/ids/ids'
import type { HistoryPage } from '@pileus/core/protocol/changes'
import { decodeFacts } from '@pileus/core/records/facts'
import type { RecordBody, RecordVersion } from '@pileus/core/records/record'
import { leafOf, openChecked } from '@pileus/core/records/seal'
import { compareVectors, type VersionVector } from '@pileus/core/versions/vector'
import type { Replica } from '../replica/replica.ts'
import { decodeSealed } from '../replica/sealed-row.ts'
import { getMeta, type Known, type Pending, tables } from '../replica/tables.ts'
import type { StoreReader, StoreWriter } from '../store/store.ts'
import type { DriveContext } from './context.ts'
import { type Side, settle } from './settle.ts'

type Received = { readonly version: RecordVersion; readonly leaf: Digest }
type Stored = HistoryPage['versions'][number]

/** What a twin made, and a version that was sealed here replaced without having seen it; `base` is what both were made from. */
export interface ReplacedUnseen {
  readonly version: RecordVersion
  readonly side: Side
  readonly base: RecordBody | null
}

/** What the server's history of a record says about what is pending of it. */
export interface LookedBack {
  /**
   * The version says that it has seen what is pending here, though the server never had that: what it has seen is a twin's,
   * under the same counter.
   */
  readonly followsTwin: boolean
  readonly replaced: ReplacedUnseen | null
}

/**
 * The server has versions under this writer's id that this database never made, or not with these bytes; or others under the
 * vector of what is pending.
 */
export function knowsMoreOfUs(
  { replica }: DriveContext,
  tx: StoreWriter,
  { id, vector }: RecordVersion,
  leaf: Digest,
): boolean {
  const { writer } = replica
  const known = tables.known.get(tx, id)
  const pending = tables.outbox.get(tx, id)
  // The row that shows what is pending would be taken to show this, and what is saved next to be made from it.
  if (pending && pending.leaf !== leaf && compareVectors(vector, pending.vector) === 'equal') return true
  const theirs = counterOf(vector, writer)
  if (theirs === 0) return false
  const highest = Math.max(counterOf(known?.vector, writer), counterOf(pending?.vector, writer))
  if (theirs > Math.max(highest, tables.sealedUpTo.get(tx, id) ?? 0)) return true
  // Or else it would be replaced unseen.
  return pending !== undefined && isTwins(replica, known, pending, vector, leaf)
}

/** A server that was set back shows what a twin told under the same counter, in the place of what it lost. */
export function standsInPlace({ store }: Replica, { version, leaf }: Received): boolean {
  const known = getMeta(store, 'rereading') && tables.known.get(store, version.id)
  return known ? known.leaf !== leaf && compareVectors(version.vector, known.vector) === 'equal' : false
}

/**
 * Whether the server may accept this for more than it has seen: a twin may have told something under one of the counters that
 * it passed over. Who pushes it beside others looks back before it counts as accepted.
 */
export function passesOver(from: StoreReader, { writer }: Replica, id: RecordVersion['id']): boolean {
  const pending = tables.outbox.get(from, id)
  if (!pending?.ours) return false
  return counterOf(pending.vector, writer) > counterOf(tables.known.get(from, id)?.vector, writer) + 1
}

/**
 * Reads the record's history where a version that comes has seen what is pending here, or is of its making. In what was
 * given back to a server that lost it others may have seen it all the same. Rejects like any call.
 */
export async function lookBack(context: DriveContext, { version }: Received): Promise<LookedBack | null> {
  const { replica } = context
  const { store, writer } = replica
  const { id, vector } = version
  const pending = tables.outbox.get(store, id)
  if (!pending?.ours) return null
  const known = tables.known.get(store, id)
  const isAfter = compareVectors(vector, pending.vector) === 'after'
  const isOfOurs = counterOf(vector, writer) > counterOf(known?.vector, writer)
  if (!isAfter && !(isOfOurs && passesOver(store, replica, id))) return null
  let isTold = false
  let replaced: ReplacedUnseen | null = null
  let newer: Digest | null = null
  for await (const { stored, batches } of historyOf(context, id)) {
    const leaf = leafOf(context.crypto, stored.record)
    isTold ||= leaf === pending.leaf
    const wasReplaced = newer !== null && (newer === pending.leaf || pending.ours.includes(newer))
    const isUnseen =
      wasReplaced && isTwins(replica, known, pending, decodeFacts(stored.record.facts).vector, leaf)
    if (isUnseen) replaced ??= await openReplaced(context, pending, stored, batches)
    if (leaf === known?.leaf) break
    newer = leaf
  }
  return { followsTwin: isAfter && !isTold, replaced }
}

/** Brings together what a twin made and what counts here, which replaced it unseen. */
export function settleReplaced(
  context: DriveContext,
  tx: StoreWriter,
  { version, side, base }: ReplacedUnseen,
): void {
  const { id } = version
  const effective = context.replica.effective(tx, id)
  const sealed = tables.outboxSealed.get(tx, id) ?? tables.sealed.get(tx, id)
  if (!effective || !sealed) return
  const theirs = { body: effective.body, refs: decodeSealed(sealed).refs }
  settle(context, tx, id, { base, ours: side, theirs }, null)
}

/**
 * Whether what is pending says that it has seen this version, which was made under a counter of its writer and not sealed
 * here. What it took the place of is remembered; of counters that were passed over before, all that the server has is a twin's.
 */
function isTwins(
  { writer }: Replica,
  known: Known | undefined,
  { ours, vector: pending }: Pending,
  vector: VersionVector,
  leaf: Digest,
): boolean {
  if (!ours || compareVectors(vector, pending) !== 'before') return false
  const theirs = counterOf(vector, writer)
  const behind = counterOf(pending, writer) - theirs
  if (behind >= 1 && behind <= ours.length) return ours.at(-behind) !== leaf
  return known !== undefined && theirs > counterOf(known.vector, writer)
}

async function openReplaced(
  { crypto, zone }: DriveContext,
  { base }: Pending,
  stored: Stored,
  batches: HistoryPage['batches'],
): Promise<ReplacedUnseen> {
  const [proven] = await zone.verify({ changes: [stored], batches })
  const version = openChecked(crypto, zone.keysOf, stored.record, proven!.facts)
  return { version, side: { body: version.body, refs: stored.record.refs }, base }
}

/** The versions of a record that the server has, newest first. */
async function* historyOf({ remote, zone }: DriveContext, id: RecordVersion['id']) {
  for (let before: number | undefined; ; ) {
    const { versions, batches, next } = await remote.history(zone.zone, id, before)
    for (const stored of versions) yield { stored, batches }
    if (next === null || next === undefined) return
    before = next
  }
}

function counterOf(vector: VersionVector | undefined, writer: Replica['writer']): number {
  return vector?.[writer] ?? 0
}
