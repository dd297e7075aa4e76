/**
 * The server of a simulation: the real rules over memory engines. It can end at any write of an engine, take its time
 * to write, be away for a while, and be set back to an earlier state.
 */
import { Unreachable } from '@pileus/client/remote/remote'
import type { ChunkId, PackId } from '@pileus/core/ids/ids'
import type { EndpointName } from '@pileus/core/protocol/endpoints'
import { memoryAccounts } from '@pileus/server/accounts/memory'
import { memoryBlobs } from '@pileus/server/blobs/memory'
import { memoryLive } from '@pileus/server/live/memory'
import type { AnswerOf } from '@pileus/server/rules/call'
import type { Engines, Environment } from '@pileus/server/rules/environment'
import { RATE_LIMITS, type RateLimits } from '@pileus/server/rules/rate-limits'
import { createService, type Service, type ServiceRequest } from '@pileus/server/rules/service'
import { upkeep } from '@pileus/server/rules/upkeep'
import { memoryZones } from '@pileus/server/zones/memory'
import { quickCrypto } from '../stand-ins/crypto.ts'
import { passwordServer } from '../stand-ins/password.ts'
import type { Chance } from '../world/random.ts'
import { never, type Timeline } from './timeline.ts'

/** One write of an engine, as it can be done again on another. */
export interface Write {
  readonly engine: 'accounts' | 'zones' | 'blobs'
  readonly method: string
  readonly args: readonly unknown[]
}

export interface ServerParts {
  readonly timeline: Timeline
  readonly chance: Chance
  readonly quotaBytes: number
  /** Milliseconds that a write takes at most. */
  readonly writeMs: number
  /** What unexpected thing happened. */
  readonly failed: (error: unknown) => void
}

const WRITES: Readonly<Record<Write['engine'], readonly string[]>> = {
  accounts: [
    ...['create', 'setPassword', 'addDevice', 'removeDevice', 'seen', 'openSession', 'endSession'],
    ...['setMembership', 'reserve', 'release', 'audit', 'expire'],
  ],
  zones: ['create', 'appendLog', 'commit', 'raiseIncarnation', 'addPack', 'setSyncState', 'prune'],
  blobs: ['put', 'remove'],
}

const TOLD: ReadonlySet<string> = new Set(['commit', 'addPack', 'appendLog'])

const UNLIMITED = { count: Number.POSITIVE_INFINITY, seconds: 60 }

export class SimulatedServer {
  readonly #parts: ServerParts
  #engines: Omit<Engines, 'live'> = freshEngines()
  #journal: Write[] = []
  #told = 0
  #service!: Service
  #environment!: Environment
  /** Goes up whenever the process ends: what the one before waits for never comes. */
  #life = 0
  #writesLeft = Number.POSITIVE_INFINITY
  #downMs = 0
  readonly #underWay = new Set<(why: Error) => void>()
  up = true
  /** How often it was set back. */
  restored = 0
  /** Called with the chunks of each pack that was stored. */
  stored: (pack: PackId, chunks: readonly ChunkId[]) => void = () => {}

  constructor(parts: ServerParts) {
    this.#parts = parts
    this.#begin()
  }

  /** Which process it is: what one began to answer no other ends. */
  get life(): number {
    return this.#life
  }

  /** How much has happened: what `restore` takes. */
  get written(): number {
    return this.#journal.length
  }

  get journal(): readonly Write[] {
    return this.#journal
  }

  /** How much of that devices told it: records, packs and log entries. */
  get told(): number {
    return this.#told
  }

  /** Does all this on the empty engines. */
  async load(journal: readonly Write[]): Promise<void> {
    this.#engines = freshEngines()
    this.#journal = [...journal]
    this.#told = journal.filter(({ method }) => TOLD.has(method)).length
    for (const { engine, method, args } of journal) await perform(this.#engines[engine], method, args)
  }

  /** Answers, or throws Problem, or Unreachable when the process is not there or ends meanwhile. */
  async call<N extends EndpointName>(name: N, request: ServiceRequest<N>): Promise<AnswerOf<N>> {
    if (!this.up) throw new Unreachable('nobody listens there', undefined)
    return this.whileUp(this.#service.call(name, request))
  }

  /** What this promise gives, unless the process ends before. */
  whileUp<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const broken = (why: Error) => reject(why)
      this.#underWay.add(broken)
      const settle = () => this.#underWay.delete(broken)
      work.then(
        (value) => {
          settle()
          resolve(value)
        },
        (error) => {
          settle()
          reject(error)
        },
      )
    })
  }

  /** Calls this once, when the process ends. The returned function takes that back. */
  whenEnded(tell: (why: Error) => void): () => void {
    this.#underWay.add(tell)
    return () => this.#underWay.delete(tell)
  }

  /** The process ends now, at any rate, and is there again after so long. */
  crash(downMs: number): void {
    this.up = false
    this.#life++
    this.#writesLeft = Number.POSITIVE_INFINITY
    const life = this.#life
    const underWay = [...this.#underWay]
    this.#underWay.clear()
    for (const broken of underWay) broken(new Unreachable('the connection broke', undefined, true))
    this.#parts.timeline.after(downMs, () => {
      if (this.#life === life) this.#begin()
    })
  }

  /** The process ends at the n-th write from now. */
  crashAfter(writes: number, downMs: number): void {
    this.#writesLeft = writes
    this.#downMs = downMs
  }

  /** Ends no more, and is there. */
  heal(): void {
    this.#writesLeft = Number.POSITIVE_INFINITY
    if (!this.up) this.#begin()
  }

  /** As after a restore from a backup that was made when so much had happened. */
  async restore(written: number): Promise<void> {
    this.crash(0)
    await this.load(this.#journal.slice(0, written))
    this.restored++
    this.#begin()
  }

  upkeep(): Promise<void> {
    return upkeep(this.#environment)
  }

  #begin(): void {
    this.up = true
    const life = ++this.#life
    const { timeline, chance, quotaBytes, failed } = this.#parts
    this.#environment = {
      engines: {
        accounts: this.#ofThisLife(life, 'accounts'),
        zones: this.#ofThisLife(life, 'zones'),
        blobs: this.#ofThisLife(life, 'blobs'),
        live: memoryLive(() => timeline.now),
      },
      clock: () => timeline.now,
      random: chance.fork().bytes,
      crypto: quickCrypto,
      opaque: passwordServer,
      rateLimits: Object.fromEntries(
        Object.keys(RATE_LIMITS).map((name) => [name, UNLIMITED]),
      ) as unknown as RateLimits,
      quotaBytes,
      observer: {
        pushed() {},
        deduplicated() {},
        stored() {},
        directed() {},
        failed: (_, error) => failed(error),
      },
    }
    this.#service = createService(this.#environment)
  }

  /** The engine as one process sees it. */
  #ofThisLife<E extends Write['engine']>(life: number, engine: E): Engines[E] {
    const methods = Object.keys(this.#engines[engine]) as string[]
    const calls = methods.map((method) => {
      const writes = WRITES[engine].includes(method)
      return [
        method,
        (...args: unknown[]) =>
          writes ? this.#write(life, engine, method, args) : this.#read(life, engine, method, args),
      ]
    })
    return Object.fromEntries(calls) as Engines[E]
  }

  #read(life: number, engine: Write['engine'], method: string, args: readonly unknown[]): Promise<unknown> {
    if (life !== this.#life) return never()
    return perform(this.#engines[engine], method, args)
  }

  async #write(
    life: number,
    engine: Write['engine'],
    method: string,
    args: readonly unknown[],
  ): Promise<unknown> {
    const { timeline, chance, writeMs } = this.#parts
    const kept = method === 'put' ? [args[0], await collected(args[1] as AsyncIterable<Uint8Array>)] : args
    if (writeMs > 0) await timeline.sleep(Math.ceil(writeMs * chance.fraction()))
    if (life !== this.#life) return never()
    const last = --this.#writesLeft <= 0
    if (last && chance.happens(0.5)) {
      this.crash(this.#downMs)
      return never()
    }
    this.#journal.push({ engine, method, args: kept })
    if (TOLD.has(method)) this.#told++
    const result = await perform(this.#engines[engine], method, kept)
    if (method === 'addPack' && result === true) {
      const [, pack, , places] = args as [unknown, PackId, unknown, { chunk: ChunkId }[]]
      this.stored(
        pack,
        places.map(({ chunk }) => chunk),
      )
    }
    if (last) {
      this.crash(this.#downMs)
      return never()
    }
    return result
  }
}

function freshEngines(): Omit<Engines, 'live'> {
  return { accounts: memoryAccounts(), zones: memoryZones(), blobs: memoryBlobs() }
}

function perform(engine: object, method: string, args: readonly unknown[]): Promise<unknown> {
  const given = method === 'put' ? [args[0], pieceOf(args[1] as Uint8Array)] : args
  return (engine as Record<string, (...args: unknown[]) => Promise<unknown>>)[method]!(...given)
}

async function collected(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = []
  for await (const part of parts) all.push(new Uint8Array(part))
  return all.length === 1 ? all[0]! : new Uint8Array(Buffer.concat(all))
}

async function* pieceOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
