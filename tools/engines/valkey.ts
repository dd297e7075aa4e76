/** Valkey, or Redis, whose protocol and commands are the same here: whichever this machine has. */
import { Daemon, find, freePort, listens } from './daemon.ts'
import type { RunningEngine } from './engine.ts'
import { engineFolder } from './folder.ts'
import { installDebian, runTool } from './provision.ts'

const PASSWORD = 'pileus-test-password'
const READY_MS = 30_000

/** Starts an empty server that keeps nothing on disk. */
export async function launchValkey(): Promise<RunningEngine> {
  if (!installed()) await installDebian('Valkey or Redis', ['redis-server'])
  const program = installed()
  if (!program) throw new Error('Redis was installed and its program is not to be found')
  const folder = engineFolder('valkey')
  const port = await freePort()
  const args = [
    ['--port', String(port)],
    ['--bind', '127.0.0.1'],
    ['--dir', folder.path],
    ['--save', ''],
    ['--appendonly', 'no'],
    ['--requirepass', PASSWORD],
  ].flat()
  const daemon = new Daemon({ file: program, args, cwd: folder.path }, () => listens(port), READY_MS)
  try {
    await daemon.start()
  } catch (error) {
    folder.remove()
    throw error
  }
  const version = /v=(\S+)/.exec(await runTool(program, ['--version']))?.[1] ?? ''
  return {
    name: 'valkey',
    title: `${program.includes('valkey') ? 'Valkey' : 'Redis'} ${version}`,
    settings: { PILEUS_VALKEY_URL: `redis://:${PASSWORD}@127.0.0.1:${port}/0` },
    stop: (how) => daemon.stop(how === 'killed' ? 'SIGKILL' : 'SIGTERM'),
    start: () => daemon.start(),
    async remove() {
      await daemon.stop('SIGKILL')
      folder.remove()
    },
  }
}

function installed(): string | null {
  return find('valkey-server') ?? find('redis-server')
}
