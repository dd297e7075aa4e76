import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CHUNK_MAX_BYTES, STORED_CHUNK_MAX_BYTES } from '../limits.ts'
import { padmeLength } from './padding.ts'

const lengths = fc.integer({ min: 0, max: 0xffff_ffff })

describe('Padmé padding (CNT-12)', () => {
  it('gives the lengths of the definition', () => {
    const known = [
      [0, 0],
      [1, 1],
      [2, 2],
      [7, 7],
      [8, 8],
      [9, 10],
      [33, 36],
      [100, 104],
      [1_000, 1_024],
      [1_025, 1_088],
      [65_537, 67_584],
      [1_048_577, 1_081_344],
      [0xffff_ffff, 0x1_0000_0000],
    ] as const
    for (const [length, padded] of known) expect(padmeLength(length)).toBe(padded)
  })

  it('equals the algorithm of the paper, worked in whole numbers', () => {
    fc.assert(
      fc.property(lengths, (length) => {
        expect(padmeLength(length)).toBe(paperPadme(length))
      }),
    )
  })

  it('never shortens, never adds more than 12 %, and leaves a padded length alone', () => {
    fc.assert(
      fc.property(lengths, (length) => {
        const padded = padmeLength(length)
        expect(padded).toBeGreaterThanOrEqual(length)
        expect(padded).toBeLessThanOrEqual(length * 1.12)
        if (padded <= 0xffff_ffff) expect(padmeLength(padded)).toBe(padded)
      }),
    )
  })

  it('keeps the order of lengths', () => {
    fc.assert(
      fc.property(lengths, lengths, (a, b) => {
        if (a <= b) expect(padmeLength(a)).toBeLessThanOrEqual(padmeLength(b))
      }),
    )
  })

  it('keeps the longest chunk within the limit of a stored chunk', () => {
    expect(padmeLength(1 + CHUNK_MAX_BYTES) + 16).toBeLessThanOrEqual(STORED_CHUNK_MAX_BYTES)
  })

  it.each([-1, 0.5, 2 ** 32, Number.NaN])('refuses %s', (length) => {
    expect(() => padmeLength(length)).toThrow(RangeError)
  })
})

/** Algorithm 1 of the paper: E = floor(log2 L), S = floor(log2 E) + 1, the last E - S bits become zero. */
function paperPadme(length: number): number {
  if (length < 2) return length
  const e = length.toString(2).length - 1
  const s = e === 0 ? 0 : e.toString(2).length
  const last = BigInt(Math.max(0, e - s))
  const mask = (1n << last) - 1n
  return Number((BigInt(length) + mask) & ~mask)
}
