/** Test helper: the real server as a process, with its own data folder and port. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'

const MAIN = join(import.meta.dirname, '../../../server/bin/pileus-server.mjs')
const READY_WITHIN_MS = 60_000

export interface ServerProcess {
  readonly url: string
  /** Everything it wrote, as a file. */
  readonly log: string
  /** Stops it in order; resolves with its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Starts a server whose data lie in `folder`/data and whose output goes to `folder`/server.log. */
export async function startServer(
  folder: string,
  env: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const log = join(folder, 'server.log')
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...process.env,
      PILEUS_PORT: '0',
      PILEUS_DATA: join(folder, 'data'),
      PILEUS_LOG_LEVEL: 'debug',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const collect = (text: string) => {
    output += text
    appendFileSync(log, text)
  }
  child.stdout.setEncoding('utf8').on('data', collect)
  child.stderr.setEncoding('utf8').on('data', collect)
  // 'close', because what it wrote last may come after 'exit'.
  const ended = once(child, 'close').then(([code]) => code as number | null)
  const url = await addressIn(child, () => output)
  return {
    url,
    log,
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      return ended
    },
  }
}

async function addressIn(child: ChildProcess, output: () => string): Promise<string> {
  const until = performance.now() + READY_WITHIN_MS
  while (performance.now() < until && child.exitCode === null) {
    const found = /listens on (http:\S+)/.exec(output())
    if (found) return found[1]!
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  child.kill('SIGKILL')
  throw new Error(`the server did not start:\n${output()}`)
}
