/** Two devices and a server, as processes that are killed and started again. */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type LiveProcess, startLive } from 'pileus/story/live'
import { type DeviceOf, joinedDevice } from 'pileus/story/person'
import { type ServerProcess, startServer } from 'pileus/story/server'
import { Tap } from './tap.ts'
import { Uploads } from './uploads.ts'

export interface Machine {
  readonly name: string
  readonly device: DeviceOf
  readonly tap: Tap
}

export class Household {
  readonly uploads = new Uploads()
  readonly machines: Machine[] = []
  /** Goes up when the server is killed and when it is there again: odd while it is away. */
  serverChanges = 0
  readonly #root: string
  #server: ServerProcess
  readonly #port: string
  readonly #syncs = new Set<LiveProcess>()
  #restarting: Promise<void> = Promise.resolve()
  #closed = false

  private constructor(root: string, server: ServerProcess) {
    this.#root = root
    this.#server = server
    this.#port = new URL(server.url).port
  }

  /** An account with devices of these names, each of which reaches the server through a tap of its own. */
  static async open(names: readonly string[]): Promise<Household> {
    const root = mkdtempSync(join(tmpdir(), 'pileus-torture-'))
    const household = new Household(root, await startServer(root, SERVER_ENV))
    try {
      for (const [index, name] of names.entries()) {
        const tap = await Tap.open(Number(household.#port), household.uploads)
        const device = await joinedDevice(root, name, index === 0 ? 'signup' : 'login', tap.url)
        household.machines.push({ name, device, tap })
      }
      return household
    } catch (error) {
      await household.close()
      throw error
    }
  }

  /** Starts `sync --once`, or the `sync` that stays. */
  startSync({ device, tap }: Machine, stays: boolean): LiveProcess {
    this.#requireOpen()
    tap.forget()
    const sync = startLive(device, { command: stays ? ['sync'] : ['sync', '--once', '--json'] })
    this.#syncs.add(sync)
    sync.ended.then(() => this.#syncs.delete(sync))
    return sync
  }

  /** Kills the server in this very moment; resolves once it runs again. */
  async killServer(): Promise<void> {
    await this.#restart('SIGKILL')
  }

  /** Stops the server in order and starts it again. */
  async restartServer(): Promise<void> {
    await this.#restart('SIGTERM')
  }

  /** What an orderly server has no reason to keep. */
  leftOnServer(): string[] {
    return readdirSync(join(this.#root, 'data/blobs/incoming'))
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#syncs].map((sync) => sync.stop('SIGKILL')))
    await this.#restarting.catch(() => undefined)
    for (const { tap } of this.machines) tap.close()
    await this.#server.stop('SIGKILL')
    rmSync(this.#root, { recursive: true, force: true })
  }

  #restart(signal: NodeJS.Signals): Promise<void> {
    this.#requireOpen()
    this.serverChanges++
    const stopped = this.#server.stop(signal)
    this.#restarting = stopped.then(async () => {
      this.#server = await startServer(this.#root, { ...SERVER_ENV, PILEUS_PORT: this.#port })
      this.serverChanges++
    })
    return this.#restarting
  }

  /** What goes on beside a failure must not start anything new. */
  #requireOpen(): void {
    if (this.#closed) throw new Error('the household is closed')
  }
}

const SERVER_ENV = { PILEUS_LOG_LEVEL: 'warn', PILEUS_QUOTA_BYTES: String(2 ** 40) }

/** Resolves once a sync that stays says that nothing is left to do; never when it is ended before. */
export async function upToDate(sync: LiveProcess): Promise<void> {
  let isRunning = true
  sync.ended.then(() => {
    isRunning = false
  })
  while (!sync.output().includes('is up to date')) {
    if (!isRunning) return new Promise(() => {})
    await pause(50)
  }
}
