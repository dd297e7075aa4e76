/** 1 KiB inserted in the middle of a large file: whether the rest is read, sent and written again. */
import { join } from 'node:path'
import type { Carried } from '../contenders/contender.ts'
import { settleDisk, together, withPair } from '../measure/repeat.ts'
import type { Question } from '../question.ts'
import { formatBytes } from '../report/format.ts'
import { atMost, atMostShare, flatMemory } from '../report/verdicts.ts'
import { moveIn } from '../workload/arrival.ts'
import { copyWithInsert, expectSame, writeLargeFile } from '../workload/files.ts'

export const middleInsert: Question = {
  name: 'middle-insert',
  title: ({ largeFileBytes }) => `1 KiB inserted in the middle of ${formatBytes(largeFileBytes)}`,
  contenders: ['Pileus', 'Syncthing', 'restic', 'unison', 'rsync'],
  measure: (bench, contender) =>
    withPair(
      bench,
      contender,
      async (pair, aside) => {
        const { largeFileBytes, repetitions } = bench.sizes
        const prepared = join(aside, 'large')
        writeLargeFile(prepared, largeFileBytes, 'large')
        await pair.carry(moveIn(pair, prepared, 'large'))
        const carried: Carried[] = []
        for (let turn = 1; turn <= repetitions; turn++) {
          copyWithInsert(join(pair.a, 'large'), prepared, `insert ${turn}`)
          settleDisk()
          carried.push(await pair.carry(moveIn(pair, prepared, 'large')))
        }
        expectSame(pair.a, pair.b)
        return together(carried, [pair.peaks()])
      },
      { countWire: true },
    ),
  judge: (answers, { largeFileBytes }) => [
    atMostShare(answers, 'Syncthing', 0.15),
    atMost(answers, largeFileBytes < 2 ** 30 ? 6e6 : 3e6, 'moved', ({ movedBytes }) => movedBytes, 'bytes'),
    flatMemory(answers),
  ],
}
