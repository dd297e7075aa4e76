/** Which records of a batch are accepted, and the zone's head after them. Pure: no engine, no clock. */
import type { Crypto } from '@pileus/core/crypto/crypto'
import { addToSet, removeFromSet, setDigest } from '@pileus/core/crypto/lthash'
import { type ChunkId, type Digest, idBytes, type RecordId } from '@pileus/core/ids/ids'
import { Problem } from '@pileus/core/protocol/problem'
import type { Facts } from '@pileus/core/records/facts'
import { nextChain } from '@pileus/core/records/figure'
import type { SealedRecord } from '@pileus/core/records/sealed'
import { compareVectors, type VersionVector } from '@pileus/core/versions/vector'
import type { CommitStep, Head } from '../zones/zones.ts'

/** One pushed record, checked. */
export interface Pushed {
  readonly facts: Facts
  readonly sealed: SealedRecord
  readonly leaf: Digest
  readonly group: number | undefined
}

/** What the zone holds of the same record. */
export interface Known {
  readonly sequence: number
  readonly vector: VersionVector
  readonly leaf: Digest
}

export type Decision =
  /** To be committed. */
  | { readonly kind: 'new' }
  /** These very bytes were accepted before, at that sequence. */
  | { readonly kind: 'repeat'; readonly sequence: number }
  | { readonly kind: 'stale'; readonly sequence: number }
  | { readonly kind: 'missing'; readonly chunks: readonly ChunkId[] }
  | { readonly kind: 'group' }

/** What deciding needs to know of the zone. */
export interface Knowledge {
  readonly current: ReadonlyMap<RecordId, Known>
  /** Sequence of an earlier version with this leaf, where the zone has one. */
  readonly earlier: ReadonlyMap<Digest, number>
  /** Chunks that the zone lacks, by the place of the record in the batch. */
  readonly missing: ReadonlyMap<number, readonly ChunkId[]>
}

/**
 * One decision for each record (SRV-33 to SRV-36). Throws Problem 'seal-refused' when a version that exists is
 * pushed with other bytes.
 */
export function decide(pushed: readonly Pushed[], knowledge: Knowledge): Decision[] {
  const alone = pushed.map((record, index) => decideAlone(record, index, knowledge))
  const failed = new Set<number>()
  alone.forEach(({ kind }, index) => {
    const { group } = pushed[index]!
    if (group !== undefined && (kind === 'stale' || kind === 'missing')) failed.add(group)
  })
  return alone.map((decision, index) => {
    const { group } = pushed[index]!
    return decision.kind === 'new' && group !== undefined && failed.has(group) ? { kind: 'group' } : decision
  })
}

function decideAlone({ facts, leaf }: Pushed, index: number, knowledge: Knowledge): Decision {
  const known = knowledge.current.get(facts.id)
  if (known) {
    switch (compareVectors(facts.vector, known.vector)) {
      case 'after':
        break
      case 'equal':
        if (known.leaf === leaf) return { kind: 'repeat', sequence: known.sequence }
        throw new Problem(
          'seal-refused',
          `record ${facts.id} was pushed before in this version with other bytes`,
          {
            ids: [facts.id],
          },
        )
      case 'before':
      case 'concurrent': {
        const sequence = knowledge.earlier.get(leaf)
        return sequence === undefined
          ? { kind: 'stale', sequence: known.sequence }
          : { kind: 'repeat', sequence }
      }
    }
  }
  const missing = knowledge.missing.get(index)
  return missing && missing.length > 0 ? { kind: 'missing', chunks: missing } : { kind: 'new' }
}

/** The steps that commit these records on top of the head, and the head after them. */
export function advance(
  crypto: Crypto,
  head: Pick<Head, 'sequence' | 'chain' | 'setState'>,
  accepted: readonly Pushed[],
  current: ReadonlyMap<RecordId, Known>,
): { steps: CommitStep[]; head: Pick<Head, 'sequence' | 'chain' | 'setState' | 'setHash'> } {
  const setState = head.setState.slice()
  const steps: CommitStep[] = []
  let { sequence, chain } = head
  for (const { facts, leaf } of accepted) {
    const oldLeaf = current.get(facts.id)?.leaf ?? null
    if (oldLeaf !== null) removeFromSet(crypto, setState, idBytes(oldLeaf))
    addToSet(crypto, setState, idBytes(leaf))
    sequence++
    chain = nextChain(crypto, chain, sequence, facts.id, leaf)
    steps.push({ sequence, record: facts.id, oldLeaf, newLeaf: leaf, chain })
  }
  return { steps, head: { sequence, chain, setState, setHash: setDigest(crypto, setState) } }
}
