/** A server and its engines as processes, whose processor time is told apart. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EngineName, RunningEngine } from '@pileus/engines/engine'
import { LAUNCHERS } from '@pileus/engines/launchers'
import { treeSeconds } from '../measure/proc.ts'

/** Seconds of processor time, by the name of what used it. */
export type Used = Readonly<Record<string, number>>

export interface LaunchedEngine {
  readonly engine: RunningEngine
  readonly pids: readonly number[]
}

/** Disposed of, the server ends and the engines go on. */
export interface System extends AsyncDisposable {
  readonly url: string
  /** Of the server's process. */
  readonly pid: number
  /** What the server and each engine used since they started. */
  used(): Used
}

/** As the first line of the server's program has it. */
const NODE_OPTIONS = ['--max-semi-space-size=8', '--heap-growing-percent=70']
const STOP_MS = 20_000

/** Starts an engine and notes which processes it consists of. */
export async function launch(name: EngineName): Promise<LaunchedEngine> {
  const before = new Set(children())
  const engine = await LAUNCHERS[name]('work')
  return { engine, pids: children().filter((pid) => !before.has(pid)) }
}

/** Starts a server on these engines, with `choices` of which is used for what. */
export async function startSystem(
  engines: readonly LaunchedEngine[],
  choices: Readonly<Record<string, string>>,
): Promise<System> {
  const settings = Object.assign({}, ...engines.map(({ engine }) => engine.settings))
  const child = spawn(process.execPath, [...NODE_OPTIONS, join(import.meta.dirname, 'server.ts')], {
    env: { PATH: process.env.PATH, PILEUS_PORT: '0', ...settings, ...choices },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const stop = async () => {
    process.removeListener('exit', kill)
    await ended(child)
  }
  const url = await firstLine(child)
  return {
    url,
    pid: child.pid!,
    used: () => ({
      server: treeSeconds(child.pid!),
      ...Object.fromEntries(
        engines.map(({ engine, pids }) => [
          engine.name,
          pids.reduce((sum, pid) => sum + treeSeconds(pid), 0),
        ]),
      ),
    }),
    [Symbol.asyncDispose]: stop,
  }
}

function children(): number[] {
  return readdirSync('/proc/self/task').flatMap((thread) =>
    readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  )
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stdout!.on('data', (data) => {
      said += data
      if (said.includes('\n')) resolve(said.split('\n')[0]!)
    })
    child.once('exit', (code) => reject(new Error(`the server ended with ${code} before it listened`)))
  })
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await gone
  clearTimeout(kill)
}
