/**
 * The figures that devices sign in their batches, held against what a server shows here: what it left out, took back or
 * told others otherwise does not fit them (REC-14, REC-15).
 */
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { BatchId, ZoneId } from '@pileus/core/ids/ids'
import type { BatchProof, Change, StepsPage } from '@pileus/core/protocol/changes'
import { readBatch } from '@pileus/core/records/batch'
import {
  decodeSteps,
  disagreement,
  type Figure,
  firstFigure,
  type Holding,
  STEP_BYTES,
  type Step,
} from '@pileus/core/records/figure'

/** Figures from before this many commits are not compared: what a server may make a device read and keep is bounded. */
const COMPARED_MAX = 250_000

/** What the device that signed a batch had verified, and where in the zone's history the batch stands. */
export interface SignedFigure {
  readonly batch: BatchId
  readonly seen: Figure
  /** Sequence numbers of the first and last of its records on the page. */
  readonly first: number
  readonly last: number
}

/** The figures of a page's batches, which count once the batches are verified. */
export function figuresOf(page: {
  readonly changes: readonly Change[]
  readonly batches: readonly BatchProof[]
}): SignedFigure[] {
  const places = new Map<BatchId, { first: number; last: number }>()
  for (const { batch, sequence } of page.changes) {
    const place = places.get(batch) ?? { first: sequence, last: sequence }
    places.set(batch, { first: Math.min(place.first, sequence), last: Math.max(place.last, sequence) })
  }
  return page.batches.flatMap(({ signed }) => {
    const { batch, seen } = readBatch(signed)
    const place = places.get(batch)
    return place ? [{ batch, seen, ...place }] : []
  })
}

/** What a device has of a zone, what it verified before, and how it asks for more. */
export interface Verifier {
  readonly crypto: Crypto
  readonly zone: ZoneId
  readonly here: Holding
  /** The sequence up to which it read when it came to this incarnation: batches of earlier ones stand only before it. */
  readonly since?: number
  /** What this device verified last, where what it read since does not itself show how the one became the other. */
  readonly before?: Figure
  /** What this device verified itself at a sequence, where it remembers that. */
  own(sequence: number): Figure | undefined
  steps(after: number): Promise<StepsPage>
}

/**
 * Holds the figures of batches just read against what is here. Those that the newest figure covers were held against by
 * the device that signed that. Null where all fits, else what does not, as the end of a sentence.
 */
export async function contradiction(
  verifier: Verifier,
  signed: readonly SignedFigure[],
): Promise<string | null> {
  const { crypto, here, since = here.sequence } = verifier
  const odd = signed.find(({ seen, first }) =>
    seen.incarnation < here.incarnation
      ? first > since
      : seen.incarnation > here.incarnation || seen.sequence >= first,
  )
  if (odd) return `it hides what batch ${odd.batch} was written after`
  // Figures of an earlier incarnation are of a history that the server lost: nothing here can be compared with them.
  const present = signed.filter(({ seen }) => seen.incarnation === here.incarnation)
  const newest = present.reduce((most, { seen }) => Math.max(most, seen.sequence), 0)
  const { before } = verifier
  const open: Figure[] = before && isNear(before, here) ? [before] : []
  for (const { seen, last } of present) {
    if (last <= newest || !isNear(seen, here)) continue
    const own = ownFigure(verifier, seen)
    if (!own) open.push(seen)
    else if (own.chain !== seen.chain || own.setHash !== seen.setHash)
      return 'it shows this device another history than it showed the others'
  }
  if (open.length === 0) return null
  const steps = await readSteps(verifier, Math.min(...open.map(({ sequence }) => sequence)))
  return disagreement(crypto, open, steps, here)
}

function isNear({ incarnation, sequence }: Figure, here: Holding): boolean {
  return incarnation === here.incarnation && sequence >= here.sequence - COMPARED_MAX
}

function ownFigure({ crypto, zone, own }: Verifier, { incarnation, sequence }: Figure): Figure | undefined {
  if (sequence === 0) return firstFigure(crypto, zone, incarnation)
  const figure = own(sequence)
  return figure?.incarnation === incarnation ? figure : undefined
}

async function readSteps(verifier: Verifier, after: number): Promise<Step[]> {
  const steps: Step[] = []
  for (let at = after; at < verifier.here.sequence; at = after + steps.length) {
    const page = await verifier.steps(at)
    const more = page.steps.length % STEP_BYTES === 0 ? decodeSteps(page.steps, at) : []
    // What is too little or too much does not lead to what is here, and is refused for that.
    if (more.length === 0) break
    for (const step of more) steps.push(step)
  }
  return steps
}
