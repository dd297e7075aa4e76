import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Home, openHome } from './home.ts'
import { KEY_FILE, keysKeptHow, loadKeys, saveKeys } from './key-file.ts'

let home: Home
beforeEach(() => {
  home = openHome(mkdtempSync(join(tmpdir(), 'pileus-keys-')))
})
afterEach(() => rmSync(home.path, { recursive: true }))

const never = () => Promise.reject(new Error('nothing to ask'))

test('keys in clear are in a file that only this user can read', async () => {
  await saveKeys(home, 'file', 'the secrets', never)
  expect(statSync(home.at(KEY_FILE)).mode & 0o777).toBe(0o600)
  expect(keysKeptHow(home)).toBe('file')
  expect(await loadKeys(home, never)).toBe('the secrets')
})

test('keys under a passphrase come back with it, and with nothing else', async () => {
  await saveKeys(home, 'passphrase', 'the secrets', async () => 'correct horse')
  expect(readFileSync(home.at(KEY_FILE), 'latin1')).not.toMatch(/the secrets|dGhlIHNlY3JldHM|746865207365/)
  expect(keysKeptHow(home)).toBe('passphrase')
  expect(await loadKeys(home, async () => 'correct horse')).toBe('the secrets')
  await expect(loadKeys(home, async () => 'wrong horse')).rejects.toMatchObject({ code: 'wrong-passphrase' })
})

test('a changed byte anywhere in sealed keys is refused', async () => {
  await saveKeys(home, 'passphrase', 'the secrets', async () => 'correct horse')
  const file = JSON.parse(readFileSync(home.at(KEY_FILE), 'utf8')) as { salt: string; sealed: string }
  for (const part of ['salt', 'sealed'] as const) {
    const bytes = Buffer.from(file[part], 'base64')
    bytes[5]! ^= 1
    writeFileSync(home.at(KEY_FILE), JSON.stringify({ ...file, [part]: bytes.toString('base64') }))
    await expect(loadKeys(home, async () => 'correct horse')).rejects.toMatchObject({
      code: 'wrong-passphrase',
    })
  }
})

test('no key file means nobody is signed in; a damaged one says so', async () => {
  expect(await loadKeys(home, never)).toBeNull()
  for (const text of ['', 'x', '{}', '{"format":2,"keeping":"file"}', '{"format":1,"keeping":"file"}']) {
    writeFileSync(home.at(KEY_FILE), text)
    await expect(loadKeys(home, never)).rejects.toMatchObject({ code: 'keys-damaged' })
  }
})
