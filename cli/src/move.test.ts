/**
 * From one machine to shared engines and back, with real processes: two devices go on as if nothing had happened, while the move
 * is killed in the middle, the old server is read, and what is written meanwhile waits.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withOwnEngines } from '@pileus/engines/in-tests'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { expectSame, type Synced, settle, synced } from './story/household.ts'
import { startLive } from './story/live.ts'
import { createDevice, type DeviceOf, joinedDevice } from './story/person.ts'
import { type ServerProcess, startServer } from './story/server.ts'

const MAIN = join(import.meta.dirname, '../../server/bin/pileus-server.mjs')
const LARGE_BYTES = 6_000_000
vi.setConfig({ testTimeout: 400_000, hookTimeout: 240_000 })

await withOwnEngines(['postgres', 's3'], 'pileus-server move', (engines) => {
  const root = mkdtempSync(join(tmpdir(), 'pileus-move-'))
  const old = { PILEUS_DATA: join(root, 'old/data') }
  const shared = settingsFile('shared', {
    PILEUS_ACCOUNTS: 'postgres',
    PILEUS_ZONES: 'postgres',
    PILEUS_BLOBS: 's3',
    ...Object.assign({}, ...engines.map(({ settings }) => settings)),
  })
  const back = settingsFile('back', { PILEUS_DATA: join(root, 'back/data') })
  let server: ServerProcess
  let port: string
  let laptop: DeviceOf
  let desktop: DeviceOf

  function settingsFile(name: string, settings: Readonly<Record<string, string>>): string {
    const file = join(root, `${name}.env`)
    writeFileSync(
      file,
      Object.entries(settings)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(''),
    )
    return file
  }

  function startMove(env: Readonly<Record<string, string>>, ...args: readonly string[]) {
    const child: ChildProcess = spawn(process.execPath, [MAIN, 'move', ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout!, child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }))
    return { child, ended, output: () => output }
  }

  async function moved(env: Readonly<Record<string, string>>, file: string): Promise<string> {
    const { code, output } = await startMove(env, '--to', file).ended
    expect(output).toContain('Moved. The target holds what the source holds.')
    expect(code).toBe(0)
    return output
  }

  async function serve(name: string, env: Readonly<Record<string, string>>): Promise<void> {
    const folder = join(root, name)
    mkdirSync(folder, { recursive: true })
    server = await startServer(folder, { PILEUS_LOG_LEVEL: 'warn', PILEUS_PORT: port, ...env })
  }

  const write = (device: DeviceOf, name: string, bytes: Uint8Array | string) =>
    writeFileSync(join(device.folder, name), bytes)

  beforeAll(async () => {
    port = '0'
    await serve('old', old)
    port = new URL(server.url).port
    laptop = await joinedDevice(root, 'laptop', 'signup', server.url)
    desktop = await joinedDevice(root, 'desktop', 'login', server.url)
    for (let n = 0; n < 60; n++) write(laptop, `${n}.txt`, `note ${n}\n`)
    for (let n = 0; n < 3; n++) write(laptop, `large ${n}`, randomBytes(LARGE_BYTES))
    await settle(laptop, desktop)
    write(desktop, '1.txt', 'a later version\n')
    rmSync(join(desktop.folder, '2.txt'))
    await settle(laptop, desktop)
  })
  afterAll(async () => {
    await server?.stop('SIGKILL')
    rmSync(root, { recursive: true, force: true })
  })

  /** The first sync at another server sends what is new and nothing else. */
  async function goOn(name: string, bytes: number): Promise<Synced> {
    write(laptop, name, randomBytes(bytes))
    const first = await synced(laptop)
    expect(first.pushed).toBeGreaterThan(0)
    expect(first.bytesSent).toBeLessThan(bytes + 60_000)
    const second = await synced(desktop)
    expect(second.pulled).toBeGreaterThan(0)
    expect(second.bytesSent).toBeLessThan(60_000)
    expectSame(laptop, desktop)
    return first
  }

  test('is killed twice in the middle, and goes on; the old server answers reads meanwhile', async () => {
    const tablet = createDevice(root, 'tablet')
    await tablet.step(['--json', 'login', 'ana', '--server', server.url])
    await tablet.step(['link', tablet.folder])

    const first = startMove(old, '--to', shared, '--json')
    await expect.poll(first.output, { timeout: 120_000, interval: 5 }).toContain('"step":"copying"')
    first.child.kill('SIGKILL')
    await first.ended

    // A target that is half copied is never served.
    const half = await startServer(join(root, 'old'), { PILEUS_CONFIG: shared }).catch((error) =>
      String(error),
    )
    expect(half).toMatch(/Cannot serve these engines: the move from .* to them is not complete/)

    write(laptop, 'written while moving', 'kept\n')
    const refused = await laptop.run('sync --once')
    expect(refused.stderr).toContain('The server is being moved')
    const live = startLive(laptop)
    await expect.poll(live.output, { timeout: 120_000 }).toMatch(/being moved to other engines/)

    const second = startMove(old, '--to', shared, '--json')
    await expect.poll(second.output, { timeout: 120_000, interval: 5 }).toContain('"step":"copying"')
    second.child.kill('SIGKILL')
    await second.ended

    const third = moved(old, shared)
    await tablet.ok('sync --once')
    await third
    expectSame(tablet, desktop)

    await server.stop()
    await serve('old', old)
    expect(await startMove(old, '--to', shared).ended).toMatchObject({ code: 0 })
    await server.stop()
    await serve('shared', { PILEUS_CONFIG: shared })
    await expect.poll(live.output, { timeout: 120_000 }).toContain('is up to date')
    await live.stop()
    await settle(laptop, desktop, tablet)
    expectSame(tablet, desktop)
    await goOn('after the move', 300_000)
  })

  test('there is no undoing once a server was started on the target', async () => {
    const { code, output } = await startMove(old, '--to', shared, '--undo').ended
    expect(code).toBe(1)
    expect(output).toMatch(/a server has been started on the target/i)
  })

  test('moves back to one machine, with the server on shared engines read meanwhile', async () => {
    const output = await moved({ PILEUS_CONFIG: shared }, back)
    expect(output).toMatch(/Copied \d+ of \d+ zones/)
    write(desktop, 'waits', 'for the new server\n')
    expect((await desktop.run('sync --once')).stderr).toContain('The server is being moved')
    await server.stop()
    await serve('back', { PILEUS_CONFIG: back })
    await settle(laptop, desktop)
    expectSame(laptop, desktop)
    await goOn('after moving back', 300_000)
  })
})
