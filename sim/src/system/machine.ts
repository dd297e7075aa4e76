/**
 * A device of a simulation: its disk, its local database, its line, and at most one process of the client on it, which
 * can end at any change of the disk or the database.
 */
import type { DeviceAccount, SignedIn } from '@pileus/client/account/account'
import type { SyncOptions } from '@pileus/client/drive/context'
import { type Drive, openDrive } from '@pileus/client/drive/drive'
import { openDriveZone } from '@pileus/client/drive/zone'
import type { Location } from '@pileus/client/files/files'
import { type MemoryFiles, memoryFiles } from '@pileus/client/files/memory'
import { Crash } from '@pileus/client/files/memory-area'
import { writeMarker } from '@pileus/client/folder/marker'
import type { WatchHeard } from '@pileus/client/folder/watch/watch'
import { type LiveStatus, runLive } from '@pileus/client/live/live-drive'
import { httpRemote } from '@pileus/client/remote/http'
import { retrying } from '@pileus/client/remote/retry'
import { deviceSession, signedIn } from '@pileus/client/remote/session'
import { tables } from '@pileus/client/replica/tables'
import { type MemoryStore, memoryStore, StoreCrash } from '@pileus/client/store/memory'
import type { Store } from '@pileus/client/store/store'
import type { ZoneId } from '@pileus/core/ids/ids'
import type { EndpointName } from '@pileus/core/protocol/endpoints'
import { quickCrypto } from '../stand-ins/crypto.ts'
import { chanceOf } from '../world/random.ts'
import { FAIR, type LineParts, simulatedCalls, type Weather } from './calls.ts'
import { simulatedLine } from './live-line.ts'
import { Meddling } from './meddling.ts'
import { newProcess, type Outcome, type Process } from './process.ts'
import type { SimulatedServer } from './server.ts'
import { never, type Timeline } from './timeline.ts'

/** Told of everything that can be seen from outside. */
export interface Witness {
  /** The client changed something. `before` is not told: who wants it keeps it. */
  changed(machine: Machine, operation: string, at: readonly Location[]): void
  sent(machine: Machine, process: Process, name: EndpointName, bytes: Uint8Array): void
  ended(machine: Machine, process: Process, outcome: Outcome): void
  /** A process that goes on has done what there was to do. */
  rested(machine: Machine): void
  note(machine: Machine, what: string): void
  failed(error: unknown): void
}

export interface MachineParts {
  readonly timeline: Timeline
  readonly server: SimulatedServer
  readonly account: DeviceAccount
  readonly zone: ZoneId
  readonly witness: Witness
  readonly caseInsensitive: boolean
  /** Events of the watch that get lost, and announcements. */
  readonly hintsLost: number
}

/** What a backup of a machine holds. */
export interface Backup {
  readonly rows: readonly (readonly [table: string, key: string, value: string | Uint8Array])[]
}

/** So few that pushing ahead and crashes between commits happen in small runs. */
const COMMIT_FILES = 2
const WATCH_MS = 4
/** No two disks have a file of one number: where an image is put on another disk, its files are others. */
const INODES = 100_000

export class Machine {
  readonly name: string
  parts: MachineParts
  files!: MemoryFiles
  store: MemoryStore = memoryStore()
  weather: Weather = { ...FAIR }
  /** How wrong its clock is, in milliseconds. */
  skewMs = 0
  process: Process | null = null
  /** Whether it stays in sync when nothing ends it. */
  live = false
  liveState: LiveStatus['now'] | null = null
  /** It was taken out of the account. */
  removed = false
  readonly meddling: Meddling
  #kept: { readonly process: Process; readonly drive: Drive } | null = null
  #acting = 0
  #watchers = new Set<WatchHeard>()

  constructor(parts: MachineParts) {
    this.parts = parts
    this.name = parts.account.deviceName
    this.meddling = new Meddling(parts.witness.failed)
    this.newDisk()
  }

  /** Another disk, with an empty folder linked to the zone. */
  newDisk(): void {
    const { timeline, caseInsensitive, zone } = this.parts
    const files = memoryFiles({
      clock: () => timeline.now + this.skewMs,
      caseInsensitive,
      firstInode: Number(/\d+$/.exec(this.name)![0]) * INODES,
      observe: ({ operation, at }) => this.#changed(operation, at),
    })
    this.files = files
    this.asPerson(() => writeMarker(files, zone))
  }

  /** An empty database. */
  newStore(): void {
    this.leave()
    this.store = memoryStore()
  }

  /** What a person's programs do on this disk. */
  asPerson<T>(work: () => T): T {
    this.#acting++
    try {
      return this.files.asPerson(work)
    } finally {
      this.#acting--
    }
  }

  backUp(): Backup {
    const names = ['meta', ...Object.values(tables).map(({ name }) => name)]
    const rows = names.flatMap((table) =>
      [...this.store.scan(table)].map(([key, value]) => [table, key, value] as const),
    )
    return { rows }
  }

  restore({ rows }: Backup): void {
    this.newStore()
    this.store.transaction('durable', (tx) => {
      for (const [table, key, value] of rows) tx.put(table, key, value)
    })
  }

  /** The image of another device runs here: one key, one database, two machines. */
  cloneOf({ parts }: Machine, backup: Backup): void {
    this.parts = { ...this.parts, account: parts.account }
    this.restore(backup)
  }

  /** One sync, as a process that starts, syncs and ends. */
  syncOnce(seed: number, options: SyncOptions = {}): Process {
    this.leave()
    return this.syncAgain(seed, options)
  }

  /** The same by the process that did so before, if nothing ended it: opening a zone takes most of a small sync. */
  syncAgain(seed: number, options: SyncOptions = {}): Process {
    const kept = this.#kept
    if (!kept) {
      return this.#start('once', seed, async (process) => {
        const { drive } = await this.#open(process)
        this.#kept = { process, drive }
        return { kind: 'report', report: await drive.syncOnce(options) }
      })
    }
    kept.process.alive = true
    kept.process.momentsLeft = Number.POSITIVE_INFINITY
    kept.process.late = false
    return this.#run(kept.process, async () => ({
      kind: 'report',
      report: await kept.drive.syncOnce(options),
    }))
  }

  /** The process that waited to sync again ends. */
  leave(): void {
    this.#kept = null
  }

  /** A process that stays in sync. */
  stayInSync(seed: number): Process {
    this.leave()
    const stop = new AbortController()
    const started = this.#start('live', seed, async (process) => {
      const { drive, line } = await this.#open(process, stop.signal)
      const { timeline, zone } = this.parts
      await runLive(
        {
          drive,
          line,
          zone,
          watch: { start: (heard) => this.#watch(process, heard) },
          timers: { after: (ms, act) => timeline.after(ms, () => void (process.alive && act())) },
          clock: () => timeline.now,
          wallClock: () => timeline.now + this.skewMs,
          random: process.chance.bytes,
          told: ({ now }) => {
            this.liveState = now
            if (now.state === 'up-to-date') this.parts.witness.rested(this)
          },
        },
        stop.signal,
      ).catch((error) => {
        if (!stop.signal.aborted) throw error
      })
      return { kind: 'done' }
    })
    started.stop = () => stop.abort(new Error('stopped'))
    return started
  }

  /** Work in an account's name, as a process that starts, does it and ends. */
  inProcess(seed: number, work: (signed: SignedIn) => Promise<void>): Process {
    return this.#start('other', seed, async (process) => {
      await work(this.#signIn(process).signed)
      return { kind: 'done' }
    })
  }

  /** The process is gone at once. */
  kill(survival: Process['survival']): void {
    const { process } = this
    if (!process) return
    process.alive = false
    process.survival = survival
    this.#bury(process)
  }

  #start(what: Process['what'], seed: number, work: (process: Process) => Promise<Outcome>): Process {
    const process = newProcess(what, chanceOf(seed))
    return this.#run(process, work)
  }

  #run(process: Process, work: (process: Process) => Promise<Outcome>): Process {
    if (this.process) throw new Error(`${this.name} has a process already`)
    const ended = Promise.withResolvers<Outcome>()
    process.ended = ended.promise
    this.process = process
    this.#endings.set(process, ended.resolve)
    work(process).then(
      // One that was about to end had nothing left to do before it did.
      (outcome) => (process.doomed ? this.#bury(process) : this.#end(process, outcome)),
      (error: unknown) => {
        if (!process.alive) return
        const isCrash = error instanceof Crash || error instanceof StoreCrash
        // One that was about to end does so, whatever else it met; its disk would fail the next one.
        if (!isCrash && !process.doomed) return this.#end(process, { kind: 'failed', error })
        process.alive = false
        this.#bury(process)
      },
    )
    return process
  }

  readonly #endings = new Map<Process, (outcome: Outcome) => void>()

  #end(process: Process, outcome: Outcome): void {
    if (this.process !== process) return
    process.alive = false
    this.process = null
    this.liveState = null
    this.#watchers.clear()
    this.parts.witness.ended(this, process, outcome)
    this.#endings.get(process)?.(outcome)
    this.#endings.delete(process)
  }

  /** What the disk and the database are after the end of a process that nobody asked. */
  #bury(process: Process): void {
    if (this.process !== process) return
    const { chance } = process
    const survival = process.survival === 'some' ? () => chance.fraction() : process.survival
    this.files.crash(survival)
    this.store.crash(survival)
    this.leave()
    this.#end(process, { kind: 'killed' })
  }

  /** The disk was changed, or the database is about to be: the process may end here. */
  #moment(process: Process): void {
    if (process.alive) this.meddling.moment()
    if (process.alive && !process.doomed) {
      if (--process.momentsLeft > 0) return
      if (process.late) {
        process.doomed = true
        this.files.failAfter(1)
        return
      }
    }
    if (process.alive) {
      process.alive = false
      // Whatever it still tries while its last call fails does not happen either.
      this.files.failAfter(1)
      this.parts.timeline.after(0, () => this.#bury(process))
    }
    throw new StoreCrash()
  }

  #changed(operation: string, at: readonly Location[]): void {
    this.#tellWatchers(at)
    const { process } = this
    if (this.#acting > 0 || !process) return
    this.parts.witness.note(this, `${operation} ${at.map(({ area, path }) => `${area}/${path}`).join(' ')}`)
    this.parts.witness.changed(this, operation, at)
    try {
      this.#moment(process)
    } catch {
      throw new Crash(operation)
    }
  }

  #watch(process: Process, heard: WatchHeard): { close(): void; renew(anew: boolean): void } {
    this.#watchers.add(heard)
    return {
      close: () => this.#watchers.delete(heard),
      renew: () => void (process.alive && this.#watchers.add(heard)),
    }
  }

  #tellWatchers(at: readonly Location[]): void {
    const { timeline, hintsLost } = this.parts
    const { process } = this
    if (this.#watchers.size === 0 || !process) return
    for (const { area, path } of at) {
      if (area !== 'folder' || path === '' || process.chance.happens(hintsLost)) continue
      const slash = path.lastIndexOf('/')
      const folder = path.slice(0, Math.max(0, slash))
      const name = path.slice(slash + 1)
      timeline.after(WATCH_MS, () => {
        if (process.alive) for (const heard of this.#watchers) heard.changed(folder, name)
      })
    }
  }

  #signIn(process: Process) {
    const { timeline, server, account, witness } = this.parts
    const { chance } = process
    const alive = () => process.alive
    const line: LineParts = {
      timeline,
      server,
      chance: chance.fork(),
      weather: () => this.weather,
      alive,
      sent: (name, bytes) => witness.sent(this, process, name, bytes),
      note: (what) => witness.note(this, what),
      failed: witness.failed,
    }
    const random = chance.fork().bytes
    const clock = () => timeline.now + this.skewMs
    const pause = async (milliseconds: number) => {
      await timeline.sleep(milliseconds)
      if (!process.alive) await never()
    }
    const calls = retrying(simulatedCalls(line), { random, pause })
    const session = deviceSession({ calls, crypto: quickCrypto, clock, device: account.device })
    const context = { calls, crypto: quickCrypto, random, clock }
    const signed: SignedIn = { context, calls: signedIn(calls, session), device: account }
    const live = simulatedLine({ ...line, chance: chance.fork(), session, lost: this.parts.hintsLost })
    return { signed, line: live }
  }

  async #open(process: Process, signal?: AbortSignal) {
    signal?.throwIfAborted()
    const { account, zone } = this.parts
    const { signed, line } = this.#signIn(process)
    const { random, clock } = signed.context
    const opened = await openDriveZone(signed, zone)
    const drive: Drive = openDrive({
      remote: httpRemote(signed.calls),
      zone: opened,
      files: this.meddling.seenBy(this.files),
      store: this.#storeOf(process),
      crypto: quickCrypto,
      random,
      clock,
      breathe: async () => undefined,
      deviceSeed: account.device.seed,
      deviceName: this.name,
      commitFiles: COMMIT_FILES,
    })
    return { drive, line }
  }

  #storeOf(process: Process): Store {
    const { store } = this
    return {
      get: (table, key) => store.get(table, key),
      scan: (table, range) => store.scan(table, range),
      count: (table) => store.count(table),
      transaction: (durability, work) => {
        this.#moment(process)
        return store.transaction(durability, work)
      },
      close: () => undefined,
    }
  }
}
