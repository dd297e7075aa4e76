/** Syncthing: two processes that stay and are connected to each other. */
import { firstLine } from '../measure/child.ts'
import { CountingProxy } from '../measure/counting-proxy.ts'
import { carryLive, processorOf, untilIdle } from '../measure/live-carry.ts'
import { until } from '../measure/waiting.ts'
import type { Change, Contender, Live, OpenOptions, Pair, Rescanned } from './contender.ts'
import { Instance } from './syncthing-instance.ts'

export const syncthing: Contender = {
  name: 'Syncthing',
  version: async () =>
    (await firstLine('syncthing', ['--version']))?.split(' ').slice(0, 2).join(' ') ?? null,
  open,
}

async function open(root: string, { countWire }: OpenOptions): Promise<Instances> {
  const [a, b] = await Promise.all([Instance.create(root, 'a'), Instance.create(root, 'b')])
  // One before each, because either may be the one that connects.
  const proxies = countWire ? [await CountingProxy.before(a.port), await CountingProxy.before(b.port)] : []
  a.configure(b, proxies[1]?.port ?? b.port)
  b.configure(a, proxies[0]?.port ?? a.port)
  const instances = new Instances(a, b, proxies)
  try {
    await Promise.all([a.start(), b.start()])
    await instances.comeToRest()
  } catch (error) {
    await instances.close()
    throw error
  }
  return instances
}

class Instances implements Pair, Live {
  readonly a: string
  readonly b: string
  readonly live = this
  readonly #a: Instance
  readonly #b: Instance
  readonly #proxies: readonly CountingProxy[]

  constructor(a: Instance, b: Instance, proxies: readonly CountingProxy[]) {
    this.#a = a
    this.#b = b
    this.#proxies = proxies
    this.a = a.folder
    this.b = b.folder
  }

  async comeToRest(): Promise<void> {
    await this.#untilConnected()
    await untilIdle(Object.values(this.#processes()))
  }

  carry(change: Change) {
    return carryLive(
      {
        processes: this.#processes(),
        // Else it waits a second and more before it looks.
        tellToLook: () => this.#a.scan(),
        wireBytes: () =>
          this.#proxies.length === 0 ? null : this.#proxies.reduce((sum, { bytes }) => sum + bytes, 0),
      },
      change,
    )
  }

  async rescan(): Promise<Rescanned> {
    const before = this.#a.process.processorSeconds
    const start = performance.now()
    await this.#a.scan()
    const seconds = (performance.now() - start) / 1000
    return { seconds, processorSeconds: this.#a.process.processorSeconds - before }
  }

  peaks() {
    return { A: this.#a.process.peakBytes, B: this.#b.process.peakBytes }
  }

  async restart(): Promise<void> {
    await this.#a.stop()
    await this.#a.start()
    await this.#untilConnected()
  }

  residentBytes(): number {
    return this.#a.process.residentBytes
  }

  processor() {
    return processorOf(this.#processes())
  }

  async close(): Promise<void> {
    await Promise.all([this.#a.stop(), this.#b.stop()])
    await Promise.all(this.#proxies.map((proxy) => proxy.close()))
  }

  async #untilConnected(): Promise<void> {
    const bothAtRest = async () => (await this.#a.isAtRest()) && (await this.#b.isAtRest())
    await until('Syncthing is connected and at rest', bothAtRest, { everyMs: 20, withinMs: 120_000 })
  }

  #processes() {
    return { A: this.#a.process, B: this.#b.process }
  }
}
