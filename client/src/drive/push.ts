/** Sending what is pending, in signed batches; what the server had newer is pulled and settled first. */
import { type RecordId, randomId } from '@pileus/core/ids/ids'
import { BATCH_MAX_BYTES, BATCH_MAX_RECORDS } from '@pileus/core/limits'
import { Problem } from '@pileus/core/protocol/problem'
import type { PushOutcome, PushRequest } from '@pileus/core/protocol/push'
import { signBatch } from '@pileus/core/records/batch'
import { firstFigure } from '@pileus/core/records/figure'
import { sealedBytes } from '@pileus/core/records/seal'
import type { SealedRecord } from '@pileus/core/records/sealed'
import { decodeSealed } from '../replica/sealed-row.ts'
import { getMeta, type Pending, putMeta, tables } from '../replica/tables.ts'
import type { StoreWriter } from '../store/store.ts'
import type { DriveContext, SyncOptions } from './context.ts'
import { isUncompared, lastFigure, rememberFigure } from './figures.ts'
import { readAgain } from './lost-content.ts'
import { pull } from './pull.ts'
import { isOverQuota } from './room.ts'
import { passesOver } from './twins.ts'

export interface Pushed {
  readonly accepted: number
  /** Records the server had newer: to be pulled and settled. */
  readonly stale: number
  /** Records whose chunks the server lacks: their files are read again. */
  readonly missing: number
  /** Nothing else came to the zone since the cursor, which now stands at its head. */
  readonly alone: boolean
  /** The account has no room for some of the records that are new; the others were pushed. */
  readonly noRoom: Problem | null
}

export interface PushedAll {
  /** Files must be read again. */
  readonly again: boolean
  /** There is no room for the records that are left. To be thrown once all else is done. */
  readonly noRoom: Problem | null
}

/** Attempts of which the server took nothing before a round gives up on the outbox. */
const MAX_VAIN_ATTEMPTS = 12

/** Pushes until the outbox is empty but for what does not fit, settling what the server had newer. */
export async function pushAll(
  context: DriveContext,
  options: SyncOptions,
  total: { pushed: number; pulled: number },
): Promise<PushedAll> {
  const { store } = context.replica
  let noRoom: Problem | null = null
  for (let vain = 0; tables.outbox.count(store) > 0 && vain < MAX_VAIN_ATTEMPTS; ) {
    const pushed = await push(context, options)
    noRoom = pushed.noRoom
    total.pushed += pushed.accepted
    if (pushed.accepted === 0) vain++
    if (pushed.missing > 0) return { again: true, noRoom }
    if (noRoom && pushed.alone && pushed.stale === 0) break
    // Others wrote meanwhile: the cursor comes up to what is known here, so that the two tell of one state again.
    if (!pushed.alone || pushed.stale > 0 || tables.outbox.count(store) > 0)
      total.pulled += await pull(context, options)
  }
  return { again: false, noRoom }
}

/** A log that moves on oftener while one batch is signed has other troubles. */
const LOG_MOVES_MAX = 3

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const NOTHING_PUSHED: Pushed = { accepted: 0, stale: 0, missing: 0, alone: true, noRoom: null }

interface Ready {
  readonly id: RecordId
  readonly pending: Pending
  readonly sealed: SealedRecord
}

/** Pushes what is pending until others turn out to write too. */
export async function push(context: DriveContext, options: SyncOptions): Promise<Pushed> {
  const total: Mutable<Pushed> = { ...NOTHING_PUSHED }
  // What the server is about to see under this writer's counters must never be made again with other bytes:
  // it is durable here first, with all that was written before.
  const { replica } = context
  replica.transaction('durable', (tx) => putMeta(tx, 'pushes', (getMeta(tx, 'pushes') ?? 0) + 1))
  for (const batch of batches(context)) {
    options.signal?.throwIfAborted()
    // What is new in a later one would not find room either.
    const part: readonly Ready[] = total.noRoom ? partsOf(context, batch).known : batch
    await pushWhatFits(context, part, total)
    options.progress?.({ phase: 'pushing', files: total.accepted, bytes: 0 })
    // The next batch would say that it has seen what lies behind the cursor.
    if (!total.alone) break
  }
  return total
}

/**
 * Pushes the batch, and where the account has no room for all of it first what the server knows already, which always
 * passes, then of what is new as much as fits, in its order.
 */
async function pushWhatFits(
  context: DriveContext,
  batch: readonly Ready[],
  total: Mutable<Pushed>,
): Promise<void> {
  if (batch.length === 0) return
  try {
    const pushed = await pushUnderNewestLog(context, batch)
    total.accepted += pushed.accepted
    total.stale += pushed.stale
    total.missing += pushed.missing
    total.alone &&= pushed.alone
  } catch (error) {
    if (!isOverQuota(error)) throw error
    const { known, groups } = partsOf(context, batch)
    if (groups.length === 0 || (known.length === 0 && groups.length === 1)) {
      total.noRoom = error
      return
    }
    const half = Math.ceil(groups.length / 2)
    const parts = known.length > 0 ? [known, groups] : [groups.slice(0, half), groups.slice(half)]
    for (const part of parts) {
      if (!total.alone || total.noRoom) return
      await pushWhatFits(context, part.flat(), total)
    }
  }
}

/** What of a batch the server has earlier versions of, and the rest, by groups that go together. */
function partsOf({ replica }: DriveContext, batch: readonly Ready[]): { known: Ready[]; groups: Ready[][] } {
  const groups: Ready[][] = []
  for (const ready of batch) {
    const { group } = ready.pending
    const last = groups.at(-1)
    if (last && group !== null && last[0]!.pending.group === group) last.push(ready)
    else groups.push([ready])
  }
  const isKnown = (group: Ready[]) =>
    group.every(({ id }) => tables.known.get(replica.store, id) !== undefined)
  return { known: groups.filter(isKnown).flat(), groups: groups.filter((group) => !isKnown(group)) }
}

/** Pending records in order, folders before their contents, groups never split. */
function* batches(context: DriveContext): Iterable<Ready[]> {
  const { store } = context.replica
  const order: { id: RecordId; order: number; group: string | null }[] = []
  const firstOfGroup = new Map<string, number>()
  for (const [id, pending] of tables.outbox.entries(store)) {
    order.push({ id: id as RecordId, order: pending.order, group: pending.group })
    if (pending.group !== null) {
      firstOfGroup.set(
        pending.group,
        Math.min(pending.order, firstOfGroup.get(pending.group) ?? pending.order),
      )
    }
  }
  const rank = (entry: (typeof order)[number]) =>
    entry.group === null ? entry.order : firstOfGroup.get(entry.group)!
  order.sort((a, b) => rank(a) - rank(b) || a.order - b.order)
  let batch: Ready[] = []
  let bytes = 0
  for (const [index, { id, group }] of order.entries()) {
    const pending = tables.outbox.get(store, id)
    // Settled meanwhile, by an earlier batch's answer.
    if (!pending) continue
    const sealed = decodeSealed(tables.outboxSealed.get(store, id)!)
    const size = sealedBytes(sealed) + 512
    const sameGroup = group !== null && order[index - 1]?.group === group
    if (
      batch.length > 0 &&
      !sameGroup &&
      (bytes + size > BATCH_MAX_BYTES || batch.length >= BATCH_MAX_RECORDS - 8)
    ) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push({ id, pending, sealed })
    bytes += size
  }
  if (batch.length > 0) yield batch
}

/** A batch names the newest log entry its device knows: where the log has moved on, it is read and signed again. */
async function pushUnderNewestLog(context: DriveContext, batch: readonly Ready[]): Promise<Pushed> {
  for (let timesMoved = 0; ; timesMoved++) {
    try {
      return await pushBatch(context, batch)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      // The server was set back since the last pull: nothing is pushed before it was read again.
      if (error.code === 'cursor-unknown') return { ...NOTHING_PUSHED, alone: false }
      // A clone of this database told another version under the same counter: it is read, and the two are settled.
      const isTwin = error.code === 'seal-refused' && batch.some(({ id }) => error.ids.includes(id))
      if (isTwin) return { ...NOTHING_PUSHED, stale: 1, alone: false }
      if (error.code !== 'log-moved' || timesMoved === LOG_MOVES_MAX) throw error
    }
    await context.zone.refresh()
  }
}

async function pushBatch(context: DriveContext, batch: readonly Ready[]): Promise<Pushed> {
  const { crypto, remote, replica, zone } = context
  const { store } = replica
  const cursor = getMeta(store, 'cursor')
  const header = {
    zone: zone.zone,
    batch: randomId('batch', context.random),
    writer: replica.writer,
    logHead: zone.logHead,
    epoch: zone.epoch,
    generation: getMeta(store, 'generation') ?? 0,
    seen: lastFigure(store) ?? firstFigure(crypto, zone.zone, cursor?.incarnation ?? 1),
  }
  const signed = signBatch(
    crypto,
    context.deviceSeed,
    header,
    batch.map(({ pending }) => pending.leaf),
  )
  const groups = new Map<string, number>()
  const records = batch.map(({ pending, sealed }): PushRequest['records'][number] => {
    if (pending.group === null) return { record: sealed }
    const group = groups.get(pending.group) ?? groups.size
    groups.set(pending.group, group)
    return { record: sealed, group }
  })
  const { outcomes, head } = await remote.push({ zone: zone.zone, batch: signed, records })
  const pushed = { ...NOTHING_PUSHED, alone: false }
  const accepted = outcomes.filter(({ outcome }) => outcome === 'accepted').length
  const isNext =
    cursor !== undefined &&
    head.incarnation === cursor.incarnation &&
    head.sequence === cursor.sequence + accepted
  replica.transaction('durable', (tx) => {
    for (const [index, { id, pending }] of batch.entries())
      note(context, tx, id, pending, outcomes[index]!, isNext, pushed)
    // Nothing but this batch came since the cursor: there is nothing to read back.
    pushed.alone = isNext && head.setHash === replica.setDigest(tx)
    const { incarnation, sequence, chain } = head
    if (!pushed.alone) {
      if (pushed.accepted > 0) putMeta(tx, 'ahead', { incarnation, sequence, chain })
      return
    }
    putMeta(tx, 'cursor', { incarnation, sequence, chain })
    putMeta(tx, 'ahead', undefined)
    if (!isUncompared(tx)) rememberFigure(tx, head)
  })
  return pushed
}

function note(
  context: DriveContext,
  tx: StoreWriter,
  id: RecordId,
  pending: Pending,
  outcome: PushOutcome,
  isNext: boolean,
  pushed: { accepted: number; stale: number; missing: number },
): void {
  switch (outcome.outcome) {
    case 'accepted':
      pushed.accepted++
      // Others wrote beside it, a clone of this device perhaps: the pull that follows sees what it replaced, and accepts it.
      if (!isNext && passesOver(tx, context.replica, id)) return
      context.replica.acceptPending(tx, id, pending.leaf, outcome.sequence)
      return
    case 'stale':
      // The record itself comes with the next pull, with proof of who wrote it.
      pushed.stale++
      return
    case 'missing':
      // An edit that was taken up meanwhile has an answer of its own to come.
      if (tables.outbox.get(tx, id)?.leaf !== pending.leaf) return
      if (readAgain(context, tx, id, pending)) pushed.missing++
      return
    case 'group':
      return
  }
}
