import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, test as anywhere, expect } from 'vitest'
import { pileusOnTerminal } from '../running.ts'

// The pseudo-terminal comes from util-linux.
const test = anywhere.skipIf(process.platform !== 'linux')
const home = mkdtempSync(join(tmpdir(), 'pileus-tty-'))
afterAll(() => rmSync(home, { recursive: true }))
const noKeys = { PILEUS_HOME: join(home, 'device'), HOME: home }
const env = { ...noKeys, PILEUS_KEYS: 'file' }
const SIGNUP = ['signup', 'ana', '--server', 'http://127.0.0.1:1']

test('a password is asked for twice and never echoed', async () => {
  const { code, screen } = await pileusOnTerminal(
    SIGNUP,
    [
      ['New password: ', 'correct hor\u007frse\r'],
      ['The same again: ', 'wrong\u0015correct horse\r'],
    ],
    env,
  )
  expect(screen).toContain('Cannot reach')
  expect(screen).not.toMatch(/correct|horse|wrong|\*/)
  expect(code).toBe(4)
})

test('both passwords typed ahead in one go still reach their questions', async () => {
  const { code, screen } = await pileusOnTerminal(
    SIGNUP,
    [['New password: ', 'correct horse\rcorrect horse\r']],
    env,
  )
  expect(screen).toContain('Cannot reach')
  expect(screen).not.toContain('horse')
  expect(code).toBe(4)
})

test('two different passwords change nothing', async () => {
  const { code, screen } = await pileusOnTerminal(
    SIGNUP,
    [
      ['New password: ', 'correct horse\r'],
      ['The same again: ', 'correct house\r'],
    ],
    env,
  )
  expect(screen).toContain('The two passwords differ: nothing was changed')
  expect(code).toBe(2)
})

test('Ctrl-C at a question ends with 130', async () => {
  const { code, screen } = await pileusOnTerminal(SIGNUP, [['New password: ', 'half\u0003']], env)
  expect(screen).toContain('Stopped: nothing was changed.')
  expect(screen).not.toContain('half')
  expect(code).toBe(130)
})

test('how keys are kept is asked where no keychain is', async () => {
  const { code, screen } = await pileusOnTerminal(SIGNUP, [['1 or 2? ', '3\r']], noKeys)
  expect(screen).toContain('"3" is neither 1 nor 2')
  expect(code).toBe(2)
})
