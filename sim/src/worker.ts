/** One of the processes that run seeds. */
import { planOf } from './plan/plan.ts'
import { run } from './run.ts'
import type { SeedReport, SeedsOptions } from './seeds.ts'
import { createHome } from './system/home.ts'

/** Runs every n-th seed here and tells the parent of each. */
export async function work(
  options: Pick<SeedsOptions, 'from' | 'seeds'> & { readonly every: number },
): Promise<void> {
  // Nothing else keeps a process waiting while a report is on its way.
  process.channel?.ref()
  // Nobody hears the rest when the parent was ended.
  process.once('disconnect', () => process.exit())
  const home = await createHome()
  for (let seed = options.from; seed < options.from + options.seeds; seed += options.every) {
    const start = performance.now()
    const plan = planOf(seed)
    const { counts, failure, vain } = await run(home, plan)
    const milliseconds = performance.now() - start
    const report: SeedReport = {
      seed,
      steps: plan.steps.length - vain,
      milliseconds,
      counts,
      failure: failure?.message ?? null,
    }
    await new Promise<void>((resolve) => void process.send?.(report, () => resolve()))
  }
  process.disconnect?.()
}
