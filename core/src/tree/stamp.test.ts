import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseId } from '../ids/ids.ts'
import { id } from './fixtures.ts'
import { comparePlaced, compareStamps, sameStamp } from './stamp.ts'

const stamp = fc.record({
  counter: fc.oneof(fc.nat(3), fc.nat(Number.MAX_SAFE_INTEGER)),
  writer: fc.constantFrom(...['0', '1', 'f'].map((digit) => parseId('writer', digit.repeat(16)))),
})
const placed = fc.record({ id: fc.nat(3).map(id), place: fc.record({ stamp }) })

describe('stamps (TREE-3)', () => {
  it('are ordered by counter, then writer', () => {
    const at = (counter: number, writer: string) => ({
      counter,
      writer: parseId('writer', writer.repeat(16)),
    })
    expect(compareStamps(at(1, 'f'), at(2, '0'))).toBeLessThan(0)
    expect(compareStamps(at(2, 'f'), at(2, '0'))).toBeGreaterThan(0)
    expect(compareStamps(at(2, '0'), at(2, '0'))).toBe(0)
  })

  it('give records a total order: antisymmetric, transitive, no two alike', () => {
    fc.assert(
      fc.property(placed, placed, placed, (a, b, c) => {
        expect(Math.sign(comparePlaced(a, b))).toBe(-Math.sign(comparePlaced(b, a)) || 0)
        if (comparePlaced(a, b) <= 0 && comparePlaced(b, c) <= 0)
          expect(comparePlaced(a, c)).toBeLessThanOrEqual(0)
        expect(comparePlaced(a, b) === 0).toBe(a.id === b.id && sameStamp(a.place.stamp, b.place.stamp))
      }),
    )
  })
})
