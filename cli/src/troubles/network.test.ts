/** What goes wrong between a device and its server while it stays in sync: said in a sentence, and mended by itself. */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { household } from '../story/household.ts'
import type { LiveProcess } from '../story/live.ts'
import type { DeviceOf } from '../story/person.ts'
import { type ProxyServer, startProxy } from '../story/proxy.ts'

const home = household('network')
vi.setConfig({ testTimeout: 600_000 })
/** Production's waits are tens of seconds. */
const WITHIN = { timeout: 150_000, interval: 250 }

/** Connected as it should be. */
let desktop: DeviceOf
const proxies: ProxyServer[] = []

beforeAll(async () => {
  desktop = await home.join('desktop')
  home.live(desktop)
})
afterAll(() => {
  for (const proxy of proxies) proxy.close()
})

/** A device that stays in sync through a proxy of its own. */
async function behindProxy(
  name: string,
): Promise<{ device: DeviceOf; proxy: ProxyServer; live: LiveProcess }> {
  const proxy = await startProxy(home.server.url)
  proxies.push(proxy)
  const device = await home.join(name, proxy.url)
  const live = home.live(device)
  await upToDate(live)
  return { device, proxy, live }
}

const statusOf = async (device: DeviceOf) => (await device.step('status')).stdout
const says = (device: DeviceOf, what: RegExp) =>
  vi.waitFor(async () => expect(await statusOf(device)).toMatch(what), { ...WITHIN, interval: 1_000 })
const put = ({ folder }: DeviceOf, name: string) => writeFileSync(join(folder, name), `content of ${name}`)
const arrives = (name: string, { folder }: DeviceOf) =>
  vi.waitFor(() => expect(existsSync(join(folder, name))).toBe(true), WITHIN)
const upToDate = (live: LiveProcess) =>
  vi.waitFor(() => expect(live.output()).toContain('is up to date'), WITHIN)

test.concurrent('a server that accepts and never answers: called slow, then offline, and found again', async () => {
  const { device, proxy, live } = await behindProxy('hanging')
  proxy.silence('all')
  put(device, 'while it hangs')
  await says(device, /^the server takes long to answer: .*check/m)
  await says(
    device,
    /^sync +offline: http:\S+ did not answer within 30 seconds: check the server and the network$/m,
  )
  expect(live.output()).toMatch(/^offline: http:\S+ did not answer within 30 seconds/m)
  proxy.silence('none')
  await arrives('while it hangs', desktop)
  await says(device, /^sync +up to date$/m)
})

test.concurrent('a live channel that dies without a word is found dead, and opened anew', async () => {
  const { device, proxy } = await behindProxy('half open')
  const { asked } = proxy
  proxy.silence('websockets')
  put(desktop, 'told to nobody')
  const start = performance.now()
  await arrives('told to nobody', device)
  console.log(`a dead live channel was found after ${((performance.now() - start) / 1_000).toFixed(0)} s`)
  expect(performance.now() - start).toBeLessThan(60_000)
  proxy.silence('none')
  await vi.waitFor(() => expect(proxy.asked).toBeGreaterThan(asked), WITHIN)
  await vi.waitFor(async () => expect(await statusOf(device)).not.toContain('live channel'), WITHIN)
})

test.concurrent('a proxy that refuses WebSockets, then cuts each: the server is asked instead, and status says so', async () => {
  const { device, proxy } = await behindProxy('cut')
  proxy.webSockets('refuse')
  // Those that stand are cut by the restart of what is in between.
  proxy.silence('websockets')
  put(desktop, 'not told')
  await arrives('not told', device)
  await says(
    device,
    /^the live channel does not stand, so the server is asked every 5 to 60 seconds: what answers at \S+ does not pass WebSockets on \(400\); let the proxy there do so$/m,
  )
  // The others of this account are at work all the time.
  await says(device, /^sync +up to date$/m)
  put(device, 'sent all the same')
  await arrives('sent all the same', desktop)
  proxy.webSockets(1_000)
  proxy.silence('none')
  await says(device, /^the live channel does not stand, .*it is cut again and again/m)
  put(desktop, 'told between two cuts')
  await arrives('told between two cuts', device)
  proxy.webSockets('pass')
  put(desktop, 'at last')
  await arrives('at last', device)
})

test.concurrent('a clock that jumps ahead and back by hours decides nothing', async () => {
  const device = await home.join('jumping')
  const clock = join(import.meta.dirname, '../story/jumping-clock.mjs')
  const live = home.live(device, { nodeOptions: ['--import', clock] })
  await upToDate(live)
  for (const direction of ['ahead', 'back']) {
    live.signal('SIGUSR2')
    put(desktop, `to one that jumped ${direction}`)
    await arrives(`to one that jumped ${direction}`, device)
    put(device, `from one that jumped ${direction}`)
    await arrives(`from one that jumped ${direction}`, desktop)
    // A timer of each kind has come up since.
    await new Promise((resolve) => setTimeout(resolve, 12_000))
    await says(device, /^sync +up to date$/m)
  }
  expect(live.output()).not.toMatch(/offline|problem/)
})

test.concurrent('one that was stopped for a while, as by sleep, goes on as if nothing had been', async () => {
  const device = await home.join('asleep')
  const live = home.live(device)
  await upToDate(live)
  live.signal('SIGSTOP')
  put(desktop, 'written while it slept')
  for (let n = 0; n < 50; n++) put(device, `written beside it ${n}`)
  rmSync(join(device.folder, 'written beside it 7'))
  await new Promise((resolve) => setTimeout(resolve, 5_000))
  expect(existsSync(join(device.folder, 'written while it slept'))).toBe(false)
  live.signal('SIGCONT')
  await arrives('written while it slept', device)
  await arrives('written beside it 49', desktop)
  expect(existsSync(join(desktop.folder, 'written beside it 7'))).toBe(false)
  expect(readFileSync(join(device.folder, 'written while it slept'), 'utf8')).toBe(
    'content of written while it slept',
  )
})
