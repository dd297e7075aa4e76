/**
 * Throws bad inputs at readers: each must return or refuse by an error of the classes it is known for, soon, and leave no
 * memory behind. One seed gives the same inputs again.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type Chance, chanceOf } from '../world/random.ts'
import type { Target } from './target.ts'

/** One input may take this long, milliseconds; a busy machine is given a second try. */
const SLOW_MS = 2_000
/** What the heap may grow by while all inputs after the first tenth are read, bytes. */
const GROWTH_MAX_BYTES = 48 * 1024 * 1024
/** Failures of one reader that are kept to be shown. */
const FAILURES_SHOWN = 2

export interface Tally {
  readonly name: string
  inputs: number
  /** Read, because the change made nothing of it wrong. */
  accepted: number
  failed: number
  slowestMs: number
}

export interface Failure {
  readonly target: string
  readonly input: Uint8Array
  readonly error: unknown
}

export interface FuzzReport {
  readonly inputs: number
  readonly tallies: readonly Tally[]
  readonly failures: readonly Failure[]
  readonly heapGrowthBytes: number
}

export interface FuzzOptions {
  readonly inputs: number
  readonly seed: number
  readonly targets: readonly Target[]
  readonly progress?: (done: number) => void
}

/** Reads that many inputs, shared out among the targets. */
export async function fuzz({ inputs, seed, targets, progress }: FuzzOptions): Promise<FuzzReport> {
  const chance = chanceOf(seed)
  const tallies = targets.map(({ name }) => ({ name, inputs: 0, accepted: 0, failed: 0, slowestMs: 0 }))
  const failures: Failure[] = []
  const choose = byShare(targets)
  let heapBefore = 0
  let done = 0
  for (; done < inputs; done++) {
    if (done === Math.floor(inputs / 10)) heapBefore = heapInUse()
    if (done % 10_000 === 0) progress?.(done)
    const at = choose(chance)
    const failure = await readOne(targets[at]!, targets[at]!.input(chance), tallies[at]!)
    if (failure && ++tallies[at]!.failed <= FAILURES_SHOWN) failures.push(failure)
  }
  const heapGrowthBytes = Math.max(0, heapInUse() - heapBefore)
  if (heapGrowthBytes > GROWTH_MAX_BYTES)
    failures.push({
      target: 'memory',
      input: new Uint8Array(0),
      error: new Error(`the heap grew by ${heapGrowthBytes} bytes`),
    })
  return { inputs: done, tallies, failures, heapGrowthBytes }
}

async function readOne(target: Target, input: Uint8Array, tally: Tally): Promise<Failure | null> {
  const { name, refusals } = target
  tally.inputs++
  let { ms, error } = await timed(() => target.read(input))
  if (ms > SLOW_MS) ms = Math.min(ms, (await timed(() => target.read(input))).ms)
  tally.slowestMs = Math.max(tally.slowestMs, ms)
  if (ms > SLOW_MS) return { target: name, input, error: new Error(`it took ${Math.round(ms)} ms`) }
  if (error === null) {
    tally.accepted++
    return null
  }
  return refusals.some((refusal) => isA(error, refusal)) ? null : { target: name, input, error }
}

async function timed(read: () => unknown): Promise<{ ms: number; error: unknown }> {
  const start = performance.now()
  try {
    await read()
    return { ms: performance.now() - start, error: null }
  } catch (error) {
    return { ms: performance.now() - start, error: error ?? new Error('something empty was thrown') }
  }
}

function isA(error: unknown, refusal: string): boolean {
  const [name, code] = refusal.split(':')
  if (!(error instanceof Error) || error.name !== name) return false
  return code === undefined || ('code' in error && error.code === code)
}

function byShare(targets: readonly Target[]): (chance: Chance) => number {
  let total = 0
  const ends = targets.map(({ share = 1 }) => {
    total += share
    return total
  })
  return (chance) => {
    const at = chance.fraction() * total
    return ends.findIndex((end) => at < end)
  }
}

let collect: (() => void) | null = null

function heapInUse(): number {
  if (!collect) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
  }
  collect()
  return process.memoryUsage().heapUsed
}
