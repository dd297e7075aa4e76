/**
 * What devices sign about a zone so that each can hold it against what it is shown itself: where the zone stood,
 * and the hash of all its records there. A server that leaves records out, goes back or tells two devices two
 * histories cannot make the figures of both fit (REC-14 to REC-16).
 */
import type { Crypto } from '../crypto/crypto.ts'
import { addToSet, emptySetHash, removeFromSet, setDigest } from '../crypto/lthash.ts'
import { type Digest, ID_BYTES, idBytes, idFromBytes, type RecordId, type ZoneId } from '../ids/ids.ts'

/** A place in a zone's history: where a device has read to. */
export interface Place {
  readonly incarnation: number
  readonly sequence: number
  /** Hash over every commit up to `sequence`. */
  readonly chain: Digest
}

/** A place, and the digest of the set hash over the current version of every record there. */
export interface Figure extends Place {
  readonly setHash: Digest
}

/** One commit: a record's version took the place of another, or of none. */
export interface Step {
  readonly sequence: number
  readonly record: RecordId
  readonly oldLeaf: Digest | null
  readonly newLeaf: Digest
}

/** Record, old leaf (zeros for none), new leaf. */
export const STEP_BYTES = ID_BYTES.record + 2 * ID_BYTES.digest

const CHAIN_LABEL = new TextEncoder().encode('pileus chain')

/** The chain before the first commit: SHA-256('pileus chain' ‖ zone) (SRV-30). */
export function firstChain(crypto: Crypto, zone: ZoneId): Digest {
  return idFromBytes('digest', crypto.sha256(CHAIN_LABEL, idBytes(zone)))
}

/** SHA-256(chain before ‖ sequence (u64, big endian) ‖ record ‖ new leaf) (SRV-30). */
export function nextChain(
  crypto: Crypto,
  chain: Digest,
  sequence: number,
  record: RecordId,
  leaf: Digest,
): Digest {
  const number = new Uint8Array(8)
  new DataView(number.buffer).setBigUint64(0, BigInt(sequence))
  return idFromBytes('digest', crypto.sha256(idBytes(chain), number, idBytes(record), idBytes(leaf)))
}

/** The figure of a zone in which nothing was written yet. */
export function firstFigure(crypto: Crypto, zone: ZoneId, incarnation: number): Figure {
  const chain = firstChain(crypto, zone)
  return { incarnation, sequence: 0, chain, setHash: setDigest(crypto, emptySetHash()) }
}

export function samePlace(a: Place, b: Place): boolean {
  return a.incarnation === b.incarnation && a.sequence === b.sequence && a.chain === b.chain
}

/** Steps as they travel: STEP_BYTES each, in order; their sequence numbers follow one another. */
export function encodeSteps(steps: readonly Omit<Step, 'sequence'>[]): Uint8Array {
  const bytes = new Uint8Array(steps.length * STEP_BYTES)
  for (const [index, { record, oldLeaf, newLeaf }] of steps.entries()) {
    const at = index * STEP_BYTES
    bytes.set(idBytes(record), at)
    if (oldLeaf !== null) bytes.set(idBytes(oldLeaf), at + ID_BYTES.record)
    bytes.set(idBytes(newLeaf), at + ID_BYTES.record + ID_BYTES.digest)
  }
  return bytes
}

/** The steps that follow sequence `after`. Throws RangeError for bytes that are not whole steps. */
export function decodeSteps(bytes: Uint8Array, after: number): Step[] {
  if (bytes.length % STEP_BYTES !== 0) {
    throw new RangeError(`${bytes.length} bytes are not a whole number of steps of ${STEP_BYTES} bytes`)
  }
  const steps: Step[] = []
  for (let at = 0; at < bytes.length; at += STEP_BYTES) {
    const old = bytes.subarray(at + ID_BYTES.record, at + ID_BYTES.record + ID_BYTES.digest)
    steps.push({
      sequence: after + steps.length + 1,
      record: idFromBytes('record', bytes.subarray(at, at + ID_BYTES.record)),
      oldLeaf: old.every((byte) => byte === 0) ? null : idFromBytes('digest', old),
      newLeaf: idFromBytes('digest', bytes.subarray(at + STEP_BYTES - ID_BYTES.digest, at + STEP_BYTES)),
    })
  }
  return steps
}

/** What a device has of the zone, to hold figures against. */
export interface Holding extends Place {
  /** State of the set hash over all it has. */
  readonly setState: Uint8Array
  current(record: RecordId): { readonly leaf: Digest; readonly sequence: number } | undefined
}

/**
 * Holds figures of other devices against what this one has. `steps` are all commits from the earliest of the figures
 * to this device's place, as the server gives them. Null where everything fits, else what does not, as the end of
 * a sentence.
 *
 * Forwards, the chain from the earliest figure must pass through every other and end in this device's own: one
 * history. The last step of each record must be the very version that is here: nothing was left out. Backwards,
 * taking the steps out of the set here must give each figure's set (REC-15).
 */
export function disagreement(
  crypto: Crypto,
  figures: readonly Figure[],
  steps: readonly Step[],
  here: Holding,
): string | null {
  const bySequence = figures.toSorted((a, b) => a.sequence - b.sequence)
  const earliest = bySequence[0]
  if (!earliest) return null
  if (steps.length !== here.sequence - earliest.sequence) return 'it does not show how the records came about'
  return (
    chainBreak(crypto, bySequence, steps, here) ??
    lastSteps(steps, here) ??
    sets(crypto, bySequence, steps, here)
  )
}

function chainBreak(
  crypto: Crypto,
  figures: readonly Figure[],
  steps: readonly Step[],
  here: Holding,
): string | null {
  let { sequence, chain } = figures[0]!
  let next = 0
  for (const step of [...steps, null]) {
    for (; figures[next]?.sequence === sequence; next++)
      if (figures[next]!.chain !== chain) return OTHER_HISTORY
    if (step) {
      sequence++
      chain = nextChain(crypto, chain, sequence, step.record, step.newLeaf)
    }
  }
  return chain === here.chain ? null : OTHER_HISTORY
}

/** Each record's steps follow one another, and the last of them is what this device has. */
function lastSteps(steps: readonly Step[], here: Holding): string | null {
  const last = new Map<RecordId, Step>()
  for (const step of steps) {
    const before = last.get(step.record)
    if (before && before.newLeaf !== step.oldLeaf) return OTHER_RECORDS
    last.set(step.record, step)
  }
  for (const { record, sequence, newLeaf } of last.values()) {
    const current = here.current(record)
    if (current?.leaf !== newLeaf || current.sequence !== sequence) return OTHER_RECORDS
  }
  return null
}

function sets(
  crypto: Crypto,
  figures: readonly Figure[],
  steps: readonly Step[],
  here: Holding,
): string | null {
  const state = here.setState.slice()
  let left = steps.length
  for (const figure of figures.toReversed()) {
    for (; here.sequence - (steps.length - left) > figure.sequence; left--) {
      const { oldLeaf, newLeaf } = steps[left - 1]!
      removeFromSet(crypto, state, idBytes(newLeaf))
      if (oldLeaf !== null) addToSet(crypto, state, idBytes(oldLeaf))
    }
    if (setDigest(crypto, state) !== figure.setHash) return OTHER_RECORDS
  }
  return null
}

const OTHER_HISTORY = 'it shows this device another history than it showed the others'
const OTHER_RECORDS = 'it shows this device other records than it showed the others'
