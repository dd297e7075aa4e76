/**
 * Disks that fill or turn read-only (scenario 9), on the sender, the receiver and the server, through the real command:
 * one clear sentence, an exit code, nothing lost, and once there is room the same command completes.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectFailure } from './story/failure.ts'
import { expectQuiet, expectSame, WITHIN } from './story/household.ts'
import { startLive } from './story/live.ts'
import { createDevice, type DeviceOf, joinedDevice } from './story/person.ts'
import { type ServerProcess, startServer } from './story/server.ts'
import { describeTree, differences } from './story/tree.ts'
import { cannotMount, mountVolume, type Volume } from './story/volume.ts'

const ROOT = mkdtempSync(join(tmpdir(), 'pileus-full-'))
const MB = 1_000_000
const quiet = { env: { PILEUS_DEBUG: '' } }
const whyNot = cannotMount(ROOT)
if (whyNot !== null) console.warn(`NOT TESTED: ${whyNot}`)

afterAll(() => rmSync(ROOT, { recursive: true, force: true }))

function fill(device: DeviceOf, files: number, bytes: number): void {
  mkdirSync(join(device.folder, 'pictures'), { recursive: true })
  for (let n = 0; n < files; n++) writeFileSync(join(device.folder, `pictures/${n}.jpg`), randomBytes(bytes))
}

/** Takes all room but so many bytes; `rmSync` of what it returns gives it back. */
function takeRoom(volume: Volume, left: number): string {
  const path = join(volume.path, 'taken')
  const { bavail, bsize } = statfsSync(volume.path)
  writeFileSync(path, Buffer.alloc(Math.max(0, bavail * bsize - left)))
  return path
}

describe.skipIf(whyNot !== null)('a disk that is full (scenario 9)', { timeout: 400_000 }, () => {
  let place: string
  let volume: Volume
  let server: ServerProcess | undefined
  let places = 0
  beforeEach(() => {
    place = join(ROOT, String(++places))
    mkdirSync(place)
  })
  afterEach(async () => {
    await server?.stop()
    volume.unmount()
  })

  async function expectEqual(a: DeviceOf, b: DeviceOf): Promise<void> {
    for (const device of [a, b, a]) await device.step('sync --once')
    expectSame(a, b)
    await expectQuiet(b)
  }

  test('under the sender’s home: said in one sentence; with room the same command completes', async () => {
    server = await startServer(place)
    volume = mountVolume(place, 'a', 20)
    const a = await joinedDevice(place, 'a', 'signup', server.url)
    const b = await joinedDevice(place, 'b', 'login', server.url)
    fill(a, 1_000, 1_000)
    const before = describeTree(a.folder)
    const taken = takeRoom(volume, 100_000)
    expectFailure(await a.run('sync --once', quiet), 6, /disk is full; make room/)
    expect(differences(describeTree(a.folder), before)).toEqual([])
    rmSync(taken)
    await a.ok('sync --once')
    await expectEqual(a, b)
  })

  test('on the receiver: no file is there in part, none is lost; with room the same command completes', async () => {
    server = await startServer(place)
    volume = mountVolume(place, 'b', 20)
    const a = await joinedDevice(place, 'a', 'signup', server.url)
    const b = await joinedDevice(place, 'b', 'login', server.url)
    writeFileSync(join(b.folder, 'mine'), 'was here before')
    await b.step('sync --once')
    fill(a, 15, 2 * MB)
    await a.step('sync --once')
    const whole = describeTree(a.folder)
    for (let again = 0; again < 2; again++) {
      expectFailure(await b.run('sync --once', quiet), 6, /disk is full; make room/)
      for (const [path, what] of describeTree(b.folder)) expect([path, what]).toEqual([path, whole.get(path)])
    }
    volume.resize(100)
    await b.ok('sync --once')
    await expectEqual(a, b)
  })

  test('on the receiver that stays in sync: `status` says so, and it goes on by itself', async () => {
    server = await startServer(place)
    volume = mountVolume(place, 'b', 20)
    const a = await joinedDevice(place, 'a', 'signup', server.url)
    const b = await joinedDevice(place, 'b', 'login', server.url)
    fill(a, 15, 2 * MB)
    await a.step('sync --once')
    const live = startLive(b)
    try {
      const line = async () => /^sync +(.*)$/m.exec((await b.step('status')).stdout)?.[1]
      await expect.poll(line, { ...WITHIN, interval: 300 }).toMatch(/^problem: .*disk is full/)
      volume.resize(100)
      await expect.poll(line, { ...WITHIN, interval: 300 }).toBe('up to date')
    } finally {
      expect(await live.stop('SIGINT'), live.output()).toBe(0)
    }
    await expectEqual(a, b)
  })

  test('under the server: it says so and stays up; with room the same command completes', async () => {
    volume = mountVolume(place, 'data', 20)
    server = await startServer(place)
    const a = await joinedDevice(place, 'a', 'signup', server.url)
    const b = await joinedDevice(place, 'b', 'login', server.url)
    writeFileSync(join(a.folder, 'first'), 'synced before the disk is full')
    await a.step('sync --once')
    await b.step('sync --once')
    fill(a, 30, MB)
    for (let again = 0; again < 2; again++)
      expectFailure(await a.run('sync --once', quiet), 6, /The server has no room left/)
    // What it has can still be read.
    await b.ok('sync --once')
    expect((await fetch(`${server.url}/health`)).ok).toBe(true)
    volume.resize(100)
    await a.ok('sync --once')
    await expectEqual(a, b)
  })

  test('under the server, to the last byte: not even a record fits; with room the same command completes', async () => {
    volume = mountVolume(place, 'data', 20)
    server = await startServer(place)
    const a = await joinedDevice(place, 'a', 'signup', server.url)
    const b = await joinedDevice(place, 'b', 'login', server.url)
    const taken = takeRoom(volume, 0)
    for (let n = 0; n < 300; n++) mkdirSync(join(a.folder, `folder ${n}`))
    expectFailure(await a.run('sync --once', quiet), 6, /The server has no room left/)
    rmSync(taken)
    await a.ok('sync --once')
    await expectEqual(a, b)
    expect(readdirSync(b.folder)).toHaveLength(301)
  })

  test('that is read-only: said in one sentence, nothing changed; writable again, the same command completes', async () => {
    server = await startServer(place)
    volume = mountVolume(place, 'usb', 20)
    const a = await joinedDevice(place, 'a', 'signup', server.url)
    const b = { ...createDevice(place, 'b'), folder: join(volume.path, 'files') }
    await b.step(['login', 'ana', '--server', server.url])
    await b.step(['link', b.folder])
    await b.step('sync --once')
    writeFileSync(join(b.folder, 'from b'), 'written while it could be')
    volume.readOnly(true)
    writeFileSync(join(a.folder, 'from a'), 'for b')
    await a.step('sync --once')
    for (let again = 0; again < 2; again++)
      expectFailure(await b.run('sync --once', quiet), 5, /: the disk is read-only; make it writable/)
    expect(readdirSync(b.folder).sort()).toEqual(['.pileus', 'from b'])
    volume.readOnly(false)
    await b.ok('sync --once')
    await expectEqual(a, b)
  })
})

describe('an account whose room is used up', { timeout: 400_000 }, () => {
  let server: ServerProcess
  let a: DeviceOf
  let b: DeviceOf
  beforeAll(async () => {
    server = await startServer(ROOT, { PILEUS_QUOTA_BYTES: '3000000' })
    a = await joinedDevice(ROOT, 'qa', 'signup', server.url)
    b = await joinedDevice(ROOT, 'qb', 'login', server.url)
  })
  afterAll(async () => {
    await server?.stop()
  })

  test('is said in one sentence; renames and deletions still sync, and without what is too large everything does', async () => {
    for (const name of ['kept', 'renamed', 'deleted']) writeFileSync(join(a.folder, name), name)
    await a.step('sync --once')
    writeFileSync(join(a.folder, 'too large'), randomBytes(4 * MB))
    renameSync(join(a.folder, 'renamed'), join(a.folder, 'has a new name'))
    rmSync(join(a.folder, 'deleted'))
    writeFileSync(join(b.folder, 'from b'), 'b')
    await b.ok('sync --once')
    const { code, stdout, stderr } = await a.run('sync --once', quiet)
    expect(stderr).toMatch(
      /^not synced: too large: the account has no room left for its 4,[\d,]+ bytes; .*\n$/,
    )
    expect({ code, stdout }).toEqual({
      code: 6,
      stdout: expect.stringMatching(/ Synced all but 1 path\.\n$/),
    })
    await b.ok('sync --once')
    expect(readdirSync(b.folder).sort()).toEqual(['.pileus', 'from b', 'has a new name', 'kept'])
    expect(readdirSync(a.folder)).toContain('from b')
    renameSync(join(a.folder, 'too large'), join(ROOT, 'elsewhere'))
    await a.ok('sync --once')
    await b.step('sync --once')
    expect(differences(describeTree(a.folder), describeTree(b.folder))).toEqual([])
  })
})
