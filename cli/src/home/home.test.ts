import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { homePath, openHome } from './home.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pileus-home-'))
})
afterEach(() => rmSync(root, { recursive: true }))
const mode = (path: string) => statSync(path).mode & 0o777

test('a home and its files are private, also where an empty folder was there', () => {
  for (const name of ['new/deep', 'empty']) {
    if (name === 'empty') mkdirSync(join(root, name), { mode: 0o755 })
    const home = openHome(join(root, name))
    expect(home.read('account.json')).toBeNull()
    home.write('account.json', 'a')
    home.write('account.json', 'b')
    expect(home.read('account.json')).toBe('b')
    expect([mode(home.path), mode(home.at('account.json'))]).toEqual([0o700, 0o600])
    expect(readdirSync(home.path)).toEqual(['account.json'])
  }
})

test('a folder that holds other things is left as it is', () => {
  const path = join(root, 'documents')
  mkdirSync(path)
  chmodSync(path, 0o755)
  writeFileSync(join(path, 'letter'), '')
  expect(() => openHome(path).write('account.json', '')).toThrow('it holds other things already')
  expect(mode(path)).toBe(0o755)
  expect(readdirSync(path)).toEqual(['letter'])
})

test('a file in the way is told of', () => {
  writeFileSync(join(root, 'file'), '')
  expect(() => openHome(join(root, 'file')).write('account.json', '')).toThrow(
    /it is not a folder\. Choose another/,
  )
})

test('the home asked for comes first, then PILEUS_HOME, then ~/.pileus', () => {
  const before = process.env.PILEUS_HOME
  try {
    delete process.env.PILEUS_HOME
    expect(homePath(undefined)).toMatch(/\/\.pileus$/)
    process.env.PILEUS_HOME = '/a/home'
    expect(homePath(undefined)).toBe('/a/home')
    expect(homePath('/b')).toBe('/b')
  } finally {
    if (before === undefined) delete process.env.PILEUS_HOME
    else process.env.PILEUS_HOME = before
  }
})

test('what prepare made is taken back while it is empty', () => {
  const home = openHome(join(root, 'new/deep'))
  home.prepare()()
  expect(readdirSync(root)).toEqual([])
  const takeBack = home.prepare()
  home.write('account.json', '')
  takeBack()
  expect(readdirSync(home.path)).toEqual(['account.json'])
})

test.runIf(process.platform === 'linux')('a place where no folder can be made is told of at once', () => {
  expect(() => openHome('/proc/pileus/home').prepare()).toThrow(/Cannot use "\/proc\/pileus\/home"/)
})
