/** What became of a batch, as it is stored with it, so that a repeat gets the first answer. */
import { decodeCbor, encodeCbor } from '@pileus/core/bytes/cbor'
import type { ChunkId } from '@pileus/core/ids/ids'
import type { ZoneHead } from '@pileus/core/protocol/zone'

/** A stale record is answered with the version at that sequence: it is not stored twice. */
export type StoredOutcome =
  | { readonly kind: 'accepted' | 'stale'; readonly sequence: number }
  | { readonly kind: 'missing'; readonly chunks: readonly ChunkId[] }
  | { readonly kind: 'group' }

export interface StoredAnswer {
  readonly outcomes: readonly StoredOutcome[]
  readonly head: ZoneHead
}

/** CBOR of the answer. */
export function encodeAnswer(answer: StoredAnswer): Uint8Array {
  const outcomes = answer.outcomes.map((outcome) => {
    switch (outcome.kind) {
      case 'accepted':
        return ['a', outcome.sequence]
      case 'stale':
        return ['s', outcome.sequence]
      case 'missing':
        return ['m', [...outcome.chunks]]
      case 'group':
        return ['g']
    }
  })
  return encodeCbor([outcomes, { ...answer.head }])
}

/** Reads what `encodeAnswer` wrote: the server's own bytes. */
export function decodeAnswer(bytes: Uint8Array): StoredAnswer {
  const [outcomes, head] = decodeCbor(bytes) as unknown as [['a' | 's' | 'm' | 'g', unknown][], ZoneHead]
  return {
    outcomes: outcomes.map(([kind, value]): StoredOutcome => {
      switch (kind) {
        case 'a':
          return { kind: 'accepted', sequence: value as number }
        case 's':
          return { kind: 'stale', sequence: value as number }
        case 'm':
          return { kind: 'missing', chunks: value as ChunkId[] }
        case 'g':
          return { kind: 'group' }
      }
    }),
    head,
  }
}
