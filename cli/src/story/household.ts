/** Test helper: a server and the devices of one person, as processes; made before the tests of a file, gone after them. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, vi } from 'vitest'
import { type LiveOptions, type LiveProcess, startLive } from './live.ts'
import { type DeviceOf, joinedDevice } from './person.ts'
import { type ServerProcess, startServer } from './server.ts'
import { describeTree, differences, outlineTree } from './tree.ts'

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
  /** Ends the server, and starts it again on its port and its data. */
  restart(signal?: NodeJS.Signals): Promise<void>
  /** The first signs up, the others log in; each is linked. `through` is another address of the server. */
  join(name: string, through?: string): Promise<DeviceOf & { readonly phrase: string }>
  /** `pileus sync` on this device, killed after the tests if it still runs. */
  live(device: DeviceOf, options?: LiveOptions): LiveProcess
  /** The same, once it is up to date for the first time. */
  liveNow(device: DeviceOf, options?: LiveOptions): Promise<LiveProcess>
  /** Kills all that these began. */
  endLives(): Promise<void>
}

/** For `expect.poll` and `vi.waitFor`, on a machine where tests of other files run beside this one. */
export const WITHIN = { timeout: 150_000, interval: 100 }

/** Call it at the top of a test file: `name` shows in its folder, `env` is for the server. */
export function household(name: string, env: Readonly<Record<string, string>> = {}): Household {
  vi.setConfig({ testTimeout: 400_000, hookTimeout: 180_000 })
  const settings = { PILEUS_LOG_LEVEL: 'warn', ...env }
  const running: LiveProcess[] = []
  let root = ''
  let server: ServerProcess | undefined
  let joined = false
  beforeAll(async () => {
    root = realpathSync(mkdtempSync(join(tmpdir(), `pileus-${name}-`)))
    server = await startServer(root, settings)
  })
  const endLives: Household['endLives'] = async () => {
    await Promise.all(running.splice(0).map((live) => live.stop('SIGKILL')))
  }
  afterAll(async () => {
    await endLives()
    await server?.stop()
    rmSync(root, { recursive: true, force: true })
  })
  const live: Household['live'] = (device, options) => {
    const process = startLive(device, options)
    running.push(process)
    return process
  }
  return {
    get root() {
      return root
    },
    get server() {
      return server!
    },
    async restart(signal) {
      const { url } = server!
      await server!.stop(signal)
      server = await startServer(root, { ...settings, PILEUS_PORT: new URL(url).port })
    },
    join(device, through = server!.url) {
      const how = joined ? 'login' : 'signup'
      joined = true
      return joinedDevice(root, device, how, through)
    },
    live,
    endLives,
    async liveNow(device, options) {
      const process = live(device, options)
      await vi.waitFor(() => expect(process.output()).toContain('is up to date'), WITHIN)
      return process
    },
  }
}

/** One `sync --once` on the way to what a test is about, which has to end well. */
export async function synced(device: DeviceOf): Promise<Synced> {
  return JSON.parse((await device.step('sync --once --json')).stdout) as Synced
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

/** One more sync of each does nothing and has nothing to say. */
export async function expectQuiet(...devices: DeviceOf[]): Promise<void> {
  const nothing = { pushed: 0, pulled: 0, applied: 0, problems: [], conflicts: [] }
  for (const device of devices) expect(await synced(device)).toMatchObject(nothing)
}

/** Both folders are the same in every byte, name, time and mode. */
export function expectSame(a: DeviceOf, b: DeviceOf): void {
  expect(differences(describeTree(a.folder), describeTree(b.folder))).toEqual([])
}

/** The same, where syncs are still at work: it has to become so. */
export async function becomeSame(a: DeviceOf, b: DeviceOf): Promise<void> {
  for (const treeOf of [outlineTree, describeTree]) {
    const compared = () => {
      try {
        return differences(treeOf(a.folder), treeOf(b.folder))
      } catch {
        return ['a file went away while it was read']
      }
    }
    await expect.poll(compared, WITHIN).toEqual([])
  }
}
