import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { arrival } from './arrival.ts'

const folder = mkdtempSync(join(tmpdir(), 'pileus-arrival-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function put(path: string, text: string, like?: string): void {
  writeFileSync(path, text)
  if (like === undefined) return
  const { atimeMs, mtimeMs } = statSync(like)
  utimesSync(path, atimeMs / 1000, mtimeMs / 1000)
}

it('a tree has arrived when all its files are there with their sizes and times', () => {
  const [a, b] = [join(folder, 'a'), join(folder, 'b')]
  for (const root of [a, b]) mkdirSync(join(root, 'deep'), { recursive: true })
  put(join(a, 'one'), 'one')
  put(join(a, 'deep/two'), 'two')
  const hasArrived = arrival(a, b)
  expect(hasArrived()).toBe(false)
  put(join(b, 'one'), 'one', join(a, 'one'))
  expect(hasArrived()).toBe(false)
  put(join(b, 'deep/two'), 'longer', join(a, 'deep/two'))
  expect(hasArrived()).toBe(false)
  put(join(b, 'deep/two'), 'two')
  utimesSync(join(b, 'deep/two'), 1, 1)
  expect(hasArrived()).toBe(false)
  put(join(b, 'deep/two'), 'two', join(a, 'deep/two'))
  expect(hasArrived()).toBe(true)
})
