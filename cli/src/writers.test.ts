/** Programs that write while a folder is kept in sync: scenarios 3, 10 and 11, with processes on real disks. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { at, text } from './story/hands.ts'
import { becomeSame, carry, household, settle, synced, WITHIN } from './story/household.ts'
import type { DeviceOf } from './story/person.ts'

const home = household('writers')
let laptop: DeviceOf
let desktop: DeviceOf
beforeAll(async () => {
  laptop = await home.join('laptop')
  desktop = await home.join('desktop')
})

const writers: ChildProcess[] = []
afterEach(() => {
  for (const writer of writers.splice(0)) writer.kill('SIGKILL')
})

const arrives = (device: DeviceOf, path: string) =>
  expect.poll(() => existsSync(at(device, path)), WITHIN).toBe(true)

/** A program of its own that writes until it is told to end; it has written once when this resolves. */
async function writer(script: string, ...args: string[]): Promise<{ end(): Promise<void> }> {
  const child = spawn(process.execPath, ['-e', script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  writers.push(child)
  await once(child.stdout!, 'data')
  return {
    async end() {
      const ended = once(child, 'close')
      child.stdin!.end()
      expect((await ended)[0]).toBe(0)
    },
  }
}

/** Appends a numbered line every 10 ms through one open file. */
const APPENDING = `
  const fs = require('node:fs'), file = fs.openSync(process.argv[1], 'a')
  let n = 0
  const timer = setInterval(() => { fs.writeSync(file, 'line ' + n++ + '\\n'); if (n === 1) console.log('begun') }, 10)
  process.stdin.on('end', () => clearInterval(timer)).resume()`

/** Commits a row every few milliseconds to a SQLite database, with its log beside it. */
const COMMITTING = `
  const { DatabaseSync } = require('node:sqlite'), db = new DatabaseSync(process.argv[1])
  db.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 20; CREATE TABLE t (n INTEGER, filler TEXT)')
  const insert = db.prepare('INSERT INTO t VALUES (?, ?)')
  let n = 0
  const timer = setInterval(() => { insert.run(n++, 'x'.repeat(2000)); if (n === 1) console.log('begun') }, 5)
  process.stdin.on('end', () => { clearInterval(timer); db.close() }).resume()`

/** Numbered lines without a gap: no line was lost, doubled or torn. */
function expectLines(content: string): void {
  const lines = content.split('\n')
  expect(lines.pop()).toBe('')
  expect(lines.every((line, n) => line === `line ${n}`)).toBe(true)
}

test('scenario 10: a file that is appended to every 10 ms syncs in whole lines once it is quiet, and keeps no other waiting', async () => {
  const [one, other] = [await home.liveNow(laptop), await home.liveNow(desktop)]
  const program = await writer(APPENDING, at(laptop, 'log'))
  for (let n = 0; n < 5; n++) {
    writeFileSync(at(laptop, `beside it ${n}`), `${n}`)
    await arrives(desktop, `beside it ${n}`)
  }
  await program.end()
  await becomeSame(laptop, desktop)
  expectLines(text(desktop, 'log'))
  for (const live of [one, other]) expect(await live.stop(), live.output()).toBe(0)
})

test('scenario 10: so it does by `sync --once`, which pushes no state that never was', async () => {
  const program = await writer(APPENDING, at(laptop, 'log of once'))
  for (let n = 0; n < 3; n++) {
    // 5: the file kept changing and is named; what is there of it elsewhere is some whole beginning.
    expect([0, 5]).toContain((await laptop.run('sync --once')).code)
    await desktop.run('sync --once')
    if (existsSync(at(desktop, 'log of once'))) expectLines(text(desktop, 'log of once'))
  }
  await program.end()
  await settle(laptop, desktop)
  expect(text(desktop, 'log of once')).toBe(text(laptop, 'log of once'))
})

test('scenario 10: a SQLite database in use arrives sound once its program ends', async () => {
  const [one, other] = [await home.liveNow(laptop), await home.liveNow(desktop)]
  const program = await writer(COMMITTING, at(laptop, 'app.db'))
  await arrives(desktop, 'app.db')
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  await program.end()
  await becomeSame(laptop, desktop)
  for (const live of [one, other]) expect(await live.stop(), live.output()).toBe(0)
  const rows = (device: DeviceOf) => {
    const db = new DatabaseSync(at(device, 'app.db'), { readOnly: true })
    const sound = db.prepare('PRAGMA integrity_check').get()
    const { count } = db.prepare('SELECT count(*) AS count FROM t').get() as { count: number }
    db.close()
    expect(sound).toEqual({ integrity_check: 'ok' })
    return count
  }
  expect(rows(desktop)).toBe(rows(laptop))
  expect(rows(desktop)).toBeGreaterThan(50)
  for (const device of [laptop, desktop]) rmSync(at(device, 'app.db'))
  await carry(laptop, desktop)
})

test('scenario 3: a file that is deleted elsewhere while a program writes it here lives, with all it wrote', async () => {
  writeFileSync(at(laptop, 'report'), '')
  await carry(laptop, desktop)
  const live = await home.liveNow(desktop)
  const program = await writer(APPENDING, at(desktop, 'report'))
  rmSync(at(laptop, 'report'))
  await laptop.step('sync --once')
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  await program.end()
  expect(await live.stop(), live.output()).toBe(0)
  await settle(desktop, laptop)
  // Under its name, or where a displaced file that was written on is given back.
  const kept = [laptop, desktop].map((device) => text(device, 'report'))
  expect(kept[0]).toBe(kept[1])
  expectLines(kept[0]!)
  expect(kept[0]!.length).toBeGreaterThan(300)
})

test('scenario 11: saves by a new file renamed over the old are one version each, of one file, also with a backup in between', async () => {
  writeFileSync(at(laptop, 'text.bin'), 'one')
  await carry(laptop, desktop)
  const count = (await status()).synced
  writeFileSync(at(laptop, '.text.bin.swp'), 'two')
  renameSync(at(laptop, '.text.bin.swp'), at(laptop, 'text.bin'))
  expect(await synced(laptop)).toMatchObject({ pushed: 1 })
  renameSync(at(laptop, 'text.bin'), at(laptop, 'text.bin~'))
  writeFileSync(at(laptop, 'text.tmp'), 'three')
  renameSync(at(laptop, 'text.tmp'), at(laptop, 'text.bin'))
  rmSync(at(laptop, 'text.bin~'))
  expect(await synced(laptop)).toMatchObject({ pushed: 1 })
  const before = statSync(at(desktop, 'text.bin')).ino
  expect(await synced(desktop)).toMatchObject({ applied: 1, pushed: 0, conflicts: [] })
  expect(text(desktop, 'text.bin')).toBe('three')
  // Replaced in one step, not written into.
  expect(statSync(at(desktop, 'text.bin')).ino).not.toBe(before)
  expect((await status()).synced).toBe(count)
})

async function status(): Promise<{ synced: string }> {
  return { synced: /^synced +(.*)$/m.exec((await laptop.step('status')).stdout)![1]! }
}
