/**
 * What this device verified of the zone, and what the others sign that they verified: held against each other, so that
 * a server which leaves something out, goes back or tells two histories is found out (REC-14 to REC-16).
 */
import type { RecordId } from '@pileus/core/ids/ids'
import type { ChangesPage } from '@pileus/core/protocol/changes'
import type { ZoneHead } from '@pileus/core/protocol/zone'
import {
  type Figure,
  firstFigure,
  nextChain,
  type Place,
  type Step,
  samePlace,
} from '@pileus/core/records/figure'
import { contradiction, type SignedFigure } from '../account/figures.ts'
import { getMeta, putMeta, tables } from '../replica/tables.ts'
import type { StoreReader, StoreWriter } from '../store/store.ts'
import type { DriveContext } from './context.ts'
import { ServerUntrue } from './untrue.ts'

/** Own figures that are remembered: what others saw is usually among them, and then nothing has to be asked. */
const REMEMBERED_MAX = 256

/** Remembers what was verified. The last is what this device signs. */
export function rememberFigure(tx: StoreWriter, { incarnation, sequence, chain, setHash }: Figure): void {
  tables.figure.put(tx, keyOf(sequence), { incarnation, sequence, chain, setHash })
  if (getMeta(tx, 'verified') === undefined) putMeta(tx, 'since', sequence)
  putMeta(tx, 'verified', sequence)
  if (tables.figure.count(tx) <= REMEMBERED_MAX) return
  for (const [key] of tables.figure.entries(tx)) {
    tables.figure.delete(tx, key)
    return
  }
}

/** The last figure verified in this incarnation of the zone. */
export function lastFigure(from: StoreReader): Figure | undefined {
  const verified = getMeta(from, 'verified')
  return verified === undefined ? undefined : tables.figure.get(from, keyOf(verified))
}

/** The zone is read anew in another incarnation: its history begins again for this device. */
export function forgetFigures(tx: StoreWriter): void {
  for (const [key] of [...tables.figure.entries(tx)]) tables.figure.delete(tx, key)
  putMeta(tx, 'verified', undefined)
  putMeta(tx, 'since', undefined)
}

/** The head continues what this device verified before. Throws ServerUntrue. */
export function checkContinues(from: StoreReader, head: ZoneHead): void {
  const last = lastFigure(from)
  if (!last || last.incarnation !== head.incarnation) return
  if (head.sequence < last.sequence) {
    throw new ServerUntrue(`it went back from change ${last.sequence} of its history to ${head.sequence}`)
  }
  const same = head.chain === last.chain && head.setHash === last.setHash
  if (head.sequence === last.sequence && !same) {
    throw new ServerUntrue(`it shows another history than before at change ${head.sequence}`)
  }
}

/** A page goes on from the cursor, up to the head that it names. Throws ServerUntrue. */
export function checkPage(
  cursor: Place | undefined,
  { changes, cursor: next, more, head }: ChangesPage,
): void {
  let last = cursor?.sequence ?? 0
  const ascending = changes.every(({ sequence }) => {
    const after = sequence > last
    last = sequence
    return after
  })
  const goesOn =
    (cursor?.incarnation ?? head.incarnation) === head.incarnation &&
    next.incarnation === head.incarnation &&
    last <= next.sequence &&
    (more ? changes.length > 0 && next.sequence <= head.sequence : samePlace(next, head))
  if (!ascending || !goesOn) throw new ServerUntrue('a page of its changes contradicts itself')
}

/**
 * Notes what others signed in a page, and whether it shows every commit since the page before, until that is compared: a reading may end
 * after any page, and a server that has something to hide would see to that. To be written with the page.
 */
export function noteSigned(tx: StoreWriter, signed: readonly SignedFigure[], continuous: boolean): void {
  for (const figure of signed) tables.signed.put(tx, keyOf(figure.first), figure)
  if (!continuous) putMeta(tx, 'gap', true)
}

/** They were compared, or all is read again. */
export function forgetSigned(tx: StoreWriter): void {
  for (const [key] of [...tables.signed.entries(tx)]) tables.signed.delete(tx, key)
  putMeta(tx, 'gap', undefined)
}

/** Whether something was read that was not compared yet: then nothing that follows is verified. */
export function isUncompared(from: StoreReader): boolean {
  return getMeta(from, 'gap') !== undefined || tables.signed.count(from) > 0
}

/**
 * Whether a page that ends at this cursor shows every commit since the place before it. Throws ServerUntrue where those give
 * another chain than it says.
 */
export function continues(
  { crypto, zone: { zone } }: DriveContext,
  steps: readonly Omit<Step, 'oldLeaf'>[],
  cursor: Place,
  before: Place = firstFigure(crypto, zone, cursor.incarnation),
): boolean {
  if (cursor.sequence - before.sequence !== steps.length) return false
  let { chain } = before
  for (const { sequence, record, newLeaf } of steps)
    chain = nextChain(crypto, chain, sequence, record, newLeaf)
  if (chain !== cursor.chain) throw new ServerUntrue('a page of its changes contradicts itself')
  return true
}

/** Holds the figures of all that was read since the last one against what is here, which is the zone at `head`. Rejects with ServerUntrue. */
export async function compareFigures(
  { crypto, replica, remote, zone: { zone } }: DriveContext,
  { incarnation, sequence, chain }: Place,
): Promise<void> {
  const { store } = replica
  const here = {
    incarnation,
    sequence,
    chain,
    setState: replica.setState(store),
    current: (record: RecordId) => tables.known.get(store, record),
  }
  const own = (sequence: number) => tables.figure.get(store, keyOf(sequence))
  const steps = (after: number) => remote.steps(zone, incarnation, after, sequence)
  const before = getMeta(store, 'gap') ? lastFigure(store) : undefined
  const since = getMeta(store, 'since')
  const verifier = { crypto, zone, here, own, steps, ...(before && { before }) }
  const signed = [...tables.signed.entries(store)].map(([, figure]) => figure)
  const why = await contradiction(since === undefined ? verifier : { ...verifier, since }, signed)
  if (why !== null) throw new ServerUntrue(why)
}

function keyOf(sequence: number): string {
  return String(sequence).padStart(16, '0')
}
