/**
 * `npm run sim -- --seeds N [--from S] [--jobs J] [--keep]` runs seeds and shrinks the first that fails;
 * `--replay SEED [--only STEPS] [--calm FAULTS] [--trace]` runs one again, `--story NAME` one that is kept; `--mutations [NAME …]` plants bugs and looks
 * whether each is found. Whatever is simulated is loaded after this file, with stand-ins.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { plantedBug } from '../mutations/bugs.ts'
import { loadSimulated } from './stand-ins/loading.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    jobs: { type: 'string', default: `${availableParallelism()}` },
    keep: { type: 'boolean', default: false },
    replay: { type: 'string' },
    story: { type: 'string' },
    only: { type: 'string' },
    calm: { type: 'string' },
    trace: { type: 'boolean', default: false },
    mutations: { type: 'boolean', default: false },
    plant: { type: 'string' },
    worker: { type: 'boolean', default: false },
    every: { type: 'string', default: '1' },
  },
})
/** A long run says how far it is. */
const TOLD_EVERY = 250

const from = whole('from', values.from)
const seeds = whole('seeds', values.seeds)
const jobs = whole('jobs', values.jobs)

if (values.mutations) {
  const { checkMutations } = await import('../mutations/check.ts')
  process.exitCode = (await checkMutations(positionals, jobs)) ? 0 : 1
} else {
  loadSimulated(values.plant === undefined ? [] : plantedBug(values.plant).replacements)
  if (values.worker)
    await (await import('./worker.ts')).work({ from, seeds, every: whole('every', values.every) })
  else if (values.replay !== undefined) process.exitCode = await replayOne(whole('replay', values.replay))
  else if (values.story !== undefined) process.exitCode = await tellStory(values.story)
  else process.exitCode = await runAll()
}

async function replayOne(seed: number): Promise<number> {
  const { replay } = await import('./replay.ts')
  const listed = (text: string | undefined) => (text === undefined || text === 'none' ? [] : text.split(','))
  const only = values.only === undefined ? null : listed(values.only).map(Number)
  const { failure } = await replay(seed, { only, calm: listed(values.calm) }, values.trace)
  return failure ? 1 : 0
}

async function tellStory(name: string): Promise<number> {
  const { storyOf } = await import('./plan/stories.ts')
  const { replayPlan } = await import('./replay.ts')
  return (await replayPlan(storyOf(name), values.trace)).failure ? 1 : 0
}

async function runAll(): Promise<number> {
  const { runSeeds, summaryOf } = await import('./seeds.ts')
  const start = performance.now()
  const options = { from, seeds, jobs, keep: values.keep, plant: values.plant }
  let [done, failures] = [0, 0]
  const reports = await runSeeds(options, ({ seed, failure }) => {
    if (failure !== null) console.error(`seed ${seed}: ${failure}`)
    if (failure !== null) failures++
    if (++done % TOLD_EVERY === 0) console.error(`${done} of ${seeds} seeds, ${failures} failed`)
  })
  console.log(summaryOf(reports, (performance.now() - start) / 1000))
  const failed = reports.find(({ failure }) => failure !== null)
  if (!failed) return 0
  if (!values.keep) console.log(await (await import('./replay.ts')).explain(failed.seed))
  return 1
}

function whole(name: string, text: string): number {
  const number = Number(text)
  if (Number.isSafeInteger(number) && number >= 0) return number
  console.error(`--${name} is a whole number, not ${JSON.stringify(text)}`)
  process.exit(2)
}
