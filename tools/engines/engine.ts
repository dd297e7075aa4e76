/** Real engines for tests, benchmarks and for trying things out: one launcher each, all of this shape. */

export type EngineName = 'postgres' | 'valkey' | 's3' | 'cassandra'

/** A running engine. Its data rests in a temporary folder of its own and goes with it. */
export interface RunningEngine {
  readonly name: EngineName
  /** What it is, with its version: 'PostgreSQL 15.18'. */
  readonly title: string
  /** The server's environment variables that lead to it. */
  readonly settings: Readonly<Record<string, string>>
  /** Ends the process, in order or at once; its data stay for `start`. */
  stop(how: 'in order' | 'killed'): Promise<void>
  /** Starts it again on the same port and data. */
  start(): Promise<void>
  /** Stops it and removes its data. */
  remove(): Promise<void>
}

/** A test soon ends, so what it runs on had better start fast; work is what an engine's makers tuned it for. */
export type Use = 'test' | 'work'

/** Finds the engine, or installs it, and starts it on a free loopback port. Throws EngineMissing. */
export type Launcher = (use: Use) => Promise<RunningEngine>

/** The engine is not to be had on this machine; the message says why. */
export class EngineMissing extends Error {
  /** The machine has the means to install it (a package manager, a compiler), which failed. */
  readonly couldBeHad: boolean
  constructor(reason: string, couldBeHad: boolean, cause?: unknown) {
    super(reason, { cause })
    this.name = 'EngineMissing'
    this.couldBeHad = couldBeHad
  }
}

/** Engines that start at the same time: all, or none of them is left. Rejects with the first failure. */
export async function together(starting: readonly Promise<RunningEngine>[]): Promise<RunningEngine[]> {
  const started = await Promise.allSettled(starting)
  const failed = started.find((one) => one.status === 'rejected')
  const running = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  if (!failed) return running
  for (const engine of running) await engine.remove()
  throw failed.reason
}
