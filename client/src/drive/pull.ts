/**
 * Reading what changed in the zone: verify each record and who wrote it, open it, settle it with what is
 * pending here, and advance the cursor in the same transaction.
 */
import type { Digest, RecordId } from '@pileus/core/ids/ids'
import { sameContent } from '@pileus/core/merge/merge'
import type { ChangesPage } from '@pileus/core/protocol/changes'
import type { Announcement } from '@pileus/core/protocol/live'
import { Problem } from '@pileus/core/protocol/problem'
import { samePlace } from '@pileus/core/records/figure'
import type { RecordBody, RecordVersion } from '@pileus/core/records/record'
import { openChecked } from '@pileus/core/records/seal'
import type { SealedRecord } from '@pileus/core/records/sealed'
import { compareStamps } from '@pileus/core/tree/stamp'
import { compareVectors } from '@pileus/core/versions/vector'
import { figuresOf } from '../account/figures.ts'
import { samenessOf } from '../replica/forest.ts'
import { decodeSealed } from '../replica/sealed-row.ts'
import { getMeta, type Known, putMeta, tables } from '../replica/tables.ts'
import type { StoreWriter } from '../store/store.ts'
import { type DriveContext, labelNow, type SyncOptions } from './context.ts'
import {
  checkContinues,
  checkPage,
  compareFigures,
  continues,
  forgetFigures,
  forgetSigned,
  noteSigned,
  rememberFigure,
} from './figures.ts'
import { settle, type TextMerge, wantsTextMerge } from './settle.ts'
import { mergeTexts } from './text-merge.ts'
import { knowsMoreOfUs, type LookedBack, lookBack, settleReplaced, standsInPlace } from './twins.ts'
import { ServerUntrue } from './untrue.ts'

interface Received {
  readonly version: RecordVersion
  readonly sealed: SealedRecord
  readonly leaf: Digest
  readonly sequence: number
}

/** A server that is set back oftener during one reading has other troubles. */
const SET_BACK_MAX = 3

/** Pulls to the zone's head. Returns how many records came. Rejects with ServerUntrue where the server contradicts itself. */
export async function pull(context: DriveContext, options: SyncOptions): Promise<number> {
  let received = 0
  let timesSetBack = 0
  const doubted = getMeta(context.replica.store, 'doubted') ?? false
  checkLog(context)
  for (;;) {
    options.signal?.throwIfAborted()
    const { endedAt, logHeads } = context.zone
    const page = await readPage(context)
    // An entry that ends a right names a sequence number that the zone had then: a later one would let its device go on.
    if (endedAt > page.head.sequence) throw new ServerUntrue('it put a removal after the end of its history')
    try {
      received += await takePage(context, page)
    } catch (error) {
      // The server was set back while this was read. It says so of the next page too, and all is read again. One that
      // was just found untrue is not believed to have been: it may have shown a place that never was.
      if (doubted || !isCursorUnknown(error) || ++timesSetBack > SET_BACK_MAX) throw error
      continue
    }
    options.progress?.({ phase: 'reading', files: received, bytes: 0 })
    if (page.more) continue
    rememberLog(context, logHeads)
    return received
  }
}

/** The log of the zone must continue the longest one seen here: cut short, it would hide removals. */
function checkLog({ replica, zone }: DriveContext): void {
  const seen = getMeta(replica.store, 'log')
  if (seen && zone.logHeads[seen.length - 1] !== seen.head) {
    throw new ServerUntrue('it cut or rewrote the log of who may read and write')
  }
}

function rememberLog({ replica }: DriveContext, logHeads: readonly Digest[]): void {
  const log = { length: logHeads.length, head: logHeads.at(-1)! }
  if (getMeta(replica.store, 'log')?.length !== log.length)
    replica.transaction('lazy', (tx) => putMeta(tx, 'log', log))
}

async function readPage(context: DriveContext): Promise<ChangesPage> {
  const { remote, replica, zone } = context
  const cursor = getMeta(replica.store, 'cursor') ?? null
  try {
    const page = await remote.changes(zone.zone, cursor)
    if (!getMeta(replica.store, 'doubted')) return page
    replica.transaction('durable', fromTheStart)
  } catch (error) {
    if (!isCursorUnknown(error) || cursor === null) throw error
    // The server was restored from a backup, or this replica was: read all again and push what it lost.
    replica.transaction('durable', (tx) => {
      fromTheStart(tx)
      forgetFigures(tx)
      putMeta(tx, 'rereading', true)
    })
  }
  return remote.changes(zone.zone, null)
}

function isCursorUnknown(error: unknown): boolean {
  return error instanceof Problem && error.code === 'cursor-unknown'
}

function fromTheStart(tx: StoreWriter): void {
  putMeta(tx, 'cursor', undefined)
  putMeta(tx, 'ahead', undefined)
  putMeta(tx, 'doubted', undefined)
  forgetSigned(tx)
  for (const [id] of [...tables.seen.entries(tx)]) tables.seen.delete(tx, id)
}

/**
 * Takes what was announced, if it directly follows the cursor. Returns how many records came, or null where the
 * server has to be asked, because something lies between or nothing was carried.
 */
export async function takeAnnouncement(
  context: DriveContext,
  { head, news }: Announcement,
): Promise<number | null> {
  const { store } = context.replica
  const cursor = getMeta(store, 'cursor')
  if (!cursor || head.zone !== context.zone.zone) return null
  if (getMeta(store, 'rereading') || getMeta(store, 'doubted') || getMeta(store, 'ahead')) return null
  if (samePlace(cursor, head)) return 0
  // Older than what this device knows: its own push, answered before it was announced.
  if (news && head.incarnation === cursor.incarnation && head.sequence < cursor.sequence) return 0
  if (!news || !samePlace(cursor, news.after)) return null
  const { incarnation, sequence, chain } = head
  const page = { ...news, cursor: { incarnation, sequence, chain }, more: false, head }
  try {
    return await takePage(context, page)
  } catch (error) {
    // The server was set back since it told this.
    if (!isCursorUnknown(error)) throw error
    return null
  }
}

/**
 * Verifies, opens and integrates a page that follows the cursor; after the last one compares the figures of all. Where the
 * server is found untrue nothing of the page stays, and the next pull reads all again.
 */
async function takePage(context: DriveContext, page: ChangesPage): Promise<number> {
  const { replica } = context
  try {
    checkContinues(replica.store, page.head)
    const cursor = getMeta(replica.store, 'cursor')
    checkPage(cursor, page)
    const records = await openPage(context, page)
    const steps = records.map(({ version, leaf, sequence }) => ({
      sequence,
      record: version.id,
      newLeaf: leaf,
    }))
    await integratePage(context, page, records, continues(context, steps, page.cursor, cursor))
    if (!page.more) {
      await compareFigures(context, page.head)
      replica.transaction('lazy', (tx) => {
        rememberFigure(tx, page.head)
        forgetSigned(tx)
        putMeta(tx, 'ahead', undefined)
        if (tables.outbox.count(tx) === 0) putMeta(tx, 'generation', page.head.generation)
      })
    }
    return records.length
  } catch (error) {
    if (error instanceof ServerUntrue) {
      await showAhead(context)
      replica.transaction('durable', (tx) => putMeta(tx, 'doubted', true))
    }
    throw error
  }
}

/**
 * A server that was set back behind what it accepted from here, and not behind the cursor, cannot know it: shown the place it
 * named then, it says so. Rejects with 'cursor-unknown' in that case.
 */
async function showAhead({ remote, replica, zone }: DriveContext): Promise<void> {
  const ahead = getMeta(replica.store, 'ahead')
  if (ahead) await remote.changes(zone.zone, ahead)
}

async function integratePage(
  context: DriveContext,
  page: ChangesPage,
  records: readonly Received[],
  continuous: boolean,
): Promise<void> {
  const { replica } = context
  const texts = new Map<RecordId, TextMerge>()
  const behind: LookedBack[] = []
  for (const record of records) {
    const looked = await lookBack(context, record)
    if (looked) behind.push(looked)
    const text = await textMergeFor(context, record)
    if (text) texts.set(record.version.id, text)
  }
  const inPlace = records.filter((record) => standsInPlace(replica, record))
  replica.transaction('durable', (tx) => {
    for (const { version } of inPlace) replica.pushAgain(tx, version.id)
    const replaced = behind.flatMap((looked) => looked.replaced ?? [])
    if (inPlace.length > 0 || behind.some(({ followsTwin }) => followsTwin)) replica.takeNewWriter(tx)
    for (const record of records) integrate(context, tx, record, texts.get(record.version.id) ?? null)
    // Only now, because what was accepted is told by the bytes it had.
    if (replaced.length > 0) replica.takeNewWriter(tx)
    for (const unseen of replaced) settleReplaced(context, tx, unseen)
    stampClashesAgain(context, tx, records)
    putMeta(tx, 'cursor', page.cursor)
    noteSigned(tx, figuresOf(page), continuous)
    if (page.more) return
    if (getMeta(tx, 'rereading')) finishRereading(context, tx)
    // The records here must be those the server says it has: nothing left out, nothing rolled back.
    if (replica.setDigest(tx) !== page.head.setHash) {
      throw new ServerUntrue('the records it shows are not all the records it says it has')
    }
  })
}

/** Opens the page's records, each proven to be part of a batch that a writer of the zone signed. */
async function openPage(context: DriveContext, page: ChangesPage): Promise<Received[]> {
  const { crypto, zone } = context
  const proven = await zone.verify(page)
  return page.changes.map(({ record, sequence }, index) => {
    const { facts, leaf } = proven[index]!
    return { version: openChecked(crypto, zone.keysOf, record, facts), sealed: record, leaf, sequence }
  })
}

function integrate(context: DriveContext, tx: StoreWriter, record: Received, text: TextMerge | null): void {
  const { replica } = context
  const { version, sealed, sequence, leaf } = record
  const { id } = version
  const rereading = getMeta(tx, 'rereading') === true
  if (rereading) tables.seen.put(tx, id, '')
  const known = tables.known.get(tx, id)
  if (known) {
    if (known.leaf === leaf) {
      if (known.sequence === sequence) return
      if (!rereading) throw new ServerUntrue('it shows one version at two places of its history')
      tables.known.put(tx, id, { ...known, sequence })
      return
    }
    const order = compareVectors(version.vector, known.vector)
    if (order === 'equal') throw new ServerUntrue('it shows two different records for one version')
    if (order === 'before' && !rereading)
      throw new ServerUntrue('it went back to an older version of a record')
    // What the server lost is pushed again, or settled with what was written in its place.
    if (order !== 'after' && !tables.outbox.get(tx, id)) replica.pushAgain(tx, id)
  }
  if (knowsMoreOfUs(context, tx, version, leaf)) replica.takeNewWriter(tx)
  const pending = tables.outbox.get(tx, id)
  if (!pending) {
    replica.putKnown(tx, version, sealed, leaf, sequence)
    return
  }
  if (replica.acceptPending(tx, id, leaf, sequence)) return
  switch (compareVectors(version.vector, pending.vector)) {
    case 'before':
      replica.putKnown(tx, version, sealed, leaf, sequence)
      return
    case 'after':
      replica.putKnown(tx, version, sealed, leaf, sequence)
      replica.dropPending(tx, id)
      return
    case 'concurrent': {
      const ours = { body: pending.body, refs: decodeSealed(tables.outboxSealed.get(tx, id)!).refs }
      if (known && pending.group === id && replaces(version, known)) dropCopiesOf(context, tx, id, known.body)
      replica.putKnown(tx, version, sealed, leaf, sequence)
      settle(
        context,
        tx,
        id,
        { base: pending.base, ours, theirs: { body: version.body, refs: sealed.refs } },
        text,
      )
    }
  }
}

/** Whether whoever made it had seen the known version, and gave it another content: not where a server set back had lost that. */
function replaces(version: RecordVersion, known: Known): boolean {
  const isLater = compareVectors(version.vector, known.vector) === 'after'
  return isLater && !sameContent(known.body.content, version.body.content)
}

/**
 * Conflict copies of the content that the server had before, if they are not told yet: whoever put another in its place had seen
 * that, and kept it beside theirs or went on from it.
 */
function dropCopiesOf({ replica }: DriveContext, tx: StoreWriter, id: RecordId, before: RecordBody): void {
  for (const [copy, { group, body }] of [...tables.outbox.entries(tx)]) {
    const isCopy = copy !== id && group === id && body.conflictOf !== null
    if (isCopy && sameContent(body.content, before.content)) replica.dropPending(tx, copy as RecordId)
  }
}

async function textMergeFor(context: DriveContext, { version }: Received): Promise<TextMerge | null> {
  const pending = tables.outbox.get(context.replica.store, version.id)
  if (!pending || compareVectors(version.vector, pending.vector) !== 'concurrent') return null
  const clash = wantsTextMerge(pending.base, pending.body, version.body)
  return clash && mergeTexts(context, clash)
}

/**
 * A place that was set without knowledge of a namesake the server had first is set again, after it (R3), so that
 * whoever was first on the server keeps the name.
 */
function stampClashesAgain(context: DriveContext, tx: StoreWriter, records: readonly Received[]): void {
  const { replica } = context
  if (tables.outbox.count(tx) === 0) return
  for (const { version } of records) {
    const { body, id } = version
    if (body.deleted) continue
    const key = `${body.place.parent}/${replica.nameKey(body.place.name)}/`
    for (const [childKey] of tables.child.entries(tx, { from: key, to: `${key}~` })) {
      const otherId = childKey.slice(-32) as RecordId
      const other = tables.outbox.get(tx, otherId)
      if (otherId === id || !other || other.body.deleted) continue
      const placedAnew = !other.base || compareStamps(other.base.place.stamp, other.body.place.stamp) !== 0
      const oneThing =
        other.body.kind === body.kind && samenessOf(other.body.content) === samenessOf(body.content)
      if (!placedAnew || oneThing || compareStamps(other.body.place.stamp, body.place.stamp) > 0) continue
      const place = { ...other.body.place, ...labelNow(context), stamp: replica.nextStamp(tx) }
      replica.putPending(tx, otherId, { ...other.body, place })
    }
  }
}

/** All was read again: what the server did not show, it lost. */
function finishRereading(context: DriveContext, tx: StoreWriter): void {
  for (const [id] of [...tables.known.entries(tx)]) {
    if (tables.seen.get(tx, id) === undefined) context.replica.pushAgain(tx, id as RecordId)
  }
  for (const [id] of [...tables.seen.entries(tx)]) tables.seen.delete(tx, id)
  putMeta(tx, 'rereading', undefined)
}
