/** One process of Syncthing on loopback, with a folder, that knows one other and nobody else. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Child, run } from '../measure/child.ts'
import { until } from '../measure/waiting.ts'

const ENVIRONMENT = { STNODEFAULTFOLDER: '1', STNOUPGRADE: '1' }
const SWITCHED_OFF = [
  'globalAnnounceEnabled',
  'localAnnounceEnabled',
  'relaysEnabled',
  'natEnabled',
  'startBrowser',
  'crashReportingEnabled',
]

export class Instance {
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

  /** The running process. */
  get process(): Child {
    if (this.#process === null) throw new Error('Syncthing was not started')
    return this.#process
  }

  /** Where others reach it. */
  get port(): number {
    return this.#syncPort
  }

  /** `peerPort` is where the peer is reached. */
  configure(peer: Instance, peerPort: number): void {
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
      `<device id="${peer.#id}" name="${peer.#name}" compression="never"><address>tcp://127.0.0.1:${peerPort}</address></device>`
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

  /** Whether it is connected to the other and neither looks through the folder nor fetches. */
  async isAtRest(): Promise<boolean> {
    const { connections } = (await this.#ask('/rest/system/connections')) as {
      readonly connections: Readonly<Record<string, { readonly connected: boolean }>>
    }
    const { state } = (await this.#ask('/rest/db/status?folder=f')) as { readonly state: string }
    return state === 'idle' && Object.values(connections).some(({ connected }) => connected)
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
