import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { copyWithInsert, expectSame, writeLargeFile, writeTinyFiles, writeTree } from './files.ts'

const folder = mkdtempSync(join(tmpdir(), 'pileus-files-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('folders are the same when names and bytes are, and the first difference is named', () => {
  const [a, b] = [join(folder, 'a'), join(folder, 'b')]
  writeTree(a, 120, 'seed')
  writeTinyFiles(join(a, 'tiny'), 120, 'seed')
  writeLargeFile(join(a, 'large'), 2_500_000, 'seed')
  cpSync(a, b, { recursive: true })
  expectSame(a, b)

  copyWithInsert(join(a, 'large'), join(a, 'longer'), 'insert')
  expect(() => expectSame(a, b)).toThrow(/differ in longer/)
  rmSync(join(a, 'longer'))
  writeLargeFile(join(folder, 'other'), 2_500_000, 'other')
  cpSync(join(folder, 'other'), join(b, 'large'))
  expect(() => expectSame(a, b)).toThrow(/differ in large/)
  cpSync(join(a, 'large'), join(b, 'large'))
  writeFileSync(join(b, 'd000/more'), 'more')
  expect(() => expectSame(a, b)).toThrow(/differ in d000\/more/)
})
