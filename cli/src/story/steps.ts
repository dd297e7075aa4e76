/**
 * Test helper: steps that lead to what a test is about, or look at how it ended, done by one `pileus` that stays. It is the
 * same command line with the same words and exit codes, in a process that has loaded its modules already: a quarter of
 * the cost. What a test is about runs as a person runs it, see `running.ts`.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { cleanEnvironment, type Ended } from '../running.ts'

const PROCESS = join(import.meta.dirname, 'steps-process.ts')

export interface Step {
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

let staying: ChildProcess | undefined
let last: Promise<unknown> = Promise.resolve()

/** Runs `pileus ARGS` after the steps that were asked for before. Rejects when the process is gone. */
export function step(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
  const ended = last.then(() => ask({ args, env: cleanEnvironment(env) }))
  // Who asked hears of a failure; the next step begins all the same.
  last = Promise.allSettled([ended])
  return ended
}

async function ask(what: Step): Promise<Ended> {
  if (staying?.connected !== true) staying = start()
  const gone = new AbortController()
  const whenGone = () =>
    gone.abort(new Error(`the process that does the steps ended during pileus ${what.args.join(' ')}`))
  staying.once('exit', whenGone)
  try {
    staying.send(what)
    const [ended] = await once(staying, 'message', { signal: gone.signal })
    return ended as Ended
  } finally {
    staying.off('exit', whenGone)
  }
}

function start(): ChildProcess {
  const child = fork(PROCESS, {
    execArgv: [],
    env: { ...cleanEnvironment(), UV_THREADPOOL_SIZE: '32' },
    // Nobody is there to be asked.
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  // It ends when this process does, and keeps it from nothing.
  child.unref()
  child.channel?.unref()
  return child
}
