/**
 * A large tree, synced once and then lived with: what one saved file costs in it, beside what it costs in an empty
 * folder. Has to be asked for by name, because a million files take their time.
 */
import { join } from 'node:path'
import type { Live } from '../contenders/contender.ts'
import { settleDisk, withPair } from '../measure/repeat.ts'
import { timeSaves } from '../measure/saves.ts'
import { median } from '../measure/statistics.ts'
import type { Question } from '../question.ts'
import { formatAmount, formatBytes, formatProcessor } from '../report/format.ts'
import { atMost, flatMemory } from '../report/verdicts.ts'
import { moveIn } from '../workload/arrival.ts'
import { expectSame, writeTinyFiles } from '../workload/files.ts'

/** Processor time of one save is the mean of so many, since the kernel counts in steps of 10 ms. */
const SAVES = 11
const PATIENCE_MS = 4 * 3_600_000

export const millionFiles: Question = {
  name: 'million-files',
  title: ({ files }) => `One small file saved in a tree of ${files.toLocaleString('en')}`,
  contenders: ['Pileus', 'Syncthing'],
  measure: (bench, contender) =>
    withPair(bench, contender, async (pair, aside) => {
      const { live } = pair
      if (live === null) return { kind: 'not-measured', why: 'it does not stay' }
      const { files } = bench.sizes
      const few = await timeSaves(pair, live, 'few', SAVES)
      const empty = await restart(live)

      const prepared = join(aside, 'tree')
      const bytes = writeTinyFiles(prepared, files, 'tree')
      settleDisk()
      const first = await pair.carry({ ...moveIn(pair, prepared, 'tree'), withinMs: PATIENCE_MS })
      expectSame(pair.a, pair.b)
      const peaks = pair.peaks()

      const full = await restart(live)
      const all = await timeSaves(pair, live, 'all', SAVES)
      const bytesPerFile = (full.bytes - empty.bytes) / files
      return {
        kind: 'measured',
        unit: 'ms',
        samples: all.milliseconds,
        parts: { 'in an empty folder': median(few.milliseconds) },
        processor: all.processor,
        movedBytes: null,
        peaks,
        figures: { bytesPerFile },
        notes: [
          `processor time of one save in an empty folder: ${formatProcessor(few.processor)}`,
          `the tree synced once: ${formatAmount(first.seconds, 's')} for ${formatBytes(bytes)}, processor time ${formatProcessor(first.processor)}`,
          `A started anew until it had looked through the tree: ${formatAmount(full.seconds, 's')}, through an empty folder ${formatAmount(empty.seconds, 's')}`,
          `memory of A at rest, started anew: ${formatBytes(full.bytes)}, with an empty folder ${formatBytes(empty.bytes)}, so ${formatBytes(bytesPerFile)} for each file`,
        ],
      }
    }),
  judge: (answers) => [
    atMost(answers, 50, 'processor time of A for one save', ({ processor }) => milliseconds(processor.A)),
    atMost(answers, 50, 'processor time of B for one save', ({ processor }) => milliseconds(processor.B)),
    atMost(answers, 500, 'per file', ({ figures }) => figures?.bytesPerFile ?? null, 'bytes'),
    flatMemory(answers),
  ],
}

function milliseconds(seconds: number | undefined): number | null {
  return seconds === undefined ? null : seconds * 1000
}

async function restart(live: Live): Promise<{ seconds: number; bytes: number }> {
  const start = performance.now()
  await live.restart()
  const seconds = (performance.now() - start) / 1000
  await live.comeToRest()
  return { seconds, bytes: live.residentBytes() }
}
