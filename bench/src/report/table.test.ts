import { expect, it } from 'vitest'
import { manyFiles } from '../many-files/question.ts'
import { percentile } from '../measure/statistics.ts'
import type { Answer, Measured } from '../question.ts'
import { QUICK } from '../question.ts'
import { answeredAsText } from './table.ts'

function measured(samples: readonly number[]): Measured {
  return {
    kind: 'measured',
    unit: 's',
    samples,
    parts: {},
    processor: { A: 0.5, B: 0.062 },
    movedBytes: 1_500_000,
    peaks: { A: 2e8 },
    notes: [],
  }
}

it('a percentile is a sample that was taken', () => {
  expect(percentile([5, 1, 4, 2, 3], 0.5)).toBe(3)
  expect(percentile([5, 1, 4, 2, 3], 0.95)).toBe(5)
  expect(percentile([7], 0.5)).toBe(7)
  expect(() => percentile([], 0.5)).toThrow(/no samples/)
})

it('the table shows medians and ratios, what was asked, and what was not measured and why', () => {
  const answers = new Map<string, Answer>([
    ['Pileus', measured([1.2, 1, 3])],
    ['Syncthing', measured([10, 12, 11])],
    ['restic', { kind: 'not-measured', why: 'not installed' }],
  ])
  const text = answeredAsText({ question: manyFiles, answers, load: 0.5 }, QUICK)
  expect(text).toContain(
    '| **Pileus** | 1.20 s | 1.20 s, 1.00 s, 3.00 s |  |  | 0.56 s: A 0.50 s, B 62 ms | 1.5 MB | A 200 MB |',
  )
  expect(text).toContain('| Syncthing | 11.0 s | 10.0 s, 12.0 s, 11.0 s |  | 0.11 × |')
  expect(text).toContain('- restic was not measured: not installed')
  expect(text).toContain('- asked: ≤ 0.2 × Syncthing; found: 0.11 ×: met')
  expect(text).toContain('- asked: ≤ 1 × restic; found: not measured: open')
})
