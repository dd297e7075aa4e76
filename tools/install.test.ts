import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pileus-install-'))
  mkdirSync(join(root, 'tools'))
  copyFileSync(join(import.meta.dirname, 'install.mjs'), join(root, 'tools/install.mjs'))
  // Stands in for npm, which this machine may not be able to reach the network with.
  const npm = `import { writeFileSync } from 'node:fs'
    writeFileSync('asked', process.argv.slice(2).join(' '))
    if (process.env.NPM_FAILS) { console.error('npm says why'); process.exit(3) }`
  writeFileSync(join(root, 'npm.mjs'), npm)
})
afterEach(() => rmSync(root, { recursive: true }))

const A = { version: '1.0.0', integrity: 'x' }
function lock(wanted: object, present: object | null): void {
  writeFileSync(join(root, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...wanted } }))
  if (present === null) return
  mkdirSync(join(root, 'node_modules/.bin'), { recursive: true })
  writeFileSync(join(root, 'node_modules/.bin/node'), '')
  writeFileSync(join(root, 'node_modules/.package-lock.json'), JSON.stringify({ packages: present }))
}

function install(env: Record<string, string> = {}) {
  const given = { npm_execpath: join(root, 'npm.mjs'), npm_node_execpath: process.execPath }
  return spawnSync(process.execPath, [join(root, 'tools/install.mjs')], {
    env: { ...process.env, ...given, ...env },
    cwd: root,
    encoding: 'utf8',
  })
}
const asked = () => existsSync(join(root, 'asked'))

test('nothing is done, nor said, when everything of the lock file is there', () => {
  lock({ 'node_modules/a': A, core: { version: '1' } }, { 'node_modules/a': A })
  expect(install()).toMatchObject({ status: 0, stdout: '', stderr: '' })
  expect(asked()).toBe(false)
})

test('packages for other platforms may be absent', () => {
  lock({ 'node_modules/a': A, 'node_modules/a-mac': { ...A, optional: true } }, { 'node_modules/a': A })
  expect(install().status).toBe(0)
  expect(asked()).toBe(false)
})

test.each([
  ['nothing was ever installed', null],
  ['a package is missing', {}],
  ['a package has another version', { 'node_modules/a': { ...A, version: '1.0.1' } }],
])('npm ci runs, and one line says so, when %s', (_name, present) => {
  lock({ 'node_modules/a': A }, present)
  const { status, stdout, stderr } = install()
  expect({ status, stderr, lines: stdout.trimEnd().split('\n').length }).toEqual({
    status: 0,
    stderr: '',
    lines: 1,
  })
  expect(asked()).toBe(true)
})

test('a failed install shows what npm said and ends with its code', () => {
  lock({ 'node_modules/a': A }, null)
  const { status, stderr } = install({ NPM_FAILS: '1' })
  expect(status).toBe(3)
  expect(stderr).toMatch(/npm says why\nCould not install the dependencies: npm ci ended with 3\./)
})
