/** One server and two devices of Pileus, made by the commands a person types. */
import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Child, type Ran, run } from '../measure/child.ts'
import { CountingProxy } from '../measure/counting-proxy.ts'
import { until } from '../measure/waiting.ts'

const PROGRAM = join(import.meta.dirname, '../../../cli/bin/pileus.mjs')
const SERVER = join(import.meta.dirname, '../../../server/bin/pileus-server.mjs')
/** Both programs ask for a Node, and options for it, by their first lines: they get the one that runs this. */
const PATH = `${dirname(process.execPath)}:${process.env.PATH}`
const START_MS = 60_000

export interface Device {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
}

export interface Devices {
  readonly server: Child
  readonly a: Device
  readonly b: Device
  /** Between both devices and the server; null when nothing is counted. */
  readonly proxy: CountingProxy | null
  close(): Promise<void>
}

/** Both are signed in and have an empty linked folder. */
export async function openDevices(root: string, { countWire = false } = {}): Promise<Devices> {
  const server = new Child(SERVER, [], {
    env: {
      PATH,
      PILEUS_PORT: '0',
      PILEUS_DATA: join(root, 'server'),
      PILEUS_LOG_LEVEL: 'warn',
      PILEUS_QUOTA_BYTES: String(10 ** 12),
    },
  })
  const port = () => /listens on http:\S+:(\d+)/.exec(server.stdout)?.[1]
  let proxy: CountingProxy | null = null
  const close = async () => {
    await proxy?.close()
    await server.stop()
  }
  try {
    await until('the server listens', () => port() !== undefined || !server.isRunning, {
      withinMs: START_MS,
    })
    server.expectRunning('the server')
    if (countWire) proxy = await CountingProxy.before(Number(port()))
    const url = `http://127.0.0.1:${proxy?.port ?? port()}`
    const [a, b] = [device(root, 'a', url), device(root, 'b', url)]
    await command(a, ['signup', 'ana'])
    const joined = command(b, ['login', 'ana']).then(() => command(b, ['link', b.folder]))
    await Promise.all([command(a, ['link', a.folder]), joined])
    return { server, a, b, proxy, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Runs a command of this device to its end. Throws with what it wrote when it fails. */
export function command({ env }: Device, args: readonly string[]): Promise<Ran> {
  return run(PROGRAM, ['--json', ...args], { env })
}

/** Starts `pileus sync`, which stays. */
export function startSync({ env }: Device): Child {
  return new Child(PROGRAM, ['sync'], { env })
}

/** Waits until this `pileus sync` has looked at everything. Rejects when it ends before. */
export async function untilLooked(device: Device, sync: Child): Promise<void> {
  // It says so once it can be asked; before, the command would take its place.
  await until('pileus sync keeps the folder in sync', () => {
    sync.expectRunning('pileus sync')
    return /^Keeping .* in sync/m.test(sync.stderr)
  })
  await command(device, ['sync', '--once'])
}

function device(root: string, name: string, url: string): Device {
  const folder = join(root, name, 'files')
  mkdirSync(folder, { recursive: true })
  const env = {
    PATH,
    PILEUS_HOME: join(root, name, 'home'),
    PILEUS_SERVER: url,
    PILEUS_PASSWORD: 'correct horse battery',
    PILEUS_KEYS: 'file',
    PILEUS_DEVICE_NAME: name,
    // Compiled programs, as they are on a person's machine from the second command on: one for the whole run.
    XDG_CACHE_HOME: join(dirname(root), 'cache'),
    XDG_STATE_HOME: join(root, 'state'),
  }
  return { folder, env }
}
