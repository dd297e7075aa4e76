import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LeakSearch } from './leaks.ts'

const SECRET = 'Grandma?>secret recipe'
const search = new LeakSearch([{ what: 'recipe', bytes: Buffer.from(SECRET) }])

test.each([0, 1, 2, 3])('a secret %i bytes into a text is found raw, in base64 and in hex', (lead) => {
  const text = Buffer.from(`${'x'.repeat(lead)}${SECRET} and more`)
  for (const form of ['latin1', 'base64', 'base64url', 'hex'] as const) {
    expect([...search.in(Buffer.from(`.. ${text.toString(form)} ..`))]).toEqual(['recipe'])
  }
  expect([...search.in(Buffer.from(text.toString('hex').toUpperCase()))]).toEqual(['recipe'])
})

test('what is not there is not found', () => {
  expect(search.in(Buffer.from('Grandma?>secret recip')).size).toBe(0)
  expect(search.in(Buffer.alloc(100_000)).size).toBe(0)
})

test('files and file names below a folder are searched', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pileus-leaks-'))
  try {
    mkdirSync(join(folder, 'a'))
    writeFileSync(join(folder, 'a/b'), 'nothing')
    expect(search.inFolder(folder).size).toBe(0)
    writeFileSync(join(folder, 'a/c'), `..${SECRET}..`)
    expect([...search.inFolder(folder)]).toEqual([['recipe', 'a/c']])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
