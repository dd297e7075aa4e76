/** Syncthing: two instances on loopback that know each other and nobody else. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Child, firstLine, run, sleep, until } from '../measure/child.ts'
import type { Carried, Contender, LivePair, Pair } from './contender.ts'

/** Both have looked at their folders and told each other by then. */
const REST_MS = 2_000
const ENVIRONMENT = { STNODEFAULTFOLDER: '1', STNOUPGRADE: '1' }
const SWITCHED_OFF = [
  'globalAnnounceEnabled',
  'localAnnounceEnabled',
  'relaysEnabled',
  'natEnabled',
  'startBrowser',
  'crashReportingEnabled',
]

export const syncthing: Contender = {
  name: 'Syncthing',
  version: async () =>
    (await firstLine('syncthing', ['--version']))?.split(' ').slice(0, 2).join(' ') ?? null,
  open,
  async openLive(root): Promise<LivePair> {
    const pair = await open(root)
    return { a: pair.a, b: pair.b, restingBytes: () => pair.restingBytes(), close: () => pair.close() }
  },
}

async function open(root: string): Promise<Instances> {
  const a = await Instance.create(root, 'a')
  const b = await Instance.create(root, 'b')
  a.configure(b)
  b.configure(a)
  await Promise.all([a.start(), b.start()])
  await until('they are connected', async () => (await a.isConnected()) && (await b.isConnected()), {
    everyMs: 100,
    withinMs: 120_000,
  })
  await sleep(REST_MS)
  return new Instances(a, b)
}

class Instances implements Pair {
  readonly a: string
  readonly b: string
  readonly #a: Instance
  readonly #b: Instance

  constructor(a: Instance, b: Instance) {
    this.#a = a
    this.#b = b
    this.a = a.folder
    this.b = b.folder
  }

  async carry(isThere: () => boolean): Promise<Carried> {
    const before = await this.#b.receivedBytes()
    const start = performance.now()
    await this.#a.scan()
    await until('B has it', isThere)
    const seconds = (performance.now() - start) / 1000
    await sleep(1_000)
    const movedBytes = (await this.#b.receivedBytes()) - before
    return { seconds, parts: {}, movedBytes, records: null }
  }

  async rescan(): Promise<number> {
    await sleep(500)
    const start = performance.now()
    await this.#a.scan()
    return (performance.now() - start) / 1000
  }

  async rescanPeakBytes(): Promise<number> {
    await this.rescan()
    return this.#a.peakBytes
  }

  peaks() {
    return { A: this.#a.peakBytes, B: this.#b.peakBytes }
  }

  async restingBytes(): Promise<number> {
    await this.#a.stop()
    await this.#a.start()
    await sleep(3 * REST_MS)
    return this.#a.residentBytes
  }

  async close(): Promise<void> {
    await Promise.all([this.#a.stop(), this.#b.stop()])
  }
}

class Instance {
  readonly folder: string
  readonly #name: string
  readonly #home: string
  #id = ''
  #key = ''
  #webPort = 0
  #syncPort = 0
  #process: Child | null = null

  private constructor(root: string, name: string) {
    this.#name = name
    this.#home = join(root, name, 'home')
    this.folder = join(root, name, 'files')
  }

  static async create(root: string, name: string): Promise<Instance> {
    const made = new Instance(root, name)
    mkdirSync(made.folder, { recursive: true })
    made.#webPort = await freePort()
    made.#syncPort = await freePort()
    await run('syncthing', ['generate', `--home=${made.#home}`, '--no-default-folder'], { env: ENVIRONMENT })
    const { stdout } = await run('syncthing', ['--device-id', `--home=${made.#home}`], { env: ENVIRONMENT })
    made.#id = stdout.trim()
    return made
  }

  get peakBytes(): number {
    return this.#process?.peakBytes ?? 0
  }

  get residentBytes(): number {
    return this.#process?.residentBytes ?? 0
  }

  configure(peer: Instance): void {
    const path = join(this.#home, 'config.xml')
    let text = readFileSync(path, 'utf8')
      .replace(/<address>127\.0\.0\.1:\d+<\/address>/, `<address>127.0.0.1:${this.#webPort}</address>`)
      .replace(
        /<listenAddress>.*?<\/listenAddress>/,
        `<listenAddress>tcp://127.0.0.1:${this.#syncPort}</listenAddress>`,
      )
      .replace(/<reconnectionIntervalS>\d+/, '<reconnectionIntervalS>3')
    for (const name of SWITCHED_OFF)
      text = text.replaceAll(`<${name}>true</${name}>`, `<${name}>false</${name}>`)
    const folder =
      `<folder id="f" path="${this.folder}" type="sendreceive" rescanIntervalS="3600" fsWatcherEnabled="true" fsWatcherDelayS="1">` +
      `<filesystemType>basic</filesystemType><device id="${this.#id}"/><device id="${peer.#id}"/></folder>` +
      `<device id="${peer.#id}" name="${peer.#name}" compression="never"><address>tcp://127.0.0.1:${peer.#syncPort}</address></device>`
    text = text.replace(/<configuration[^>]*>/, (tag) => tag + folder)
    writeFileSync(path, text)
    this.#key = /<apikey>(.*?)<\/apikey>/.exec(text)![1]!
  }

  async start(): Promise<void> {
    const args = ['serve', '--no-browser', '--no-restart', `--home=${this.#home}`]
    this.#process = new Child('syncthing', args, { env: ENVIRONMENT })
    await until(
      'Syncthing answers',
      () =>
        this.#ask('/rest/system/ping').then(
          () => true,
          () => false,
        ),
      {
        everyMs: 100,
        withinMs: 60_000,
      },
    )
  }

  async stop(): Promise<void> {
    await this.#process?.stop()
  }

  async scan(): Promise<void> {
    await this.#ask('/rest/db/scan?folder=f', 'POST')
  }

  async isConnected(): Promise<boolean> {
    const { connections } = await this.#connections()
    return Object.values(connections).some(({ connected }) => connected)
  }

  async receivedBytes(): Promise<number> {
    return (await this.#connections()).total.inBytesTotal
  }

  async #connections() {
    return (await this.#ask('/rest/system/connections')) as {
      readonly connections: Readonly<Record<string, { readonly connected: boolean }>>
      readonly total: { readonly inBytesTotal: number }
    }
  }

  async #ask(path: string, method = 'GET'): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${this.#webPort}${path}`, {
      method,
      headers: { 'X-API-Key': this.#key },
    })
    if (!answer.ok) throw new Error(`Syncthing answered ${method} ${path} with ${answer.status}`)
    const text = await answer.text()
    return text === '' ? null : JSON.parse(text)
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
