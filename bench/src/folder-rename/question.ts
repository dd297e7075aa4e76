/** A folder of many files gets another name: one record and one rename, or everything again. */
import { join } from 'node:path'
import type { Carried } from '../contenders/contender.ts'
import { settleDisk, together, withPair } from '../measure/repeat.ts'
import type { Measured, Question, Verdict } from '../question.ts'
import { atMost, atMostShare } from '../report/verdicts.ts'
import { moveIn, rename } from '../workload/arrival.ts'
import { expectSame, writeTree } from '../workload/files.ts'

export const folderRename: Question = {
  name: 'folder-rename',
  title: ({ smallFiles }) => `A folder of ${smallFiles.toLocaleString('en')} files renamed`,
  contenders: ['Pileus', 'Pileus --once', 'Syncthing', 'unison', 'rsync'],
  measure: (bench, contender) =>
    withPair(
      bench,
      contender,
      async (pair, aside) => {
        const { smallFiles, repetitions } = bench.sizes
        const prepared = join(aside, 'tree')
        writeTree(prepared, smallFiles, 'tree')
        await pair.carry(moveIn(pair, prepared, 'name 0'))
        const carried: Carried[] = []
        for (let turn = 1; turn <= repetitions; turn++) {
          settleDisk()
          carried.push(await pair.carry(rename(pair, `name ${turn - 1}`, `name ${turn}`)))
        }
        expectSame(pair.a, pair.b)
        return together(carried, [pair.peaks()])
      },
      { countWire: true },
    ),
  judge: (answers) => [
    atMost(answers, 0.3, 'time'),
    oneRecordNoChunks(answers.get('Pileus --once')),
    atMostShare(answers, 'Syncthing', 0.1),
  ],
}

/** The command says what it sends; the process that stays does not, and does the same. */
function oneRecordNoChunks(once: Measured | undefined): Verdict {
  const target = 'one record, no bytes of chunks'
  const said = once?.said ?? []
  if (said.length === 0) return { target, found: 'not measured', met: null }
  const found = said.map(({ records, chunkBytes }) => `${records} and ${chunkBytes}`).join(', ')
  return { target, found, met: said.every(({ records, chunkBytes }) => records === 1 && chunkBytes === 0) }
}
