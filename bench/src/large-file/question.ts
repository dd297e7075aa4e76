/** One large file: how fast bytes go from A's disk to B's. */
import { join } from 'node:path'
import type { Carried } from '../contenders/contender.ts'
import { settleDisk, together, withPair } from '../measure/repeat.ts'
import type { Question } from '../question.ts'
import { formatBytes } from '../report/format.ts'
import { atMostShare, flatMemory } from '../report/verdicts.ts'
import { expectSame, sizeOf, writeLargeFile } from '../workload/files.ts'

export const largeFile: Question = {
  name: 'large-file',
  title: ({ largeFileBytes }) => `One file of ${formatBytes(largeFileBytes)} of noise`,
  contenders: ['Pileus', 'Syncthing', 'restic', 'borg', 'unison', 'rclone crypt', 'rsync'],
  async measure(bench, contender) {
    const { largeFileBytes, repetitions } = bench.sizes
    const carried: Carried[] = []
    const peaks: Readonly<Record<string, number>>[] = []
    for (let turn = 0; turn < repetitions; turn++) {
      await withPair(bench, contender, async (pair) => {
        writeLargeFile(join(pair.a, 'large'), largeFileBytes, `large ${turn}`)
        settleDisk()
        carried.push(await pair.carry(() => sizeOf(join(pair.b, 'large')) === largeFileBytes))
        peaks.push(pair.peaks())
        expectSame(pair.a, pair.b)
      })
    }
    return together(carried, peaks)
  },
  judge: (answers) => [atMostShare(answers, 'Syncthing', 0.6), flatMemory(answers)],
}
