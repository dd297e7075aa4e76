/** One server process: started, waited for, stopped by its process id, and never outliving whoever started it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { connect, createServer } from 'node:net'

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** Which user runs it, where this process is root. */
  readonly user?: string
}

/** What of its output is kept to explain a failed start. */
const OUTPUT_KEPT_CHARACTERS = 8_000
const READY_CHECK_MS = 50
const STOP_MS = 30_000

/** A process that is started, stopped and started again with the same command. */
export class Daemon {
  readonly #command: Command
  readonly #ready: () => Promise<boolean>
  readonly #readyMs: number
  #child: ChildProcess | null = null
  #output = ''

  /** `ready` says whether it serves by now; `readyMs` is how long that may take. */
  constructor(command: Command, ready: () => Promise<boolean>, readyMs: number) {
    this.#command = command
    this.#ready = ready
    this.#readyMs = readyMs
  }

  /** Resolves once it serves. Rejects with the end of its output when it does not. */
  async start(): Promise<void> {
    const { file, args } = boundToUs(this.#command)
    const child = spawn(file, args, {
      env: { PATH: process.env.PATH, ...this.#command.env },
      cwd: this.#command.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#output = ''
    const keep = (data: Buffer) => {
      this.#output = (this.#output + data).slice(-OUTPUT_KEPT_CHARACTERS)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    let ended: string | null = null
    child.once('error', (error) => {
      ended = error.message
    })
    child.once('exit', (code, signal) => {
      ended = `it ended with ${code ?? signal}`
    })
    const deadline = performance.now() + this.#readyMs
    while (!(await this.#ready())) {
      if (ended === null && performance.now() > deadline) {
        await this.stop('SIGKILL')
        ended = `it was not ready within ${this.#readyMs} ms`
      }
      if (ended !== null) throw new Error(`${this.#command.file} did not start: ${ended}\n${this.#output}`)
      await new Promise((resolve) => setTimeout(resolve, READY_CHECK_MS))
    }
  }

  /** Resolves once the process is gone; it is killed when it does not go by itself. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    this.#child = null
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await gone
    clearTimeout(kill)
  }
}

/** On Linux the system ends the process when ours dies, however it dies; and it can run as another user. */
function boundToUs({ file, args, user }: Command): { file: string; args: readonly string[] } {
  const other = user !== undefined && process.getuid?.() === 0
  if (!has('setpriv')) {
    if (other)
      throw new Error(`${file} must not run as root, and setpriv (util-linux) is not here to change that`)
    return { file, args }
  }
  const identity = other ? [`--reuid=${user}`, `--regid=${user}`, '--clear-groups'] : []
  return { file: 'setpriv', args: [...identity, '--pdeathsig=KILL', '--', file, ...args] }
}

/** Whether a program of this name can be run. */
export function has(program: string): boolean {
  return find(program) !== null
}

/** The full path of a program, or null. */
export function find(program: string): string | null {
  try {
    return execFileSync('sh', ['-c', `command -v "${program}"`], { encoding: 'utf8' }).trim() || null
  } catch {
    return null
  }
}

/** A loopback port that nothing listens on at the moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(address)))
    })
  })
}

/** Whether something listens on this port of a loopback address. */
export function listens(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}
