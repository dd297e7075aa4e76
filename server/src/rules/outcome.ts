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

type Encoded = ['a' | 's', number] | ['m', ChunkId[]] | ['g']

/** CBOR of the answer. */
export function encodeAnswer({ outcomes, head }: StoredAnswer): Uint8Array {
  return encodeCbor([outcomes.map(encodeOutcome), { ...head }])
}

/** Reads what `encodeAnswer` wrote: the server's own bytes. */
export function decodeAnswer(bytes: Uint8Array): StoredAnswer {
  const [outcomes, head] = decodeCbor(bytes) as unknown as [Encoded[], ZoneHead]
  return { outcomes: outcomes.map(decodeOutcome), head }
}

function encodeOutcome(outcome: StoredOutcome): Encoded {
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
}

function decodeOutcome(encoded: Encoded): StoredOutcome {
  switch (encoded[0]) {
    case 'a':
      return { kind: 'accepted', sequence: encoded[1] }
    case 's':
      return { kind: 'stale', sequence: encoded[1] }
    case 'm':
      return { kind: 'missing', chunks: encoded[1] }
    case 'g':
      return { kind: 'group' }
  }
}
