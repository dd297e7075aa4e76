/** Looking through many files when nothing has changed, which every device does again and again. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Pair, Rescanned } from '../contenders/contender.ts'
import { withPair } from '../measure/repeat.ts'
import { median } from '../measure/statistics.ts'
import type { Question } from '../question.ts'
import { atMost, atMostShare } from '../report/verdicts.ts'
import { moveIn } from '../workload/arrival.ts'
import { writeTree } from '../workload/files.ts'

export const rescan: Question = {
  name: 'rescan',
  title: ({ smallFiles }) => `Rescan of ${smallFiles.toLocaleString('en')} files, nothing changed`,
  contenders: ['Pileus', 'Pileus --once', 'Syncthing', 'restic', 'borg', 'unison', 'rclone crypt', 'rsync'],
  measure: (bench, contender) =>
    withPair(bench, contender, async (pair, aside) => {
      const { smallFiles, repetitions } = bench.sizes
      const one = join(aside, 'one.txt')
      writeFileSync(one, 'x')
      await pair.carry(moveIn(pair, one, 'one.txt'))
      const few = await look(pair, repetitions)
      const prepared = join(aside, 'tree')
      writeTree(prepared, smallFiles, 'tree')
      await pair.carry(moveIn(pair, prepared, 'tree'))
      const all = await look(pair, repetitions)
      const samples = all.map(({ seconds }) => seconds)
      return {
        kind: 'measured',
        unit: 's',
        samples,
        parts: { 'with one file': median(few.map(({ seconds }) => seconds)) },
        processor: { A: median(all.map(({ processorSeconds }) => processorSeconds)) },
        movedBytes: null,
        peaks: pair.peaks(),
        notes: [],
      }
    }),
  judge: (answers) => [atMost(answers, 0.15, 'time'), atMostShare(answers, 'Syncthing', 1)],
}

/** The first look after a change is not counted: what it left to do is none of a look's. */
async function look(pair: Pair, times: number): Promise<Rescanned[]> {
  await pair.rescan()
  const looks: Rescanned[] = []
  for (let turn = 0; turn < times; turn++) looks.push(await pair.rescan())
  return looks
}
