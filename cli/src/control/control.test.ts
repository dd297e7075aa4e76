/** Other commands beside a running `pileus sync`, all of them processes of their own. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeAll, expect, test } from 'vitest'
import { household } from '../story/household.ts'
import { type DeviceOf, joinedDevice } from '../story/person.ts'

const home = household('control')
const WITHIN = { timeout: 90_000, interval: 50 }
const FILES = 30
let laptop: DeviceOf

beforeAll(async () => {
  laptop = await home.join('laptop')
  mkdirSync(join(laptop.folder, 'many'))
  for (let n = 0; n < FILES; n++) writeFileSync(join(laptop.folder, 'many', `${n}`), `file ${n}`)
  await laptop.step('sync --once')
})
afterEach(() => home.endLives())

async function liveOf(device: DeviceOf): Promise<{ pid: number; now: { state: string } } | null> {
  return JSON.parse((await device.step('status --json')).stdout).live
}

test('`sync --once` is done by the one that runs, with its result and its exit codes', async () => {
  const live = await home.liveNow(laptop)
  expect(statSync(join(laptop.home, 'control.sock')).mode & 0o777).toBe(0o600)
  const { stdout } = await laptop.ok('sync --once --json')
  expect(JSON.parse(stdout)).toEqual({
    pushed: 0,
    pulled: 0,
    applied: 0,
    bytesSent: 0,
    bytesReceived: 0,
    contentSent: 0,
    contentReceived: 0,
    heldDeletions: 0,
    problems: [],
    conflicts: [],
    milliseconds: expect.any(Number),
  })
  renameSync(join(laptop.folder, 'many'), join(home.root, 'away'))
  const held = await laptop.run('sync --once')
  expect(held.stderr).toMatch(/31 deletions held back.*--deletions accept.*--deletions undo/)
  expect(held).toMatchObject({ code: 5, stdout: '31 deletions wait for you.\n' })
  await expect.poll(live.output, WITHIN).toMatch(/^31 deletions held back.*--deletions undo/m)
  const status = (await laptop.ok('status')).stdout
  expect(status).toMatch(/^sync +up to date but for 31 deletions$/m)
  expect(status).toMatch(/^31 deletions held back.*--deletions accept/m)
  const undone = await laptop.ok('sync --once --deletions undo')
  expect(undone.stdout).toMatch(/^Made 31 changes here \(\d+ B\) in [\d.]+ s\.\n$/)
  expect(readdirSync(join(laptop.folder, 'many'))).toHaveLength(FILES)
  await expect.poll(live.output, WITHIN).toMatch(/held back.*\n.* is up to date\.\n$/)
  rmSync(join(home.root, 'away'), { recursive: true })
})

test('`status` claims that nothing waits only where a sync knows it', async () => {
  const waiting = async () => /^waiting +(.*)$/m.exec((await laptop.step('status')).stdout)?.[1]
  expect(await waiting()).toBe('nothing known: the next sync looks for what changed')
  await home.liveNow(laptop)
  // Its report is written a moment after it says that it is up to date.
  await expect.poll(waiting, WITHIN).toBe('nothing')
  await home.server.stop()
  await expect.poll(() => liveOf(laptop), WITHIN).toMatchObject({ now: { state: 'offline' } })
  writeFileSync(join(laptop.folder, 'meanwhile'), 'new')
  expect(await waiting()).toBe('nothing known: what changed meanwhile is sent once sync goes on')
  await home.restart()
  await expect.poll(() => liveOf(laptop), WITHIN).toMatchObject({ now: { state: 'up-to-date' } })
  expect(await waiting()).toBe('nothing')
})

test('several at once are all answered, and one that leaves does not disturb the others', async () => {
  const live = await home.liveNow(laptop)
  writeFileSync(join(laptop.folder, 'new'), 'new')
  const hasty = laptop.run('sync --once', { interruptWhen: () => true })
  const results = await Promise.all([1, 2, 3, 4].map(() => laptop.run('sync --once --json')))
  for (const { code, stdout } of results) expect([code, JSON.parse(stdout).problems]).toEqual([0, []])
  expect([0, 130, null]).toContain((await hasty).code)
  expect(await liveOf(laptop)).toMatchObject({ pid: live.pid })
})

test('`sync --once` says what stands in the way of the one that runs', async () => {
  await home.liveNow(laptop)
  renameSync(laptop.folder, join(home.root, 'away'))
  const lost = await laptop.run('sync --once', { env: { PILEUS_DEBUG: '' } })
  expect(lost.stderr).toMatch(
    /^pileus: The folder is not there, or its marker file \.pileus is missing\. [^\n]+\n$/,
  )
  expect(lost.code).toBe(5)
  renameSync(join(home.root, 'away'), laptop.folder)
  await laptop.ok('sync --once')
})

test('a second `pileus sync` is refused, and told how to end the first', async () => {
  await home.liveNow(laptop)
  const second = await laptop.run('sync', { env: { PILEUS_DEBUG: '' } })
  expect(second.stderr).toMatch(/^pileus: Another sync is running on "[^"]+": [^\n]*`pileus stop`[^\n]*\n$/)
  expect(second.code).toBe(7)
})

test('`stop` ends the one that runs and waits for its end; with none it says so', async () => {
  const live = await home.liveNow(laptop)
  expect((await laptop.ok('stop')).stdout).toBe('The sync has stopped.\n')
  expect(await live.ended).toBe(0)
  expect(live.output()).toMatch(/is up to date\.\nStopped\. Everything was sent\.\n$/)
  expect(existsSync(join(laptop.home, 'control.sock'))).toBe(false)
  expect((await laptop.ok('stop')).stdout).toBe('No sync is running on this device.\n')
  expect(JSON.parse((await laptop.ok('stop --json')).stdout)).toEqual({ stopped: false })
  await home.liveNow(laptop)
  expect(JSON.parse((await laptop.ok('stop --json')).stdout)).toEqual({ stopped: true })
  const { stdout } = await laptop.ok('sync --once --json')
  expect(JSON.parse(stdout)).toMatchObject({ pushed: 0, applied: 0 })
})

test('`stop` cuts a sync short in the middle of a large file', async () => {
  writeFileSync(join(laptop.folder, 'large'), Buffer.alloc(200_000_000, 'never the same twice '))
  const live = home.live(laptop)
  await expect.poll(() => liveOf(laptop), WITHIN).toMatchObject({ now: { state: 'working' } })
  await laptop.ok('stop')
  expect(await live.ended).toBe(0)
  expect(live.output()).toMatch(/^Stopped before all was synced: the next sync goes on from here\.\n$/m)
  rmSync(join(laptop.folder, 'large'))
  await laptop.ok('sync --once')
})

test('what a killed one left is known for that, even when its number is another process now', async () => {
  const live = await home.liveNow(laptop)
  const file = join(laptop.home, 'live.json')
  // Its report is written a moment after it says so.
  await expect.poll(() => existsSync(file), WITHIN).toBe(true)
  await live.stop('SIGKILL')
  expect(existsSync(join(laptop.home, 'control.sock'))).toBe(true)
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), pid: process.pid }))
  expect(await liveOf(laptop)).toBeNull()
  expect((await laptop.ok('stop')).stdout).toBe('No sync is running on this device.\n')
  await laptop.ok('sync --once')
  const next = await home.liveNow(laptop)
  expect(await liveOf(laptop)).toMatchObject({ pid: next.pid })
})

test('nonsense on the socket is refused, and disturbs nobody', async () => {
  await home.liveNow(laptop)
  for (const words of ['hello\n', '{"format":2}\n', '[]\n', 'null\n', 'x'.repeat(5_000)]) {
    const socket = connect(join(laptop.home, 'control.sock'))
    socket.write(words)
    let answer = ''
    for await (const piece of socket.setEncoding('utf8')) answer += piece
    expect(JSON.parse(answer)).toMatchObject({ failure: { code: 'other-version' } })
  }
  await laptop.ok('sync --once')
})

test('a home whose path is too long for a socket is served all the same', async () => {
  const far = await joinedDevice(join(home.root, 'deep'.repeat(20)), 'far', 'login', home.server.url)
  const live = await home.liveNow(far)
  expect(existsSync(join(far.home, 'control.sock'))).toBe(false)
  expect(await liveOf(far)).toMatchObject({ pid: live.pid })
  await far.ok('sync --once')
  await far.ok('stop')
  expect(await live.ended).toBe(0)
})
