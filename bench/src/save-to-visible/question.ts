/** A small new file: the time from the moment it is saved on A until a program on B can open it. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sleep, until } from '../measure/child.ts'
import { percentile } from '../measure/statistics.ts'
import type { Question } from '../question.ts'
import { atMost, atMostShare } from '../report/verdicts.ts'

/** Between two saves: long enough that nobody gathers them. */
const PAUSE_MS = 1_100

export const saveToVisible: Question = {
  name: 'save-to-visible',
  title: () => 'One small new file, from save to visible',
  contenders: ['Pileus', 'Syncthing'],
  async measure(bench, contender) {
    const root = bench.folder('live')
    const pair = await contender.openLive(root)
    if (typeof pair === 'string') return { kind: 'not-measured', why: pair }
    try {
      const samples: number[] = []
      // The first only shows that both sides are awake.
      for (let turn = 0; turn <= bench.sizes.saves; turn++) {
        const name = `saved ${turn}.txt`
        const start = performance.now()
        writeFileSync(join(pair.a, name), 'x'.repeat(100))
        await until(`B shows ${name}`, () => existsSync(join(pair.b, name)), { everyMs: 1, withinMs: 60_000 })
        if (turn > 0) samples.push(performance.now() - start)
        await sleep(PAUSE_MS)
      }
      const worst = { p95: percentile(samples, 0.95) }
      return { kind: 'measured', unit: 'ms', samples, parts: worst, movedBytes: null, peaks: {}, notes: [] }
    } finally {
      await pair.close()
      bench.discard(root)
    }
  },
  judge: (answers) => [
    atMost(answers, 30, 'p50', undefined, 'ms'),
    atMost(answers, 100, 'p95', ({ samples }) => percentile(samples, 0.95), 'ms'),
    atMostShare(answers, 'Syncthing', 0.1),
  ],
}
