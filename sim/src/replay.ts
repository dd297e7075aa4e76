/** One run for people to read: what happened, and the shortest part of it that fails in the same way. */
import { type Part, partOf, WHOLE } from './plan/part.ts'
import { type Plan, planOf } from './plan/plan.ts'
import { type RunResult, run } from './run.ts'
import { shrink } from './shrink.ts'
import { createHome } from './system/home.ts'

/** Runs it twice: what a seed and a part of it make must be the same every time. Returns its result. */
export async function replay(seed: number, part: Part, showTrace: boolean): Promise<RunResult> {
  return replayPlan(partOf(planOf(seed), part), showTrace)
}

export async function replayPlan(plan: Plan, showTrace: boolean): Promise<RunResult> {
  const [result, again] = [await run(await createHome(), plan), await run(await createHome(), plan)]
  console.log(describe(result, showTrace))
  console.log(`trace ${result.traceHash}`)
  if (again.traceHash === result.traceHash) return result
  const at = result.trace.findIndex((line, n) => line !== again.trace[n])
  throw new Error(
    `seed ${plan.seed} did not do the same twice: ${JSON.stringify(result.trace[at])} and then ${JSON.stringify(again.trace[at])}`,
  )
}

/** The shortest part of this seed that fails as the whole does, told for people. */
export async function explain(seed: number): Promise<string> {
  const home = await createHome()
  const plan = planOf(seed)
  const whole = await run(home, plan)
  if (!whole.failure) return `seed ${seed} does not fail when it is run alone`
  const { part, result, runs } = await shrink(home, plan, whole)
  const steps = `${part.only!.length} of ${plan.steps.length} steps, after ${runs} runs`
  return [`seed ${seed} fails; ${steps}:`, describe(result, false), `again: ${commandOf(seed, part)}`].join(
    '\n',
  )
}

export function commandOf(seed: number, part: Part = WHOLE): string {
  const only = part.only ? ` --only ${part.only.join(',') || 'none'}` : ''
  const calm = part.calm.length > 0 ? ` --calm ${part.calm.join(',')}` : ''
  return `npm run sim -- --replay ${seed}${only}${calm}`
}

function describe({ plan, story, trace, failure }: RunResult, showTrace: boolean): string {
  const { weather, ...switches } = plan.switches
  const shown = JSON.stringify({ ...switches, ...weather }, (_, value) =>
    typeof value === 'number' ? Math.round(value * 1_000) / 1_000 : value,
  )
  const happened = showTrace ? trace : story
  return [
    shown,
    ...happened.map((line) => `  ${line}`),
    failure ? `FAILED: ${failure.stack ?? failure.message}` : 'all as promised',
  ].join('\n')
}
