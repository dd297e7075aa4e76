/** Finds a small part of a plan that fails in the same way (delta debugging: Zeller, Hildebrandt 2002). */
import { CALMABLE, type Part, partOf } from './plan/part.ts'
import type { Plan } from './plan/plan.ts'
import { type RunResult, run } from './run.ts'
import type { Home } from './system/home.ts'

export interface Shrunk {
  readonly part: Part
  readonly result: RunResult
  /** Runs it took. */
  readonly runs: number
}

/** `failed` is what the whole plan did. Tries so many runs at most. */
export async function shrink(home: Home, plan: Plan, failed: RunResult, runsMax = 600): Promise<Shrunk> {
  const kind = kindOf(failed)
  let best: Shrunk = { part: { only: plan.steps.map(({ n }) => n), calm: [] }, result: failed, runs: 0 }
  let runs = 0
  const attempt = async (part: Part): Promise<boolean> => {
    if (runs >= runsMax) return false
    runs++
    const result = await run(home, partOf(plan, part))
    if (kindOf(result) !== kind) return false
    best = { part, result, runs }
    return true
  }
  await withoutFaults(() => best.part, attempt)
  await fewerSteps(() => best.part, attempt)
  await withoutFaults(() => best.part, attempt)
  return { ...best, runs }
}

/** What went wrong, whatever names and numbers it has this time. */
export function kindOf({ failure }: RunResult): string | null {
  return failure?.message.replace(/"[^"]*"|[0-9a-f]{6,}|\d+/g, '…').slice(0, 60) ?? null
}

async function withoutFaults(best: () => Part, attempt: (part: Part) => Promise<boolean>): Promise<void> {
  for (const name of CALMABLE) {
    const { only, calm } = best()
    if (!calm.includes(name)) await attempt({ only, calm: [...calm, name] })
  }
}

/** Leaves out ever smaller pieces, from the end, where most is needless. */
async function fewerSteps(best: () => Part, attempt: (part: Part) => Promise<boolean>): Promise<void> {
  let size = Math.ceil(best().only!.length / 2)
  for (;;) {
    let removed = false
    for (let end = best().only!.length; end > 0; end -= size) {
      const { only, calm } = best()
      const left = [...only!.slice(0, Math.max(0, end - size)), ...only!.slice(end)]
      removed = (await attempt({ only: left, calm })) || removed
    }
    if (size === 1 && !removed) return
    if (!removed || size > 1) size = Math.max(1, Math.floor(size / 2))
  }
}
