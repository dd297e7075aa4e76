/** A small new file: the time from the moment it is saved on A until a program on B can open it. */
import { withPair } from '../measure/repeat.ts'
import { timeSaves } from '../measure/saves.ts'
import { percentile } from '../measure/statistics.ts'
import type { Question } from '../question.ts'
import { atMost, atMostShare } from '../report/verdicts.ts'

export const saveToVisible: Question = {
  name: 'save-to-visible',
  title: () => 'One small new file, from save to visible',
  contenders: ['Pileus', 'Syncthing'],
  measure: (bench, contender) =>
    withPair(bench, contender, async (pair) => {
      if (pair.live === null) return { kind: 'not-measured', why: 'it does not stay' }
      const { milliseconds, processor } = await timeSaves(pair, pair.live, 'saved', bench.sizes.saves)
      return {
        kind: 'measured',
        unit: 'ms',
        samples: milliseconds,
        parts: { p95: percentile(milliseconds, 0.95) },
        processor,
        movedBytes: null,
        peaks: pair.peaks(),
        notes: [],
      }
    }),
  judge: (answers) => [
    atMost(answers, 30, 'p50', undefined, 'ms'),
    atMost(answers, 100, 'p95', ({ samples }) => percentile(samples, 0.95), 'ms'),
    atMostShare(answers, 'Syncthing', 0.1),
  ],
}
