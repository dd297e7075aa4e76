/** What became of a batch, as it is stored with it, so that a repeat gets the first answer. */
import { decodeCbor, encodeCbor } from '@pileus/core/bytes/cbor'
import type { ChunkId } from '@pileus/core/ids/ids'
import { checkMessage } from '@pileus/core/protocol/codec'
import { ChunkIdText, Count, Type } from '@pileus/core/protocol/schema'
import { ZoneHead } from '@pileus/core/protocol/zone'
import { DamagedStorage } from '../engine-errors.ts'

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

const StoredBytes = Type.Tuple([
  Type.Array(
    Type.Union([
      Type.Tuple([Type.Union([Type.Literal('a'), Type.Literal('s')]), Count]),
      Type.Tuple([Type.Literal('m'), Type.Array(ChunkIdText)]),
      Type.Tuple([Type.Literal('g')]),
    ]),
  ),
  ZoneHead,
])

/** CBOR of the answer. */
export function encodeAnswer({ outcomes, head }: StoredAnswer): Uint8Array {
  return encodeCbor([outcomes.map(encodeOutcome), { ...head }])
}

/** Reads what `encodeAnswer` wrote. Throws DamagedStorage for bytes of another shape. */
export function decodeAnswer(bytes: Uint8Array): StoredAnswer {
  const [outcomes, head] = checked(bytes)
  return { outcomes: outcomes.map(decodeOutcome), head }
}

function checked(bytes: Uint8Array): [Encoded[], ZoneHead] {
  try {
    return checkMessage(StoredBytes, decodeCbor(bytes))
  } catch (error) {
    throw new DamagedStorage('a stored answer to a batch is not one', error)
  }
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
