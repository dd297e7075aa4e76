/** Plants each bug and looks how many seeds it takes to find it. */
import { runSeeds, type SeedReport } from '../src/seeds.ts'
import { BUGS, type Bug, plantedBug } from './bugs.ts'

export interface Found {
  readonly bug: Bug
  /** Seeds until it was found; null when none did. */
  readonly seeds: number | null
  /** What the oracle said. */
  readonly said: string
}

/** Prints a line for each, these or all. False when one was not found within its seeds. */
export async function checkMutations(names: readonly string[], jobs: number): Promise<boolean> {
  const bugs = names.length > 0 ? names.map(plantedBug) : BUGS
  console.log(`${'bug'.padEnd(30)} seeds  within  found by`)
  let all = true
  for (const bug of bugs) {
    const { seeds, said } = await findBug(bug, jobs).catch((error: Error) => {
      return { seeds: null, said: `it cannot be planted or run: ${error.message}` }
    })
    all &&= seeds !== null
    console.log(
      `${bug.name.padEnd(30)} ${`${seeds ?? 'NONE'}`.padStart(5)} ${`${bug.within}`.padStart(7)}  ${said}`,
    )
  }
  console.log(all ? `all ${bugs.length} were found` : 'some were not found')
  return all
}

/** Runs seeds from the first with this bug until one fails. */
export async function findBug(bug: Bug, jobs: number): Promise<Found> {
  const reports = await runSeeds({ from: 1, seeds: bug.within, jobs, plant: bug.name, keep: false }, () => {})
  const failed = reports.find(({ failure }) => failure !== null)
  return { bug, seeds: failed?.seed ?? null, said: failed ? saidBy(failed) : 'nobody' }
}

function saidBy({ failure }: SeedReport): string {
  const line = failure!.replace(/\s+/g, ' ')
  return line.length > 110 ? `${line.slice(0, 107)}…` : line
}
