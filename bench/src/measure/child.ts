/** Processes under measurement: how long they ran, what they computed, and the most memory they held. */
import { type ChildProcess, spawn } from 'node:child_process'
import { endedChildrenSeconds, treeBytes, treeSeconds } from './proc.ts'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
}

export interface Ran extends Ended {
  readonly peakBytes: number
  /** User and system time, in seconds; holds what others used that ended in the same time. */
  readonly processorSeconds: number
}

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** The kernel keeps the mark, so that only what grows in a process's last moments goes unseen. */
const LOOK_EVERY_MS = 20
/** No command of any contender takes so long unless it hangs. */
const RUN_PATIENCE_MS = 1_800_000

/** None outlives this process, however it ends, if it can still act. */
const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const one of running) one.kill('SIGKILL')
})

/** A running process. What it writes is kept. */
export class Child {
  readonly ended: Promise<Ended>
  readonly #process: ChildProcess
  #output = ''
  #errors = ''
  #peakBytes = 0

  constructor(command: string, args: readonly string[], options: ChildOptions = {}) {
    const start = performance.now()
    this.#process = spawn(command, args, {
      env: { ...cleanEnvironment(), ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text
    })
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text
    })
    let seconds = 0
    running.add(this.#process)
    this.#process.on('exit', () => {
      running.delete(this.#process)
      seconds = (performance.now() - start) / 1000
    })
    this.ended = new Promise((resolve, reject) => {
      this.#process.on('error', reject)
      this.#process.on('close', (code) =>
        resolve({ code, stdout: this.#output, stderr: this.#errors, seconds }),
      )
    })
  }

  get stdout(): string {
    return this.#output
  }

  get stderr(): string {
    return this.#errors
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** Most resident memory of any process in its tree, up to the last time this was read while it ran, in bytes. */
  get peakBytes(): number {
    if (this.#process.pid !== undefined)
      this.#peakBytes = Math.max(this.#peakBytes, treeBytes(this.#process.pid, 'VmHWM'))
    return this.#peakBytes
  }

  /** Resident memory now of the largest process in its tree, in bytes; 0 once it has ended. */
  get residentBytes(): number {
    return this.#process.pid === undefined ? 0 : treeBytes(this.#process.pid, 'VmRSS')
  }

  /** User and system time so far of its tree, in seconds; 0 once it has ended. */
  get processorSeconds(): number {
    return this.#process.pid === undefined ? 0 : treeSeconds(this.#process.pid)
  }

  /** Throws with the last that it wrote when it runs no more. */
  expectRunning(what: string): void {
    if (this.isRunning) return
    throw new Error(`${what} has ended: ${`${this.#output}\n${this.#errors}`.trim().slice(-500)}`)
  }

  /** Ends it in order and waits; after `patienceMs` it is killed. */
  async stop(patienceMs = 15_000): Promise<void> {
    if (!this.isRunning) return
    this.#process.kill('SIGTERM')
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), patienceMs)
    await this.ended
    clearTimeout(timer)
  }
}

/** Runs to the end, half an hour at most. Throws with what it wrote when it ends with another code than 0. */
export async function run(command: string, args: readonly string[], options?: ChildOptions): Promise<Ran> {
  const before = endedChildrenSeconds()
  const child = new Child(command, args, options)
  const looking = setInterval(() => child.peakBytes, LOOK_EVERY_MS)
  const patience = setTimeout(() => child.stop(), RUN_PATIENCE_MS)
  const ended = await child.ended.finally(() => {
    clearInterval(looking)
    clearTimeout(patience)
  })
  const processorSeconds = endedChildrenSeconds() - before
  if (ended.code === 0) return { ...ended, processorSeconds, peakBytes: child.peakBytes }
  const said = `${ended.stdout}\n${ended.stderr}`.trim().slice(-2_000)
  throw new Error(`${[command, ...args].join(' ')} ended with ${ended.code}: ${said}`)
}

/** The first line of `command args`, or null when there is no such command. */
export async function firstLine(command: string, args: readonly string[]): Promise<string | null> {
  try {
    const { stdout, stderr } = await new Child(command, args).ended
    return `${stdout}${stderr}`.split('\n')[0]!.trim()
  } catch {
    return null
  }
}

function cleanEnvironment(): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(process.env)) {
    const ours =
      name.startsWith('PILEUS_') || /^(NODE_OPTIONS|VITEST.*|RESTIC_.*|BORG_.*|RCLONE_.*)$/.test(name)
    if (!ours && value !== undefined) kept[name] = value
  }
  return kept
}
