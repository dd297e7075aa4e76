/** One large file: how fast bytes go from A's disk to B's. */
import { join } from 'node:path'
import type { Carried } from '../contenders/contender.ts'
import { settleDisk, together, withPair } from '../measure/repeat.ts'
import type { Question } from '../question.ts'
import { formatBytes } from '../report/format.ts'
import { atMostShare, flatMemory } from '../report/verdicts.ts'
import { moveIn } from '../workload/arrival.ts'
import { expectSame, writeLargeFile } from '../workload/files.ts'

export const largeFile: Question = {
  name: 'large-file',
  title: ({ largeFileBytes }) => `One file of ${formatBytes(largeFileBytes)} of noise`,
  contenders: ['Pileus', 'Pileus --once', 'Syncthing', 'restic', 'borg', 'unison', 'rclone crypt', 'rsync'],
  async measure(bench, contender) {
    const { largeFileBytes, repetitions } = bench.sizes
    const carried: Carried[] = []
    const peaks: Readonly<Record<string, number>>[] = []
    for (let turn = 0; turn < repetitions; turn++) {
      await withPair(bench, contender, async (pair, aside) => {
        const prepared = join(aside, 'large')
        writeLargeFile(prepared, largeFileBytes, `large ${turn}`)
        settleDisk()
        carried.push(await pair.carry(moveIn(pair, prepared, 'large')))
        peaks.push(pair.peaks())
        expectSame(pair.a, pair.b)
      })
    }
    return together(carried, peaks)
  },
  judge: (answers) => [atMostShare(answers, 'Syncthing', 0.6), flatMemory(answers)],
}
