/** Looking through many files when nothing has changed, which every device does again and again. */
import { join } from 'node:path'
import { withPair } from '../measure/repeat.ts'
import { median } from '../measure/statistics.ts'
import type { Question } from '../question.ts'
import { formatAmount } from '../report/format.ts'
import { atMost, atMostShare } from '../report/verdicts.ts'
import { countFiles, writeTree } from '../workload/files.ts'

export const rescan: Question = {
  name: 'rescan',
  title: ({ smallFiles }) => `Rescan of ${smallFiles.toLocaleString('en')} files, nothing changed`,
  contenders: ['Pileus', 'Syncthing', 'restic', 'borg', 'unison', 'rclone crypt', 'rsync'],
  measure: (bench, contender) =>
    withPair(bench, contender, async (pair) => {
      const { smallFiles, repetitions } = bench.sizes
      const times = async () => {
        const seconds: number[] = []
        for (let turn = 0; turn < repetitions; turn++) seconds.push(await pair.rescan())
        return seconds
      }
      await pair.rescan()
      const empty = median(await times())
      writeTree(join(pair.a, 'tree'), smallFiles, 'tree')
      await pair.carry(() => countFiles(join(pair.b, 'tree')) === smallFiles)
      await pair.rescan()
      const samples = await times()
      return {
        kind: 'measured',
        unit: 's',
        samples,
        parts: { 'with an empty folder': empty, 'for the files': Math.max(0, median(samples) - empty) },
        movedBytes: null,
        peaks: {},
        notes:
          contender.name === 'Pileus'
            ? [
                `start, sign-in and end of the command take ${formatAmount(empty, 's')} of it; a process that stays pays them once`,
              ]
            : [],
      }
    }),
  judge: (answers) => [
    atMost(answers, 0.15, 'for the files', ({ parts }) => parts['for the files'] ?? null),
    atMostShare(answers, 'Syncthing', 1),
  ],
}
