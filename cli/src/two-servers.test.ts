/**
 * Two server processes on engines that they share, two devices of one account each connected to another one. A server is
 * killed in the middle, and each engine in turn is taken away for a while: nothing is lost, and everything catches up.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withOwnEngines } from '@pileus/engines/in-tests'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type LiveProcess, startLive } from './story/live.ts'
import { type DeviceOf, joinedDevice } from './story/person.ts'
import { type ServerProcess, startServer } from './story/server.ts'
import { describeTree, differences, outlineTree } from './story/tree.ts'

const WITHIN = { timeout: 120_000, interval: 500 }
const TEST_MS = 400_000
/** How long an engine is away. */
const AWAY_MS = 20_000
vi.setConfig({ hookTimeout: 240_000 })

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

await withOwnEngines(
  ['postgres', 'cassandra', 's3', 'valkey'],
  'two servers on shared engines',
  (engines) => {
    const ROOT = mkdtempSync(join(tmpdir(), 'pileus-two-'))
    const settings: Record<string, string> = {
      PILEUS_ACCOUNTS: 'postgres',
      PILEUS_ZONES: 'cassandra',
      PILEUS_BLOBS: 's3',
      PILEUS_LIVE: 'valkey',
      PILEUS_LOG_LEVEL: 'warn',
    }
    for (const engine of engines) Object.assign(settings, engine.settings)
    const servers: ServerProcess[] = []
    const devices: DeviceOf[] = []
    let running: LiveProcess[] = []

    const start = (name: string, port = '0') => {
      const folder = join(ROOT, name)
      mkdirSync(folder, { recursive: true })
      return startServer(folder, { ...settings, PILEUS_PORT: port })
    }

    beforeAll(async () => {
      // At the same time: both find engines on which nothing is yet.
      servers.push(...(await Promise.all([start('one'), start('two')])))
      devices.push(await joinedDevice(ROOT, 'laptop', 'signup', servers[0]!.url))
      devices.push(await joinedDevice(ROOT, 'desktop', 'login', servers[1]!.url))
      running = devices.map((device) => startLive(device))
      for (const live of running)
        await vi.waitFor(() => expect(live.output()).toContain('is up to date'), WITHIN)
    })
    afterAll(async () => {
      await Promise.all(running.map((live) => live.stop('SIGKILL')))
      for (const server of servers) await server.stop('SIGKILL')
      rmSync(ROOT, { recursive: true, force: true })
    })

    let written = 0
    /** New files on both devices, one of them of several chunks. */
    function writeSome(what: string, count = 20): void {
      for (const [index, { folder }] of devices.entries()) {
        const into = join(folder, `${what} ${index}`)
        mkdirSync(into, { recursive: true })
        for (let n = 0; n < count; n++) writeFileSync(join(into, `${++written}.txt`), `${what} ${written}\n`)
        writeFileSync(join(into, 'large'), Buffer.alloc(5_000_000, `${what} ${index} ${written} `))
      }
    }

    function trees(treeOf = describeTree): string[] {
      const [first, second] = devices.map(({ folder }) => treeOf(folder))
      return differences(first!, second!)
    }

    /** Both hold the same, and each says so when it is asked. */
    async function comeToRest(): Promise<void> {
      await expect.poll(() => trees(outlineTree), WITHIN).toEqual([])
      for (const device of devices) await device.step('sync --once')
      expect(trees()).toEqual([])
      expect(describeTree(devices[0]!.folder).size).toBeGreaterThan(written)
    }

    test('changes reach the device at the other server', { timeout: TEST_MS }, async () => {
      writeSome('first')
      await comeToRest()
    })

    test('a server is killed in the middle and comes back', { timeout: TEST_MS }, async () => {
      writeSome('before the end of one server', 100)
      await pause(1_500)
      const { port } = new URL(servers[0]!.url)
      await servers[0]!.stop('SIGKILL')
      writeSome('while one server is gone')
      await pause(3_000)
      servers[0] = await start('one again', port)
      await comeToRest()
    })

    test.each(engines.map((engine) => [engine.title, engine] as const))(
      '%s goes away during a sync and comes back',
      { timeout: TEST_MS },
      async (title, engine) => {
        writeSome(`before ${engine.name}`, 60)
        await pause(500)
        await engine.stop('killed')
        writeSome(`without ${engine.name}`)
        await pause(AWAY_MS)
        await engine.start()
        writeSome(`after ${engine.name}`)
        const since = performance.now()
        await comeToRest()
        console.log(
          `${title}: caught up ${((performance.now() - since) / 1_000).toFixed(1)} s after it was back`,
        )
      },
    )
  },
)
