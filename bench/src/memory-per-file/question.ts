/** What a synced file costs in memory while nothing happens. */
import { join } from 'node:path'
import type { Live } from '../contenders/contender.ts'
import { withPair } from '../measure/repeat.ts'
import { median } from '../measure/statistics.ts'
import { sleep } from '../measure/waiting.ts'
import type { Question } from '../question.ts'
import { formatBytes } from '../report/format.ts'
import { atMost } from '../report/verdicts.ts'
import { moveIn } from '../workload/arrival.ts'
import { writeTree } from '../workload/files.ts'

export const memoryPerFile: Question = {
  name: 'memory-per-file',
  title: ({ smallFiles }) => `Memory per synced file, ${smallFiles.toLocaleString('en')} files`,
  contenders: ['Pileus', 'Syncthing'],
  measure: (bench, contender) =>
    withPair(bench, contender, async (pair, aside) => {
      const { live } = pair
      if (live === null) return { kind: 'not-measured', why: 'it does not stay' }
      const { smallFiles, repetitions } = bench.sizes
      const empty = median(await restingBytes(live, repetitions))
      const prepared = join(aside, 'tree')
      writeTree(prepared, smallFiles, 'tree')
      await pair.carry(moveIn(pair, prepared, 'tree'))
      const full = await restingBytes(live, repetitions)
      return {
        kind: 'measured',
        unit: 'bytes',
        samples: full.map((bytes) => (bytes - empty) / smallFiles),
        parts: {},
        processor: {},
        movedBytes: null,
        peaks: {},
        notes: [
          `resident memory of A at rest, started anew: ${formatBytes(empty)} with no files, ${formatBytes(median(full))} with all`,
        ],
      }
    }),
  judge: (answers) => [atMost(answers, 500, 'per file')],
}

const REST_MS = 3_000

async function restingBytes(live: Live, times: number): Promise<number[]> {
  const found: number[] = []
  for (let turn = 0; turn < times; turn++) {
    await live.restart()
    await live.comeToRest()
    // At rest is what a device is nearly always: not the moment after its first look.
    await sleep(REST_MS)
    found.push(live.residentBytes())
  }
  return found
}
