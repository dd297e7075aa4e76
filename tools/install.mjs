/**
 * Installs the dependencies when they are not what the lock file asks for, and says so in one line.
 *
 * Plain JavaScript, because it runs before anything is installed, on whatever Node the machine has.
 * The judge is the list that npm leaves in node_modules at the very end of an install: an install that was
 * interrupted leaves none, and one made by hand with `npm install` counts as well.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
if (!isInstalled()) process.exitCode = install()

/** Whether node_modules holds every package of the lock file, in its version. */
function isInstalled() {
  const wanted = packagesOf(join(root, 'package-lock.json'))
  const present = packagesOf(join(root, 'node_modules', '.package-lock.json'))
  if (wanted === null || present === null) return false
  for (const [path, entry] of Object.entries(wanted)) {
    const found = present[path]
    if (path === '') continue
    if (JSON.stringify(found?.bin) !== JSON.stringify(entry.bin) && found !== undefined) return false
    if (!path.includes('node_modules/')) continue // our own workspaces
    if (found === undefined && (entry.optional || entry.devOptional)) continue // made for another platform
    if (found?.version !== entry.version || found?.resolved !== entry.resolved) return false
  }
  return existsSync(join(root, 'node_modules', '.bin', 'node'))
}

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? null
  } catch {
    return null
  }
}

/** Runs `npm ci`; returns its exit code. What npm prints is shown only when it failed. */
function install() {
  console.log('Installing what Pileus needs (once; a minute or so) …')
  // Not the Node that runs this file: after a first install that one lies in the folder that npm replaces.
  const node = process.env.npm_node_execpath
  const npm = process.env.npm_execpath
  const [command, before] = node && npm && existsSync(node) ? [node, [npm]] : ['npm', []]
  const options = ['ci', '--loglevel=error', '--no-progress', '--no-audit', '--no-fund']
  const result = spawnSync(command, [...before, ...options], {
    cwd: root,
    env: { ...process.env, PATH: pathWithout(join(root, 'node_modules', '.bin')) },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  })
  if (result.status === 0) return 0
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`)
  const reason = result.error ? result.error.message : `npm ci ended with ${result.status ?? result.signal}`
  console.error(
    `Could not install the dependencies: ${reason}. Check the network connection, then try again.`,
  )
  return result.status || 1
}

function pathWithout(folder) {
  const separator = process.platform === 'win32' ? ';' : ':'
  return (process.env.PATH ?? '')
    .split(separator)
    .filter((entry) => entry !== folder)
    .join(separator)
}
