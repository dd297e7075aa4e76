/** Getting an engine's program: from this machine, from Debian's packages, or built once into a folder of the user's. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { has } from './daemon.ts'
import { EngineMissing } from './engine.ts'

const run = promisify(execFile)
const INSTALL_MS = 600_000
const OUTPUT_MAX_BYTES = 1 << 26

/** Where what was downloaded or built is kept between runs. */
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'pileus-engines')

/** Installs Debian packages. Throws EngineMissing. */
export async function installDebian(engine: string, packages: readonly string[]): Promise<void> {
  if (!has('apt-get') || process.getuid?.() !== 0) {
    throw new EngineMissing(
      `${engine} is not installed, and only root on Debian can install it here: install ${packages.join(' ')}`,
      false,
    )
  }
  console.log(`Installing ${packages.join(' ')} (once) …`)
  // A package that brings a service would start it: a run level of 1 tells it not to.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  // Another process may be installing something at this moment.
  const install = [
    '-o',
    'DPkg::Lock::Timeout=300',
    'install',
    '-y',
    '-q',
    '--no-install-recommends',
    ...packages,
  ]
  try {
    await run('apt-get', install, { env, timeout: INSTALL_MS, maxBuffer: OUTPUT_MAX_BYTES }).catch(
      async () => {
        await run('apt-get', ['update', '-q'], { env, timeout: INSTALL_MS, maxBuffer: OUTPUT_MAX_BYTES })
        await run('apt-get', install, { env, timeout: INSTALL_MS, maxBuffer: OUTPUT_MAX_BYTES })
      },
    )
  } catch (error) {
    throw new EngineMissing(
      `${engine}: apt-get could not install ${packages.join(' ')}: ${lastLine(error)}`,
      true,
      error,
    )
  }
}

/**
 * The folder `name` of the cache. When it is not there, `make` fills a new one, which then takes its place whole: a
 * build that was cut leaves nothing. Throws EngineMissing when `make` fails.
 */
export async function cached(
  name: string,
  engine: string,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(cache, name)
  if (existsSync(folder)) return folder
  mkdirSync(dirname(folder), { recursive: true })
  const fresh = mkdtempSync(`${folder}.new-`)
  try {
    console.log(`Getting ${engine} (once; a minute or more) …`)
    await make(fresh)
    renameSync(fresh, folder)
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    // Another process was faster.
    if (existsSync(folder)) return folder
    if (error instanceof EngineMissing) throw error
    throw new EngineMissing(`${engine} could not be fetched or built: ${lastLine(error)}`, true, error)
  }
  return folder
}

/** Runs a program to its end; rejects with its output when it fails. */
export async function runTool(
  file: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<string> {
  const { stdout, stderr } = await run(file, [...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    timeout: INSTALL_MS,
    maxBuffer: OUTPUT_MAX_BYTES,
  })
  return `${stdout}${stderr}`
}

function lastLine(error: unknown): string {
  const { stderr, stdout, message } = error as { stderr?: string; stdout?: string; message?: string }
  return (stderr || stdout || message || String(error)).trim().split('\n').slice(-3).join(' / ')
}
