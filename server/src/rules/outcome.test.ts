import { encodeCbor } from '@pileus/core/bytes/cbor'
import { idFromBytes } from '@pileus/core/ids/ids'
import type { ZoneHead } from '@pileus/core/protocol/zone'
import { expect, it } from 'vitest'
import { DamagedStorage } from '../engine-errors.ts'
import { decodeAnswer, encodeAnswer, type StoredAnswer } from './outcome.ts'

const digest = idFromBytes('digest', new Uint8Array(32).fill(7))
const head: ZoneHead = {
  zone: idFromBytes('zone', new Uint8Array(32).fill(1)),
  incarnation: 1,
  sequence: 3,
  chain: digest,
  setHash: digest,
  logLength: 1,
  logHead: digest,
  generation: 0,
  floor: 0,
}
const answer: StoredAnswer = {
  outcomes: [
    { kind: 'accepted', sequence: 2 },
    { kind: 'stale', sequence: 1 },
    { kind: 'missing', chunks: [idFromBytes('chunk', new Uint8Array(32).fill(2))] },
    { kind: 'group' },
  ],
  head,
}

it('a stored answer comes back as it was', () => {
  expect(decodeAnswer(encodeAnswer(answer))).toEqual(answer)
})

it.each([[[]], [[[['x', 1]], { ...head }]], [[[['a', -1]], { ...head }]], [[[['a', 1]], {}]], ['text']])(
  'stored bytes of another shape are refused: %j',
  (value) => {
    expect(() => decodeAnswer(encodeCbor(value))).toThrow(DamagedStorage)
  },
)
