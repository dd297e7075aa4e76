/** Ours: one server and two devices, as processes of their own, through the commands a person types. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Child, type Ended, run, sleep, until } from '../measure/child.ts'
import type { Carried, Contender, LivePair, Pair } from './contender.ts'

const PROGRAM = join(import.meta.dirname, '../../../cli/bin/pileus.mjs')
const SERVER = join(import.meta.dirname, '../../../server/src/main.ts')
/** A process that finds nothing to do has come to rest by then. */
const REST_MS = 4_000

export const pileus: Contender = {
  name: 'Pileus',
  version: async () => `Node ${process.version}`,
  open: async (root) => new OncePair(await openDevices(root)),
  openLive,
}

interface Device {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
}

interface Devices {
  readonly server: Child
  readonly a: Device
  readonly b: Device
}

interface Report {
  readonly pushed: number
  readonly bytesSent: number
  readonly bytesReceived: number
}

async function openDevices(root: string): Promise<Devices> {
  const server = new Child(process.execPath, [SERVER], {
    env: { PILEUS_PORT: '0', PILEUS_DATA: join(root, 'server'), PILEUS_LOG_LEVEL: 'warn' },
  })
  const address = () => /listens on (http:\S+)/.exec(server.stdout)?.[1]
  await until('the server listens', () => address() !== undefined || !server.isRunning, { withinMs: 30_000 })
  const url = address()
  if (url === undefined) throw new Error(`the server did not start: ${server.stderr}`)
  const devices = { server, a: device(root, 'a', url), b: device(root, 'b', url) }
  await command(devices.a, ['signup', 'ana'])
  await command(devices.a, ['link', devices.a.folder])
  await command(devices.b, ['login', 'ana'])
  await command(devices.b, ['link', devices.b.folder])
  return devices
}

function device(root: string, name: string, url: string): Device {
  const folder = join(root, name, 'files')
  mkdirSync(folder, { recursive: true })
  const env = {
    PILEUS_HOME: join(root, name, 'home'),
    PILEUS_SERVER: url,
    PILEUS_PASSWORD: 'correct horse battery',
    PILEUS_KEYS: 'file',
    PILEUS_DEVICE_NAME: name,
    XDG_CACHE_HOME: join(root, 'cache'),
    XDG_STATE_HOME: join(root, 'state'),
  }
  return { folder, env }
}

function command({ env }: Device, args: readonly string[]): Promise<Ended> {
  return run(process.execPath, [PROGRAM, '--json', ...args], { env })
}

class OncePair implements Pair {
  readonly a: string
  readonly b: string
  readonly #devices: Devices
  readonly #peaks = { A: 0, B: 0 }

  constructor(devices: Devices) {
    this.#devices = devices
    this.a = devices.a.folder
    this.b = devices.b.folder
  }

  async carry(): Promise<Carried> {
    const start = performance.now()
    const { report: a } = await this.#sync('A')
    const middle = performance.now()
    const { report: b } = await this.#sync('B')
    const end = performance.now()
    return {
      seconds: (end - start) / 1000,
      parts: { A: (middle - start) / 1000, B: (end - middle) / 1000 },
      movedBytes: a.bytesSent + b.bytesReceived,
      records: a.pushed,
    }
  }

  async rescan(): Promise<number> {
    const start = performance.now()
    await this.#sync('A')
    return (performance.now() - start) / 1000
  }

  async rescanPeakBytes(): Promise<number> {
    return (await this.#sync('A')).peakBytes
  }

  peaks() {
    return { ...this.#peaks, server: this.#devices.server.peakBytes }
  }

  close(): Promise<void> {
    return this.#devices.server.stop()
  }

  async #sync(side: 'A' | 'B'): Promise<{ report: Report; peakBytes: number }> {
    const device = side === 'A' ? this.#devices.a : this.#devices.b
    const { stdout, peakBytes } = await command(device, ['sync', '--once'])
    this.#peaks[side] = Math.max(this.#peaks[side], peakBytes)
    return { report: JSON.parse(stdout) as Report, peakBytes }
  }
}

async function openLive(root: string): Promise<LivePair | string> {
  const { server, a, b } = await openDevices(root)
  const start = ({ env }: Device) => new Child(process.execPath, [PROGRAM, 'sync'], { env })
  const running = { a: start(a), b: start(b) }
  await sleep(REST_MS)
  for (const child of [running.a, running.b]) {
    if (child.isRunning) continue
    await Promise.all([running.a.stop(), running.b.stop(), server.stop()])
    return `\`pileus sync\` does not stay: ${child.stderr.trim().split('\n').at(-1)}`
  }
  return {
    a: a.folder,
    b: b.folder,
    async restingBytes() {
      await running.a.stop()
      running.a = start(a)
      await sleep(REST_MS)
      return running.a.residentBytes
    },
    async close() {
      await Promise.all([running.a.stop(), running.b.stop()])
      await server.stop()
    },
  }
}
