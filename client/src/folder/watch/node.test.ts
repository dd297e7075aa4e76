import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { nodeWatch } from './node.ts'
import type { Watching } from './watch.ts'

let root: string
let hints: Set<string>
let watching: Watching
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'pileus-watch-'))
  mkdirSync(join(root, 'a/b'), { recursive: true })
  hints = new Set()
  watching = nodeWatch(root).start({
    changed: (folder, name) => hints.add(`${folder}/${name}`),
    limited: (why) => hints.add(`limited: ${why}`),
    lost: () => hints.add('lost'),
  })
})
afterEach(() => {
  watching.close()
  rmSync(root, { recursive: true, force: true })
})

async function hinted(...expected: string[]): Promise<void> {
  await expect
    .poll(() => expected.filter((hint) => !hints.has(hint)), { timeout: 5_000, interval: 5 })
    .toEqual([])
  hints.clear()
}

test('files that are made, changed and removed at any depth are told', async () => {
  writeFileSync(join(root, 'top'), '1')
  writeFileSync(join(root, 'a/b/deep'), '1')
  await hinted('/top', 'a/b/deep')
  writeFileSync(join(root, 'a/b/deep'), '2')
  await hinted('a/b/deep')
  rmSync(join(root, 'top'))
  await hinted('/top')
})

test('a new folder is watched, with what came with it', async () => {
  mkdirSync(join(root, 'new/below'), { recursive: true })
  // Whoever looked before it was watched must look again.
  await hinted('/new', 'new/null', 'new/below/null')
  writeFileSync(join(root, 'new/below/file'), '1')
  await hinted('new/below/file')
})

test('a renamed folder is watched under its new name (R14)', async () => {
  renameSync(join(root, 'a'), join(root, 'z'))
  await hinted('/a', '/z')
  writeFileSync(join(root, 'z/b/file'), '1')
  await hinted('z/b/file')
  renameSync(join(root, 'z/b'), join(root, 'b'))
  await hinted('/b')
  writeFileSync(join(root, 'b/file'), '2')
  await hinted('b/file')
})

test('what happens in a folder just after it was renamed is told too', async () => {
  renameSync(join(root, 'a'), join(root, 'z'))
  writeFileSync(join(root, 'z/b/file'), '1')
  await vi.waitFor(() => expect(hints).toContain('a/b/file'), 5_000)
  // It was watched all the time, so nothing went unheard.
  expect([...hints].filter((hint) => hint.endsWith('/null'))).toEqual([])
})

test('what waits to be told of a folder is told though its own name is told first', async () => {
  renameSync(join(root, 'a/b'), join(root, 'a/c'))
  renameSync(join(root, 'a/c'), join(root, 'a/b'))
  writeFileSync(join(root, 'a/b/file'), '1')
  await hinted('a/b', 'a/c', 'a/b/file')
  writeFileSync(join(root, 'a/b/another'), '1')
  await hinted('a/b/another')
})

const QUEUE = '/proc/sys/fs/inotify/max_queued_events'
test.runIf(existsSync(QUEUE))('more events than the system keeps are told as lost', async () => {
  const most = Number(readFileSync(QUEUE, 'utf8'))
  for (let n = 0; n < most; n++) appendFileSync(join(root, `${n % 2}`), 'x')
  await hinted('lost')
})
