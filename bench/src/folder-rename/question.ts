/** A folder of many files gets another name: one record and one rename, or everything again. */
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import type { Carried } from '../contenders/contender.ts'
import { settleDisk, together, withPair } from '../measure/repeat.ts'
import type { Question } from '../question.ts'
import { atMost, atMostShare } from '../report/verdicts.ts'
import { countFiles, expectSame, writeTree } from '../workload/files.ts'

export const folderRename: Question = {
  name: 'folder-rename',
  title: ({ smallFiles }) => `A folder of ${smallFiles.toLocaleString('en')} files renamed`,
  contenders: ['Pileus', 'Syncthing', 'unison', 'rsync'],
  measure: (bench, contender) =>
    withPair(bench, contender, async (pair) => {
      const { smallFiles, repetitions } = bench.sizes
      writeTree(join(pair.a, 'name 0'), smallFiles, 'tree')
      await pair.carry(() => countFiles(join(pair.b, 'name 0')) === smallFiles)
      await pair.rescan()
      const carried: Carried[] = []
      for (let turn = 1; turn <= repetitions; turn++) {
        settleDisk()
        const before = `name ${turn - 1}`
        const after = `name ${turn}`
        renameSync(join(pair.a, before), join(pair.a, after))
        const isThere = () =>
          countFiles(join(pair.b, after)) === smallFiles && !existsSync(join(pair.b, before))
        carried.push(await pair.carry(isThere))
      }
      expectSame(pair.a, pair.b)
      const records = carried.flatMap((one) => (one.records === null ? [] : [one.records]))
      return together(
        carried,
        [pair.peaks()],
        records.length > 0 ? [`records sent each time: ${records.join(', ')}`] : [],
      )
    }),
  judge: (answers) => [
    atMost(answers, 0.3, 'time'),
    atMost(answers, 0, 'chunk bytes moved', ({ movedBytes }) => movedBytes, 'bytes'),
    atMostShare(answers, 'Syncthing', 0.1),
  ],
}
