/** Processes under measurement: how long they ran, and the most memory they held. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
  readonly peakBytes: number
}

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** The kernel keeps the mark, so that only what grows in a process's last moments goes unseen. */
const LOOK_EVERY_MS = 20

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
    const looking = setInterval(() => this.#look(), LOOK_EVERY_MS)
    let seconds = 0
    this.#process.on('exit', () => {
      seconds = (performance.now() - start) / 1000
      clearInterval(looking)
    })
    this.ended = new Promise((resolve, reject) => {
      this.#process.on('error', (error) => {
        clearInterval(looking)
        reject(error)
      })
      this.#process.on('close', (code) =>
        resolve({ code, stdout: this.#output, stderr: this.#errors, seconds, peakBytes: this.#peakBytes }),
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

  /** Most resident memory so far of any process in its tree, in bytes. */
  get peakBytes(): number {
    this.#look()
    return this.#peakBytes
  }

  /** Resident memory now of the largest process in its tree, in bytes; 0 once it has ended. */
  get residentBytes(): number {
    return treeBytes(this.#process.pid, 'VmRSS')
  }

  /** Ends it in order and waits; after `patienceMs` it is killed. */
  async stop(patienceMs = 15_000): Promise<void> {
    if (!this.isRunning) return
    this.#process.kill('SIGTERM')
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), patienceMs)
    await this.ended
    clearTimeout(timer)
  }

  #look(): void {
    this.#peakBytes = Math.max(this.#peakBytes, treeBytes(this.#process.pid, 'VmHWM'))
  }
}

/** Runs to the end. Throws with what it wrote when it ends with another code than 0. */
export async function run(command: string, args: readonly string[], options?: ChildOptions): Promise<Ended> {
  const ended = await new Child(command, args, options).ended
  if (ended.code === 0) return ended
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

/** Waits until the condition holds. Throws when it does not within the time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  { everyMs = 20, withinMs = 600_000 } = {},
): Promise<void> {
  const end = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`gave up waiting until ${what}`)
    await sleep(everyMs)
  }
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** Some programs are a small process that watches over the one that works. */
function treeBytes(pid: number | undefined, field: 'VmHWM' | 'VmRSS'): number {
  if (pid === undefined) return 0
  return Math.max(statusBytes(pid, field), ...childrenOf(pid).map((child) => treeBytes(child, field)))
}

function childrenOf(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    const lists = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'))
    return lists.flatMap((list) =>
      list
        .split(' ')
        .filter((text) => text.trim() !== '')
        .map(Number),
    )
  } catch {
    return []
  }
}

function statusBytes(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  try {
    const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return Number(found?.[1] ?? 0) * 1024
  } catch {
    // It has ended, or this system has no /proc.
    return 0
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
