/** Ours as two commands: `pileus sync --once` on A, then on B, start and sign-in of both included. */
import type { Carried, Change, Contender, Pair, Rescanned } from './contender.ts'
import { command, type Devices, openDevices } from './pileus-devices.ts'

export const pileusOnce: Contender = {
  name: 'Pileus --once',
  version: async () => 'one command on A, then one on B',
  open: async (root, options) => new OncePair(await openDevices(root, options)),
}

interface Report {
  readonly pushed: number
  readonly bytesSent: number
  readonly bytesReceived: number
}

class OncePair implements Pair {
  readonly a: string
  readonly b: string
  readonly live = null
  readonly #devices: Devices
  readonly #peaks = { A: 0, B: 0 }

  constructor(devices: Devices) {
    this.#devices = devices
    this.a = devices.a.folder
    this.b = devices.b.folder
  }

  async carry({ make, isThere }: Change): Promise<Carried> {
    const { server, proxy } = this.#devices
    const serverBefore = server.processorSeconds
    const wireBefore = proxy?.bytes ?? null
    make()
    const start = performance.now()
    const a = await this.#sync('A')
    const middle = performance.now()
    const b = await this.#sync('B')
    const end = performance.now()
    if (!isThere()) throw new Error('both commands have ended, and B does not hold what A holds')
    return {
      seconds: (end - start) / 1000,
      parts: { A: (middle - start) / 1000, B: (end - middle) / 1000 },
      processor: {
        A: a.processorSeconds,
        B: b.processorSeconds,
        server: server.processorSeconds - serverBefore,
      },
      wireBytes: proxy === null || wireBefore === null ? null : proxy.bytes - wireBefore,
      said: { records: a.report.pushed, chunkBytes: a.report.bytesSent + b.report.bytesReceived },
    }
  }

  async rescan(): Promise<Rescanned> {
    const start = performance.now()
    const { processorSeconds } = await this.#sync('A')
    return { seconds: (performance.now() - start) / 1000, processorSeconds }
  }

  peaks() {
    return { ...this.#peaks, server: this.#devices.server.peakBytes }
  }

  close(): Promise<void> {
    return this.#devices.close()
  }

  async #sync(side: 'A' | 'B') {
    const device = side === 'A' ? this.#devices.a : this.#devices.b
    const { stdout, peakBytes, processorSeconds } = await command(device, ['sync', '--once'])
    this.#peaks[side] = Math.max(this.#peaks[side], peakBytes)
    return { report: JSON.parse(stdout) as Report, processorSeconds }
  }
}
