/** Version vectors: the laws that causality rests on (R1). */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { WriterId } from '../ids/ids.ts'
import {
  compareVectors,
  dominates,
  entries,
  joinVectors,
  NO_VERSION,
  nextVector,
  type VersionVector,
  vectorKey,
} from './vector.ts'

const WRITERS = ['aa', 'bb', 'cc', 'dd'].map((pair) => pair.repeat(8) as WriterId)
const [A, B] = WRITERS as [WriterId, WriterId]
const counters = fc.integer({ min: 1, max: 3 })
const vectors: fc.Arbitrary<VersionVector> = fc.dictionary(fc.constantFrom(...WRITERS), counters, {
  maxKeys: 4,
  noNullPrototype: true,
})

/** The definition: a writer that is not there counts as 0. */
function naiveOrder(a: VersionVector, b: VersionVector) {
  const pairs = WRITERS.map((writer) => [a[writer] ?? 0, b[writer] ?? 0] as const)
  const below = pairs.every(([x, y]) => x <= y)
  const above = pairs.every(([x, y]) => x >= y)
  if (below && above) return 'equal'
  if (below) return 'before'
  return above ? 'after' : 'concurrent'
}

describe('comparing', () => {
  test('gives what the definition gives, and dominating is coming after', () => {
    fc.assert(
      fc.property(vectors, vectors, (a, b) => {
        expect(compareVectors(a, b)).toBe(naiveOrder(a, b))
        expect(dominates(a, b)).toBe(naiveOrder(a, b) === 'after')
      }),
      { numRuns: 1_000 },
    )
  })

  test('is antisymmetric', () => {
    const opposite = { equal: 'equal', before: 'after', after: 'before', concurrent: 'concurrent' } as const
    fc.assert(
      fc.property(vectors, vectors, (a, b) => {
        expect(compareVectors(b, a)).toBe(opposite[compareVectors(a, b)])
      }),
      { numRuns: 1_000 },
    )
  })

  test('is transitive', () => {
    fc.assert(
      fc.property(vectors, vectors, vectors, (a, b, c) => {
        fc.pre(dominates(a, b) && dominates(b, c))
        expect(dominates(a, c)).toBe(true)
      }),
    )
  })

  test('puts the version before the first below every other', () => {
    expect(compareVectors(NO_VERSION, { [A]: 1 })).toBe('before')
    expect(compareVectors(NO_VERSION, {})).toBe('equal')
  })
})

describe('joining', () => {
  test('is commutative, associative and idempotent', () => {
    fc.assert(
      fc.property(vectors, vectors, vectors, (a, b, c) => {
        expect(joinVectors(a, b)).toEqual(joinVectors(b, a))
        expect(joinVectors(joinVectors(a, b), c)).toEqual(joinVectors(a, joinVectors(b, c)))
        expect(joinVectors(a, a)).toEqual(a)
        expect(joinVectors(a, NO_VERSION)).toEqual(a)
      }),
    )
  })

  test('gives the least vector that knows both', () => {
    const knows = (a: VersionVector, b: VersionVector) => ['equal', 'after'].includes(compareVectors(a, b))
    fc.assert(
      fc.property(vectors, vectors, vectors, (a, b, c) => {
        const joined = joinVectors(a, b)
        expect(knows(joined, a) && knows(joined, b)).toBe(true)
        expect(knows(c, joined)).toBe(knows(c, a) && knows(c, b))
      }),
    )
  })

  test('leaves its arguments alone', () => {
    const a = Object.freeze({ [A]: 1 })
    expect(joinVectors(a, Object.freeze({ [B]: 2 }))).toEqual({ [A]: 1, [B]: 2 })
  })
})

describe('the next version', () => {
  test('dominates what was seen and raises only its own writer’s counter', () => {
    fc.assert(
      fc.property(vectors, fc.constantFrom(...WRITERS), (seen, writer) => {
        const next = nextVector(seen, writer)
        expect(dominates(next, seen)).toBe(true)
        expect(next).toEqual({ ...seen, [writer]: (seen[writer] ?? 0) + 1 })
      }),
    )
  })

  test('never uses a counter again that its writer sealed before (R5)', () => {
    expect(nextVector({ [A]: 2 }, A, 7)).toEqual({ [A]: 8 })
    expect(nextVector({ [A]: 9 }, A, 7)).toEqual({ [A]: 10 })
    expect(nextVector({ [B]: 1 }, A, 7)).toEqual({ [A]: 8, [B]: 1 })
  })

  test('of two writers from the same version is concurrent', () => {
    fc.assert(
      fc.property(vectors, (seen) => {
        expect(compareVectors(nextVector(seen, A), nextVector(seen, B))).toBe('concurrent')
      }),
    )
  })
})

describe('the key of a vector', () => {
  test('is the same for equal vectors only, in whatever order they were written', () => {
    fc.assert(
      fc.property(vectors, vectors, (a, b) => {
        expect(vectorKey(a) === vectorKey(b)).toBe(compareVectors(a, b) === 'equal')
        const reversed = Object.fromEntries(Object.entries(a).reverse()) as VersionVector
        expect(vectorKey(reversed)).toBe(vectorKey(a))
      }),
    )
  })

  test('is pinned', () => {
    expect(vectorKey({ [B]: 2, [A]: 10 })).toBe('aaaaaaaaaaaaaaaa:10,bbbbbbbbbbbbbbbb:2')
    expect(vectorKey(NO_VERSION)).toBe('')
    expect(entries({ [B]: 2, [A]: 10 })).toEqual([
      [A, 10],
      [B, 2],
    ])
  })
})
