/** One run of the simulator: everything that happens in it follows from its plan, and the plan from a seed. */
import { toHex } from '@pileus/core/bytes/hex'
import { nodeCrypto } from '@pileus/core/crypto/node'
import { act, actAmid, actTogether } from './people/act.ts'
import { deeds } from './people/deeds.ts'
import { actAsTwins } from './people/twins.ts'
import type { Plan, Step } from './plan/plan.ts'
import { rest } from './rest.ts'
import { happen } from './system/events.ts'
import type { Home } from './system/home.ts'
import type { Machine } from './system/machine.ts'
import { type Counts, System } from './system/system.ts'

export interface RunResult {
  readonly plan: Plan
  /** Of everything that happened: equal for equal plans. */
  readonly traceHash: string
  readonly story: readonly string[]
  readonly trace: readonly string[]
  readonly counts: Counts
  /** Why something was not as promised; null when all was. */
  readonly failure: Error | null
  /** How often nothing could be done. */
  readonly vain: number
}

/** Runs this plan to its end, or to where something is not as promised. */
export async function run(home: Home, plan: Plan): Promise<RunResult> {
  const system = await System.begin(home, plan)
  let failure: Error | null = null
  let vain = 0
  try {
    for (const step of plan.steps) if (!(await take(system, step))) vain++
    await rest(system, { n: plan.steps.length, what: 'rest', who: 0, seed: plan.seed, after: 0 }, true)
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error))
    system.note(`failed: ${failure.message}`)
  }
  const { trace, story, counts } = system
  const traceHash = toHex(nodeCrypto.sha256(new TextEncoder().encode(trace.join('\n'))))
  return { plan, traceHash, trace, story, counts, failure, vain }
}

/** False when there was nothing to do it to. */
async function take(system: System, step: Step): Promise<boolean> {
  const { timeline, machines } = system
  if (step.after > 0) await timeline.pass(step.after)
  system.throwIfFailed()
  if (step.what === 'rest') {
    await rest(system, step, false)
    return true
  }
  const machine = machines[step.who % machines.length]!
  const isDeed = Object.hasOwn(deeds, step.what)
  const done = await doStep(system, machine, step, isDeed)
  if (done === null) return false
  system.count(isDeed ? 'deeds' : step.what)
  system.tell(`[${step.n}] ${step.what.startsWith('server') ? '' : `${machine.name}: `}${done}`)
  system.throwIfFailed()
  return true
}

function doStep(system: System, machine: Machine, step: Step, isDeed: boolean) {
  if (isDeed) return act(system, machine, step)
  if (step.what === 'pair') return actTogether(system, machine, step)
  if (step.what === 'twins') return actAsTwins(system, machine, step)
  if (step.what === 'meddle') return actAmid(system, machine, step)
  return happen(system, machine, step)
}
