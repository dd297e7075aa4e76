/** Test helper: runs the real `pileus` as a process, with and without a terminal. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Fed to stdin, then stdin ends; without it stdin is empty. */
  readonly input?: string
  readonly cwd?: string
  /** A command that runs this one. */
  readonly under?: readonly string[]
  /** Sends SIGINT as soon as this holds; asked every few milliseconds. */
  readonly interruptWhen?: () => boolean
}

const MAIN = join(import.meta.dirname, '../bin/pileus.mjs')

/** Runs `pileus ARGS` and waits for its end. Nothing of this process's PILEUS_… settings reaches it. */
export function pileus(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const [command, ...rest] = [...(options.under ?? []), process.execPath, MAIN, ...args]
    const child = spawn(command!, rest, {
      env: cleanEnvironment(options.env),
      cwd: options.cwd,
    })
    const watch = setInterval(() => {
      if (!options.interruptWhen?.()) return
      clearInterval(watch)
      child.kill('SIGINT')
    }, 5)
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.on('error', reject)
    child.on('close', (code) => {
      clearInterval(watch)
      resolve({ code, stdout, stderr })
    })
    // A command may end without having read its input.
    child.stdin.on('error', () => {}).end(options.input ?? '')
  })
}

/**
 * Runs `pileus ARGS` on a pseudo-terminal (util-linux `script`). Each answer is typed once its question is
 * on the screen. Resolves with everything the terminal showed.
 */
export function pileusOnTerminal(
  args: readonly string[],
  answers: readonly (readonly [question: string, answer: string])[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; screen: string }> {
  const words = [process.execPath, MAIN, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`)
  // In the shell's place: a shell that waits for it would die of the Ctrl-C that pileus takes in good order.
  const command = `exec ${words.join(' ')}`
  return new Promise((resolve, reject) => {
    const child = spawn('script', ['-qefc', command, '/dev/null'], { env: cleanEnvironment(env) })
    child.stdin.on('error', () => {})
    let screen = ''
    let seen = 0
    let next = 0
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      screen += text
      const answer = answers[next]
      if (answer === undefined) return
      const at = screen.indexOf(answer[0], seen)
      if (at < 0) return
      seen = at + answer[0].length
      next++
      child.stdin.write(answer[1])
    })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, screen }))
  })
}

/** This process's environment without what would change what `pileus` does. */
export function cleanEnvironment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith('PILEUS_') && !/^(NO_COLOR|FORCE_COLOR|NODE_OPTIONS|VITEST.*)$/.test(name),
  )
  return { ...Object.fromEntries(kept), ...extra }
}
