import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { FolderBusy, lockFolder } from './node-folder-lock.ts'

const base = mkdtempSync(join(tmpdir(), 'pileus-lock-'))
afterAll(() => rmSync(base, { recursive: true, force: true }))

test('a folder is locked once, by whatever path it is named, until it is let go', () => {
  symlinkSync(base, `${base}-link`)
  const lock = lockFolder(base)
  expect(() => lockFolder(base)).toThrow(FolderBusy)
  expect(() => lockFolder(`${base}-link`)).toThrow(/^another sync is running on/)
  lock[Symbol.dispose]()
  lockFolder(`${base}-link`)[Symbol.dispose]()
  rmSync(`${base}-link`)
})

test('the lock of a process that was killed is free', async () => {
  const module = new URL('./node-folder-lock.ts', import.meta.url).href
  const script = `import { lockFolder } from ${JSON.stringify(module)}
    const lock = lockFolder(${JSON.stringify(base)})
    console.log('locked')
    setInterval(() => lock, 1000)`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script])
  await once(child.stdout, 'data')
  expect(() => lockFolder(base)).toThrow(FolderBusy)
  child.kill('SIGKILL')
  await once(child, 'exit')
  lockFolder(base)[Symbol.dispose]()
})
