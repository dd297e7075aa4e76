/** One run of the simulator: everything that happens in it follows from its seed. */

import { NotQuiet, type SyncReport } from '@pileus/client/drive/drive'
import { Crash } from '@pileus/client/files/memory-area'
import { Unreachable } from '@pileus/client/remote/remote'
import { StoreCrash } from '@pileus/client/store/memory'
import { toHex } from '@pileus/core/bytes/hex'
import { nodeCrypto } from '@pileus/core/crypto/node'
import { Ledger } from './oracles/ledger.ts'
import { checkConverged, checkNothingLost, checkQuiet } from './oracles/oracles.ts'
import { act, restartContents } from './steps/person.ts'
import { NO_FAULTS } from './world/network.ts'
import { type Chance, chanceOf } from './world/random.ts'
import { createWorld, type Device, type Home, type World } from './world/world.ts'

export interface RunOptions {
  readonly steps?: number
  readonly devices?: number
}

export interface RunResult {
  readonly seed: number
  /** Everything that happened, a line each. */
  readonly trace: readonly string[]
  readonly traceHash: string
  readonly steps: number
}

/** What a run stresses, drawn once, so that some runs are gentle in each respect. */
interface Mood {
  readonly lossy: number
  readonly crashing: number
  readonly powerLoss: boolean
  readonly doubling: number
}

/** A run in which something was not as promised, with all that happened until then. */
export class RunFailed extends Error {
  readonly seed: number
  readonly trace: readonly string[]
  constructor(seed: number, trace: readonly string[], cause: unknown) {
    super(`seed ${seed}: ${cause instanceof Error ? cause.message : String(cause)}\n${trace.join('\n')}`, {
      cause,
    })
    this.name = 'RunFailed'
    this.seed = seed
    this.trace = trace
  }
}

/** Runs this seed. Rejects with RunFailed when an oracle objects or the program fails in an unexpected way. */
export async function run(home: Home, seed: number, options: RunOptions = {}): Promise<RunResult> {
  const chance = chanceOf(seed)
  const trace: string[] = []
  restartContents()
  try {
    const world = await createWorld(home, chance, options.devices ?? 2 + chance.below(3))
    const ledger = new Ledger()
    const mood: Mood = {
      lossy: chance.happens(0.5) ? 0.05 * chance.fraction() : 0,
      crashing: chance.happens(0.5) ? 0.4 * chance.fraction() : 0,
      powerLoss: chance.happens(0.5),
      doubling: chance.happens(0.4) ? 0.2 * chance.fraction() : 0,
    }
    const steps = options.steps ?? 15 + chance.below(40)
    for (let step = 0; step < steps; step++) await takeStep(world, chance, ledger, mood, trace)
    await comeToRest(world, trace)
    checkConverged(world)
    await checkNothingLost(world, ledger)
    await checkQuiet(world)
    return { seed, trace, traceHash: hashOf(trace), steps }
  } catch (error) {
    throw new RunFailed(seed, trace, error)
  }
}

async function takeStep(
  world: World,
  chance: Chance,
  ledger: Ledger,
  mood: Mood,
  trace: string[],
): Promise<void> {
  world.clock.now += chance.below(60_000)
  const device = chance.pick(world.devices)
  if (chance.happens(0.6)) {
    for (let n = 1 + chance.below(3); n > 0; n--) {
      trace.push(`${device.name}: ${act(device.files, chance, ledger, device.name)}`)
    }
    return
  }
  device.faults = { lostRequest: mood.lossy, lostAnswer: mood.lossy, doubled: mood.doubling }
  const crashes = chance.happens(mood.crashing)
  if (crashes && chance.happens(0.6)) device.files.failAfter(1 + chance.below(40))
  else if (crashes) device.store.failAfter(1 + chance.below(12))
  trace.push(`${device.name}: sync ${await trySync(world, device, chance, mood)}`)
  device.faults = NO_FAULTS
}

/** A sync that may be cut; what ends it besides is a finding. */
async function trySync(world: World, device: Device, chance: Chance, mood: Mood): Promise<string> {
  try {
    return reportLine(await world.sync(device))
  } catch (error) {
    if (error instanceof Unreachable) return 'lost the server'
    if (!(error instanceof Crash || error instanceof StoreCrash)) throw error
    const survival = mood.powerLoss ? () => chance.fraction() : 'all'
    device.files.crash(survival)
    device.store.crash(survival)
    return mood.powerLoss ? 'lost power' : 'was killed'
  } finally {
    device.files.failAfter(Number.POSITIVE_INFINITY)
    device.store.failAfter(Number.POSITIVE_INFINITY)
  }
}

const ROUNDS_TO_REST = 12

/** Without faults, everything comes to rest in a bounded number of rounds (oracle e). */
async function comeToRest(world: World, trace: string[]): Promise<void> {
  for (let round = 0; round < ROUNDS_TO_REST; round++) {
    let busy = false
    for (const device of world.devices) {
      const report = await world.sync(device)
      trace.push(`${device.name}: sync ${reportLine(report)}`)
      if (report.problems.length > 0)
        throw new Error(`${device.name} has problems: ${JSON.stringify(report.problems)}`)
      busy ||= report.pushed + report.pulled + report.applied + report.heldDeletions > 0
    }
    if (!busy) return
  }
  throw new NotQuiet()
}

function reportLine({ pushed, pulled, applied, heldDeletions }: SyncReport): string {
  return `pushed ${pushed}, pulled ${pulled}, applied ${applied}, held ${heldDeletions}`
}

function hashOf(trace: readonly string[]): string {
  return toHex(nodeCrypto.sha256(new TextEncoder().encode(trace.join('\n'))))
}
