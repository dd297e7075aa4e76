/** Many small files at once: what each file costs beside its bytes. */
import { join } from 'node:path'
import type { Carried } from '../contenders/contender.ts'
import { settleDisk, together, withPair } from '../measure/repeat.ts'
import type { Question } from '../question.ts'
import { formatBytes } from '../report/format.ts'
import { atMostShare, flatMemory } from '../report/verdicts.ts'
import { moveIn } from '../workload/arrival.ts'
import { expectSame, writeTree } from '../workload/files.ts'

export const manyFiles: Question = {
  name: 'many-files',
  title: ({ smallFiles }) => `${smallFiles.toLocaleString('en')} files of 15.5 kB in 100 folders`,
  contenders: ['Pileus', 'Pileus --once', 'Syncthing', 'restic', 'borg', 'unison', 'rclone crypt', 'rsync'],
  async measure(bench, contender) {
    const { smallFiles, repetitions } = bench.sizes
    const carried: Carried[] = []
    const peaks: Readonly<Record<string, number>>[] = []
    let bytes = 0
    for (let turn = 0; turn < repetitions; turn++) {
      await withPair(bench, contender, async (pair, aside) => {
        const prepared = join(aside, 'tree')
        bytes = writeTree(prepared, smallFiles, `tree ${turn}`)
        settleDisk()
        carried.push(await pair.carry(moveIn(pair, prepared, 'tree')))
        peaks.push(pair.peaks())
        expectSame(pair.a, pair.b)
      })
    }
    const notes = contender.name === 'Pileus' ? [`the files hold ${formatBytes(bytes)}`] : []
    return together(carried, peaks, notes)
  },
  judge: (answers) => [
    atMostShare(answers, 'Syncthing', 0.2),
    atMostShare(answers, 'restic', 1),
    flatMemory(answers),
  ],
}
