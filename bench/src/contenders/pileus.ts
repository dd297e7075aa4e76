/** Ours, as people live with it: a server, and `pileus sync` staying on both devices. */
import type { Child } from '../measure/child.ts'
import { carryLive, processorOf, untilIdle } from '../measure/live-carry.ts'
import type { Change, Contender, Live, Pair, Rescanned } from './contender.ts'
import { command, type Devices, openDevices, startSync, untilLooked } from './pileus-devices.ts'

export const pileus: Contender = {
  name: 'Pileus',
  version: async () => `Node ${process.version}`,
  async open(root, options) {
    const devices = await openDevices(root, options)
    const pair = new LivePileus(devices, startSync(devices.a), startSync(devices.b))
    try {
      await pair.untilLooked()
      return pair
    } catch (error) {
      await pair.close()
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

  async untilLooked(): Promise<void> {
    const { a, b } = this.#devices
    await Promise.all([untilLooked(a, this.#a), untilLooked(b, this.#b)])
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
    this.#a = startSync(this.#devices.a)
    await untilLooked(this.#devices.a, this.#a)
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
