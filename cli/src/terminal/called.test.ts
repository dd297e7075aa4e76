import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { calledAs } from './called.ts'

const root = realpathSync(mkdtempSync(join(tmpdir(), 'pileus-called-')))
const script = join(root, 'pileus.mjs')
beforeAll(() => {
  for (const folder of ['bin', 'other']) mkdirSync(join(root, folder))
  writeFileSync(script, '')
  symlinkSync(script, join(root, 'bin/pileus'))
  writeFileSync(join(root, 'other/pileus'), '')
})
afterAll(() => rmSync(root, { recursive: true }))

const path = (...folders: string[]) => ({ PATH: folders.map((folder) => join(root, folder)).join(':') })

test('the name alone where the shell finds this very program under it', () => {
  expect(calledAs(script, undefined, path('none', 'bin', 'other'))).toBe('pileus')
  expect(calledAs(join(root, 'bin/pileus'), undefined, path('bin'))).toBe('pileus')
})

test('the path where the shell finds another, or none', () => {
  expect(calledAs(script, undefined, path('other', 'bin'))).toBe(script)
  expect(calledAs(script, undefined, {})).toBe(script)
  expect(calledAs('/my files/pileus.mjs', undefined, {})).toBe("'/my files/pileus.mjs'")
})

test('by npx, which puts the program on the path of its own process alone', () => {
  const environment = { ...path('bin'), npm_lifecycle_event: 'npx' }
  expect(calledAs(join(root, 'bin/pileus'), undefined, environment)).toBe('npx pileus')
})

test('with the home that was given', () => {
  expect(calledAs(script, '/h', path('bin'))).toBe('pileus --home /h')
  expect(calledAs(script, "Ana's home", path('bin'))).toBe(`pileus --home 'Ana'\\''s home'`)
})
