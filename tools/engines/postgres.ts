/** PostgreSQL, from Debian's packages. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Daemon, find, freePort } from './daemon.ts'
import type { RunningEngine } from './engine.ts'
import { engineFolder } from './folder.ts'
import { installDebian, runTool } from './provision.ts'

/** Debian installs each major version in a folder of its own. */
const DEBIAN_ROOT = '/usr/lib/postgresql'
/** PostgreSQL refuses to run as root; its package makes this user. */
const SYSTEM_USER = 'postgres'
const USER = 'pileus'
const PASSWORD = 'pileus-test-password'
const DATABASE = 'pileus'
const READY_MS = 60_000

/** Starts an empty database server with one database. */
export async function launchPostgres(): Promise<RunningEngine> {
  if (!binaries()) await installDebian('PostgreSQL', ['postgresql'])
  const programs = binaries()
  if (!programs) throw new Error('PostgreSQL was installed and its programs are not to be found')
  const folder = engineFolder('postgres', SYSTEM_USER)
  const port = await freePort()
  try {
    const data = join(folder.path, 'data')
    const passwordFile = join(folder.path, 'password')
    writeFileSync(passwordFile, PASSWORD, { mode: 0o644 })
    const init = [
      '-D',
      data,
      '-U',
      USER,
      '-E',
      'UTF8',
      '--locale=C',
      '-A',
      'scram-sha-256',
      `--pwfile=${passwordFile}`,
    ]
    await asSystemUser(join(programs, 'initdb'), init)
    const daemon = new Daemon(
      {
        file: join(programs, 'postgres'),
        args: [
          '-D',
          data,
          '-c',
          `port=${port}`,
          '-c',
          'listen_addresses=127.0.0.1',
          '-c',
          'unix_socket_directories=',
        ],
        cwd: folder.path,
        user: SYSTEM_USER,
      },
      () => isReady(programs, port),
      READY_MS,
    )
    await daemon.start()
    const environment = { PGPASSWORD: PASSWORD }
    const at = ['-h', '127.0.0.1', '-p', String(port), '-U', USER]
    await runTool(join(programs, 'createdb'), [...at, DATABASE], { env: environment })
    const version = /\d+(\.\d+)*/.exec(await runTool(join(programs, 'postgres'), ['--version']))?.[0] ?? ''
    return {
      name: 'postgres',
      title: `PostgreSQL ${version}`,
      settings: { PILEUS_POSTGRES_URL: `postgres://${USER}:${PASSWORD}@127.0.0.1:${port}/${DATABASE}` },
      // An interrupt is PostgreSQL's own "fast shutdown"; a quit is its "immediate" one, as after a crash.
      stop: (how) => daemon.stop(how === 'killed' ? 'SIGQUIT' : 'SIGINT'),
      start: () => daemon.start(),
      async remove() {
        await daemon.stop('SIGQUIT')
        folder.remove()
      },
    }
  } catch (error) {
    folder.remove()
    throw error
  }
}

/** The folder of the newest installed version's programs. */
function binaries(): string | null {
  if (existsSync(DEBIAN_ROOT)) {
    const versions = readdirSync(DEBIAN_ROOT)
      .filter((version) => existsSync(join(DEBIAN_ROOT, version, 'bin', 'initdb')))
      .sort((a, b) => Number(b) - Number(a))
    if (versions[0] !== undefined) return join(DEBIAN_ROOT, versions[0], 'bin')
  }
  const initdb = find('initdb')
  return initdb && join(initdb, '..')
}

function asSystemUser(file: string, args: readonly string[]): Promise<string> {
  if (process.getuid?.() !== 0) return runTool(file, args)
  const identity = [`--reuid=${SYSTEM_USER}`, `--regid=${SYSTEM_USER}`, '--clear-groups']
  return runTool('setpriv', [...identity, '--', file, ...args], { cwd: '/' })
}

async function isReady(programs: string, port: number): Promise<boolean> {
  try {
    await runTool(join(programs, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(port)])
    return true
  } catch {
    return false
  }
}
