/** Parts of a plan: some of its steps, and fewer faults. A seed and a part are all it takes to run it again. */
import type { Plan, Switches } from './plan.ts'

export interface Part {
  /** Numbers of the steps that are left; null: all. */
  readonly only: readonly number[] | null
  /** Faults that are switched off, by name. */
  readonly calm: readonly string[]
}

export const WHOLE: Part = { only: null, calm: [] }

const fair =
  (change: Partial<Switches['weather']>) =>
  (switches: Switches): Switches => ({
    ...switches,
    weather: { ...switches.weather, ...change },
  })

/** What can be left out of a run, each by itself. */
const CALM: Readonly<Record<string, (switches: Switches) => Switches>> = {
  live: (switches) => ({ ...switches, live: 0 }),
  delay: fair({ delayMs: 0 }),
  'lost-request': fair({ lostRequest: 0 }),
  late: fair({ late: 0 }),
  'lost-answer': fair({ lostAnswer: 0 }),
  doubled: fair({ doubled: 0 }),
  'cut-answer': fair({ cutAnswer: 0 }),
  hints: (switches) => ({ ...switches, hintsLost: 0 }),
  'slow-server': (switches) => ({ ...switches, serverWriteMs: 0 }),
  case: (switches) => ({ ...switches, caseInsensitive: false }),
  power: (switches) => ({ ...switches, powerLoss: false }),
}

export const CALMABLE: readonly string[] = Object.keys(CALM)

/** Throws RangeError for a fault that there is not. */
export function partOf(plan: Plan, { only, calm }: Part): Plan {
  const kept = only && new Set(only)
  const switches = calm.reduce((all, name) => {
    const without = CALM[name]
    if (!without)
      throw new RangeError(`there is no fault ${JSON.stringify(name)}: choose among ${CALMABLE.join(', ')}`)
    return without(all)
  }, plan.switches)
  return { ...plan, switches, steps: kept ? plan.steps.filter(({ n }) => kept.has(n)) : plan.steps }
}
