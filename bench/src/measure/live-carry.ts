/** Timing a change between processes that stay: the same for every contender. */
import type { Carried, Change } from '../contenders/contender.ts'
import type { Child } from './child.ts'
import { sleep, until } from './waiting.ts'

/** Between two looks at B's folder; a look that fails costs one `stat`. */
const LOOK_EVERY_MS = 5
const PATIENCE_MS = 600_000
const IDLE_MS = 500
/** Of that time, all together: three steps of the kernel's clock, since every process has timers. */
const IDLE_SECONDS = 0.03
const IDLE_PATIENCE_MS = 60_000

export interface Carriers {
  readonly processes: Readonly<Record<string, Child>>
  /** Tells A to look at its folder now, where it does not notice soon by itself. */
  readonly tellToLook: () => Promise<void>
  /** All bytes so far; null when they are not counted. */
  readonly wireBytes: () => number | null
}

/**
 * The clock runs from the moment after the change until B's folder holds it. Processor time and bytes are counted until all
 * processes are idle again: what they still write and send for the change is theirs. Rejects when a process ends meanwhile.
 */
export async function carryLive(carriers: Carriers, change: Change): Promise<Carried> {
  const wireBefore = carriers.wireBytes()
  const processorBefore = processorOf(carriers.processes)
  change.make()
  const start = performance.now()
  const told = { failure: null as unknown }
  const telling = carriers.tellToLook().catch((error: unknown) => {
    told.failure = error
  })
  const arrived = () => {
    if (told.failure !== null) throw told.failure
    for (const [name, process] of Object.entries(carriers.processes)) process.expectRunning(name)
    return change.isThere()
  }
  await until('B has it', arrived, { everyMs: LOOK_EVERY_MS, withinMs: change.withinMs ?? PATIENCE_MS })
  const seconds = (performance.now() - start) / 1000
  await telling
  await untilIdle(Object.values(carriers.processes))
  const wireAfter = carriers.wireBytes()
  return {
    seconds,
    parts: {},
    processor: since(processorBefore, processorOf(carriers.processes)),
    wireBytes: wireBefore === null || wireAfter === null ? null : wireAfter - wireBefore,
    said: null,
  }
}

/** Waits until all together used next to no processor time for half a second, a minute at most. */
export async function untilIdle(processes: readonly Child[]): Promise<void> {
  const used = () => processes.reduce((sum, one) => sum + one.processorSeconds, 0)
  const end = performance.now() + IDLE_PATIENCE_MS
  for (let before = used(); performance.now() < end; ) {
    await sleep(IDLE_MS)
    const now = used()
    // Half a tick of doubt, because sums of hundredths are not exact.
    if (now - before < IDLE_SECONDS + 0.005) return
    before = now
  }
}

/** User and system time so far of each, in seconds. */
export function processorOf(processes: Readonly<Record<string, Child>>): Record<string, number> {
  return Object.fromEntries(Object.entries(processes).map(([name, one]) => [name, one.processorSeconds]))
}

/** What was added to each between two readings. */
export function since(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Record<string, number> {
  return Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]))
}
