/** Ours, as people live with it: a server, and `pileus sync` staying on both devices. */
import type { Child } from '../measure/child.ts'
import { carryLive, processorOf, untilIdle } from '../measure/live-carry.ts'
import type { Change, Contender, Live, Pair, Rescanned } from './contender.ts'
import { command, type Devices, openDevices, startSync } from './pileus-devices.ts'

export const pileus: Contender = {
  name: 'Pileus',
  version: async () => `Node ${process.version}`,
  async open(root, options) {
    const devices = await openDevices(root, options)
    try {
      const [a, b] = await Promise.all([startSync(devices.a), startSync(devices.b)])
      return new LivePileus(devices, a, b)
    } catch (error) {
      await devices.close()
      throw error
    }
  },
}

class LivePileus implements Pair, Live {
  readonly a: string
  readonly b: string
  readonly live = this
  readonly #devices: Devices
  #a: Child
  readonly #b: Child

  constructor(devices: Devices, a: Child, b: Child) {
    this.#devices = devices
    this.#a = a
    this.#b = b
    this.a = devices.a.folder
    this.b = devices.b.folder
  }

  carry(change: Change) {
    return carryLive(
      {
        processes: this.#processes(),
        // It notices by itself.
        tellToLook: async () => {},
        wireBytes: () => this.#devices.proxy?.bytes ?? null,
      },
      change,
    )
  }

  /** The command asks the process that stays, and says how long that took without its own start. */
  async rescan(): Promise<Rescanned> {
    const before = this.#a.processorSeconds
    const { stdout } = await command(this.#devices.a, ['sync', '--once'])
    const { milliseconds } = JSON.parse(stdout) as { readonly milliseconds: number }
    return { seconds: milliseconds / 1000, processorSeconds: this.#a.processorSeconds - before }
  }

  peaks() {
    const entries = Object.entries(this.#processes())
    return Object.fromEntries(entries.map(([name, process]) => [name, process.peakBytes]))
  }

  async restart(): Promise<void> {
    await this.#a.stop()
    this.#a = await startSync(this.#devices.a)
  }

  async comeToRest(): Promise<void> {
    const { A, B, server } = this.#processes()
    await untilIdle([A, B, server])
  }

  residentBytes(): number {
    return this.#a.residentBytes
  }

  processor() {
    return processorOf(this.#processes())
  }

  async close(): Promise<void> {
    await Promise.all([this.#a.stop(), this.#b.stop()])
    await this.#devices.close()
  }

  #processes() {
    return { A: this.#a, B: this.#b, server: this.#devices.server }
  }
}
