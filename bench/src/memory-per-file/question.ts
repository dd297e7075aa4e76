/** What a synced file costs in memory while nothing happens. */
import { join } from 'node:path'
import type { Contender } from '../contenders/contender.ts'
import { sleep, until } from '../measure/child.ts'
import { withPair } from '../measure/repeat.ts'
import type { Answer, Bench, Question } from '../question.ts'
import { formatBytes } from '../report/format.ts'
import { atMost } from '../report/verdicts.ts'
import { countFiles, writeTree } from '../workload/files.ts'

/** After the last file has shown, for both sides to write down what they did. */
const SETTLE_MS = 5_000

export const memoryPerFile: Question = {
  name: 'memory-per-file',
  title: ({ smallFiles }) => `Memory per synced file, ${smallFiles.toLocaleString('en')} files`,
  contenders: ['Pileus', 'Syncthing'],
  async measure(bench, contender) {
    const root = bench.folder('live')
    const pair = await contender.openLive(root)
    if (typeof pair === 'string') {
      bench.discard(root)
      return measureRuns(bench, contender, pair)
    }
    const { smallFiles } = bench.sizes
    try {
      const empty = await pair.restingBytes()
      writeTree(join(pair.a, 'tree'), smallFiles, 'tree')
      await until('B has the tree', () => countFiles(join(pair.b, 'tree')) === smallFiles, { everyMs: 200 })
      await sleep(SETTLE_MS)
      return answer(
        empty,
        await pair.restingBytes(),
        smallFiles,
        'resident memory of A at rest, started anew',
      )
    } finally {
      await pair.close()
      bench.discard(root)
    }
  },
  judge: (answers) => [atMost(answers, 500, 'per file')],
}

/** Without a process that stays: the most that a run holds which finds nothing to do. */
function measureRuns(bench: Bench, contender: Contender, why: string): Promise<Answer> {
  return withPair(bench, contender, async (pair) => {
    const { smallFiles } = bench.sizes
    await pair.rescan()
    const empty = await pair.rescanPeakBytes()
    writeTree(join(pair.a, 'tree'), smallFiles, 'tree')
    await pair.carry(() => countFiles(join(pair.b, 'tree')) === smallFiles)
    const full = await pair.rescanPeakBytes()
    return answer(empty, full, smallFiles, `most memory of a run that finds nothing changed, since ${why}`)
  })
}

function answer(empty: number, full: number, files: number, what: string): Answer {
  return {
    kind: 'measured',
    unit: 'bytes',
    samples: [Math.max(0, full - empty) / files],
    parts: { empty, full },
    movedBytes: null,
    peaks: {},
    notes: [`${what}: ${formatBytes(empty)} with no files, ${formatBytes(full)} with all`],
  }
}
