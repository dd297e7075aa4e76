/** REC-14 to REC-16: figures of two devices, held against each other. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../bytes/hex.ts'
import { addToSet, emptySetHash, removeFromSet, setDigest } from '../crypto/lthash.ts'
import { nodeCrypto } from '../crypto/node.ts'
import { type Digest, idBytes, parseId, type RecordId } from '../ids/ids.ts'
import {
  decodeSteps,
  disagreement,
  encodeSteps,
  type Figure,
  firstFigure,
  type Holding,
  nextChain,
  STEP_BYTES,
  type Step,
} from './figure.ts'

const ZONE = parseId('zone', '11'.repeat(32))
const record = (n: number): RecordId => parseId('record', n.toString(16).padStart(32, '0'))
const leaf = (n: number): Digest => parseId('digest', n.toString(16).padStart(64, '0'))

/** A zone to which versions (numbers) of records (numbers) were written, one after another. */
function history(writes: readonly (readonly [record: number, version: number])[]) {
  const figures: Figure[] = [firstFigure(nodeCrypto, ZONE, 1)]
  const steps: Step[] = []
  const current = new Map<RecordId, { leaf: Digest; sequence: number }>()
  const setState = emptySetHash()
  for (const [n, version] of writes) {
    const sequence = steps.length + 1
    const [id, newLeaf] = [record(n), leaf(version)]
    const oldLeaf = current.get(id)?.leaf ?? null
    if (oldLeaf) removeFromSet(nodeCrypto, setState, idBytes(oldLeaf))
    addToSet(nodeCrypto, setState, idBytes(newLeaf))
    current.set(id, { leaf: newLeaf, sequence })
    steps.push({ sequence, record: id, oldLeaf, newLeaf })
    const chain = nextChain(nodeCrypto, figures.at(-1)!.chain, sequence, id, newLeaf)
    figures.push({ incarnation: 1, sequence, chain, setHash: setDigest(nodeCrypto, setState) })
  }
  const here: Holding = { ...figures.at(-1)!, setState, current: (id) => current.get(id) }
  return { figures, steps, here }
}

const WRITES = [
  [1, 10],
  [2, 20],
  [1, 11],
  [3, 30],
  [1, 12],
] as const
const TRUE = history(WRITES)
const compare = (figures: readonly Figure[], steps: readonly Step[], here = TRUE.here) =>
  disagreement(nodeCrypto, figures, steps, here)

describe('figures of another device', () => {
  it('fit where both were told the same, at any place and several at once', () => {
    for (const { sequence } of TRUE.figures) {
      expect(compare([TRUE.figures[sequence]!], TRUE.steps.slice(sequence))).toBeNull()
    }
    expect(compare([TRUE.figures[4]!, TRUE.figures[1]!, TRUE.figures[3]!], TRUE.steps.slice(1))).toBeNull()
  })

  it('do not fit where this device was not told of a record (omission)', () => {
    const without = history(WRITES.filter(([n]) => n !== 2))
    const [figure] = [TRUE.figures[2]!]
    expect(compare([figure], without.steps.slice(2), without.here)).toMatch(/does not show|another history/)
    // Steps that would fit the chain show the record, which is not here.
    const here = {
      ...TRUE.here,
      current: (id: RecordId) => (id === record(3) ? undefined : TRUE.here.current(id)),
    }
    expect(compare([figure], TRUE.steps.slice(2), here)).toContain('other records')
  })

  it('do not fit where this device was given an old version (rollback)', () => {
    const old = history([...WRITES, [1, 11]])
    expect(
      compare([TRUE.figures[5]!], old.steps.slice(5), { ...old.here, current: TRUE.here.current }),
    ).toContain('other records')
    const here = { ...TRUE.here, current: () => ({ leaf: leaf(11), sequence: 3 }) }
    expect(compare([TRUE.figures[2]!], TRUE.steps.slice(2), here)).toContain('other records')
  })

  it('do not fit where both were told histories that part (fork)', () => {
    const other = history([...WRITES.slice(0, 3), [3, 31], [1, 12]])
    expect(compare([other.figures[4]!], TRUE.steps.slice(4))).toContain('another history')
    expect(compare([TRUE.figures[2]!, other.figures[4]!], TRUE.steps.slice(2))).toContain('another history')
    // The chain was forged: the sets tell.
    const forged = { ...TRUE.figures[4]!, setHash: other.figures[4]!.setHash }
    expect(compare([forged], TRUE.steps.slice(4))).toContain('other records')
  })

  it('do not fit with steps left out, added, exchanged or altered', () => {
    const whole = TRUE.steps.slice(1)
    const altered = [
      whole.slice(1),
      [...whole, whole[0]!],
      [],
      whole.with(1, { ...whole[1]!, oldLeaf: leaf(99) }),
      whole.with(1, { ...whole[1]!, newLeaf: leaf(99) }),
      whole.with(0, { ...whole[0]!, record: record(9) }),
      [whole[1]!, whole[0]!, whole[2]!, whole[3]!],
    ]
    for (const steps of altered) expect(compare([TRUE.figures[1]!], steps)).not.toBeNull()
  })

  it('fit a history exactly when it is the one they are of', () => {
    const writes = fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: 1, maxLength: 8 })
    fc.assert(
      fc.property(writes, writes, fc.nat(7), (mine, theirs, at) => {
        const [a, b] = [history(mine), history(theirs)]
        const sequence = Math.min(at, mine.length, theirs.length)
        const said = disagreement(nodeCrypto, [b.figures[sequence]!], a.steps.slice(sequence), a.here)
        const one = mine.slice(0, sequence).join() === theirs.slice(0, sequence).join()
        expect(said === null).toBe(one)
      }),
    )
  })
})

describe('steps as they travel (REC-16)', () => {
  it('are 80 bytes each and come back as they were', () => {
    const bytes = encodeSteps(TRUE.steps)
    expect(STEP_BYTES).toBe(80)
    expect(toHex(bytes.subarray(0, 80))).toBe(`${record(1)}${'00'.repeat(32)}${leaf(10)}`)
    expect(toHex(bytes.subarray(160, 240))).toBe(`${record(1)}${leaf(10)}${leaf(11)}`)
    expect(decodeSteps(bytes, 0)).toEqual(TRUE.steps)
    expect(decodeSteps(bytes.subarray(160), 2)).toEqual(TRUE.steps.slice(2))
  })

  it('are refused when they are not whole', () => {
    expect(() => decodeSteps(new Uint8Array(81), 0)).toThrow(RangeError)
  })
})
