/** Test helper: a server and the devices of one person, as processes; made before the tests of a file, gone after them. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, vi } from 'vitest'
import { type LiveOptions, type LiveProcess, startLive } from './live.ts'
import { type DeviceOf, joinedDevice } from './person.ts'
import { type ServerProcess, startServer } from './server.ts'
import { describeTree, differences } from './tree.ts'

/** What `sync --once --json` says. */
export interface Synced {
  readonly pushed: number
  readonly pulled: number
  readonly applied: number
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly problems: readonly { readonly path: string; readonly problem: string }[]
  readonly conflicts: readonly string[]
}

export interface Household {
  /** A folder of the tests' own. */
  readonly root: string
  readonly server: ServerProcess
  /** The first signs up, the others log in; each is linked. */
  join(name: string): Promise<DeviceOf & { readonly phrase: string }>
  /** `pileus sync` on this device, killed after the tests if it still runs. */
  live(device: DeviceOf, options?: LiveOptions): LiveProcess
  /** The same, once it is up to date for the first time. */
  liveNow(device: DeviceOf, options?: LiveOptions): Promise<LiveProcess>
}

/** For `expect.poll`, on a machine where tests of other files run beside this one. */
export const WITHIN = { timeout: 60_000, interval: 100 }

/** Call it at the top of a test file: `name` shows in its folder, `env` is for the server. */
export function household(name: string, env: Readonly<Record<string, string>> = {}): Household {
  vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })
  const root = realpathSync(mkdtempSync(join(tmpdir(), `pileus-${name}-`)))
  const running: LiveProcess[] = []
  let server: ServerProcess | undefined
  let joined = false
  beforeAll(async () => {
    server = await startServer(root, { PILEUS_LOG_LEVEL: 'warn', ...env })
  })
  afterAll(async () => {
    await Promise.all(running.map((live) => live.stop('SIGKILL')))
    await server?.stop()
    rmSync(root, { recursive: true, force: true })
  })
  const live: Household['live'] = (device, options) => {
    const process = startLive(device, options)
    running.push(process)
    return process
  }
  return {
    root,
    get server() {
      return server!
    },
    join(device) {
      const how = joined ? 'login' : 'signup'
      joined = true
      return joinedDevice(root, device, how, server!.url)
    },
    live,
    async liveNow(device, options) {
      const process = live(device, options)
      await expect.poll(process.output, WITHIN).toContain('is up to date')
      return process
    },
  }
}

/** One `sync --once`, which has to end well. */
export async function synced(device: DeviceOf): Promise<Synced> {
  return JSON.parse((await device.ok('sync --once --json')).stdout) as Synced
}

/** Each in turn, until none has anything to do, which has to come soon. */
export async function settle(...devices: DeviceOf[]): Promise<void> {
  for (let round = 0; round < 5; round++) {
    let busy = 0
    for (const device of devices) {
      const { pushed, pulled, applied } = await synced(device)
      busy += pushed + pulled + applied
    }
    if (busy === 0) return
  }
  throw new Error('the devices did not come to rest')
}

/** What the first has comes to the second: one sync each. */
export async function carry(from: DeviceOf, to: DeviceOf): Promise<void> {
  await synced(from)
  await synced(to)
}

/** Both folders are the same in every byte, name, time and mode. */
export function expectSame(a: DeviceOf, b: DeviceOf): void {
  expect(differences(describeTree(a.folder), describeTree(b.folder))).toEqual([])
}

/** The same, where syncs are still at work: it has to become so. */
export async function becomeSame(a: DeviceOf, b: DeviceOf): Promise<void> {
  const compared = () => {
    try {
      return differences(describeTree(a.folder), describeTree(b.folder))
    } catch {
      return ['a file went away while it was read']
    }
  }
  await expect.poll(compared, WITHIN).toEqual([])
}
