/** Test helper: `pileus sync` as a process that stays, or is ended at a moment of the test's choice. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { DeviceOf } from './person.ts'

const MAIN = join(import.meta.dirname, '../../bin/pileus.mjs')

export interface LiveProcess {
  readonly pid: number
  /** Resolves with its exit code once it has ended by itself or otherwise; null after a signal. */
  readonly ended: Promise<number | null>
  signal(signal: NodeJS.Signals): void
  /** Everything it wrote. */
  readonly output: () => string
  /** Asks it to stop; resolves with its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

export interface LiveOptions {
  /** For Node itself. */
  readonly nodeOptions?: readonly string[]
  /** A command that runs this one. */
  readonly under?: readonly string[]
  /** What `pileus` is to do; to stay in sync if not said. */
  readonly command?: readonly string[]
}

/** Starts `pileus sync`, or another command, on this device. It may not be up to date yet when this returns. */
export function startLive(device: DeviceOf, options: LiveOptions = {}): LiveProcess {
  const { nodeOptions = [], under = [], command = ['sync'] } = options
  const kept = Object.entries(process.env).filter(([name]) => !/^(PILEUS_|NODE_OPTIONS|VITEST)/.test(name))
  const [program, ...args] = [...under, process.execPath, ...nodeOptions, MAIN, ...command]
  const child = spawn(program!, args, {
    env: { ...Object.fromEntries(kept), ...device.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  // 'close', because what it wrote last may come after 'exit'.
  const ended = once(child, 'close').then(([code]) => code as number | null)
  return {
    pid: child.pid!,
    ended,
    signal: (signal) => child.kill(signal),
    output: () => output,
    async stop(signal = 'SIGINT') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      return ended
    },
  }
}
