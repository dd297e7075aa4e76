/**
 * A drive that stays in sync: it hears the server, watches the folder, and does what they hint at; now and then, and
 * whenever hints may have been lost, it looks at everything. It needs no help with sleep, lost networks and restarted
 * servers.
 */
import { Problem } from '@pileus/core/protocol/problem'
import type { SyncOptions } from '../drive/context.ts'
import { type Attention, type Drive, NotQuiet, type SyncReport } from '../drive/drive.ts'
import { FileError } from '../files/files.ts'
import { FolderLost } from '../folder/marker.ts'
import type { Watch, Watching } from '../folder/watch/watch.ts'
import { Unreachable } from '../remote/remote.ts'
import { Agenda, type Work } from './agenda.ts'
import { keepListening, type ListeningParts } from './listening.ts'

type WorkingNow = Parameters<NonNullable<SyncOptions['progress']>>[0]

export type LiveState =
  | { readonly state: 'up-to-date' }
  | ({ readonly state: 'working' } & WorkingNow)
  /** The server does not answer; it is tried again. */
  | { readonly state: 'offline'; readonly why: string }
  /** Something here or there stands in the way; it is tried again. */
  | { readonly state: 'problem'; readonly why: string }

/** What waits for the person is as it was when the last work ended; of the paths the first are told. */
export interface LiveStatus extends Attention {
  readonly now: LiveState
  /** What works less well than it could, a sentence each. */
  readonly notes: readonly string[]
}

/** What is told before a drive has looked at anything. */
export const NOTHING_WAITS: Attention = { heldDeletions: 0, problems: [], conflicts: [] }

export interface LiveDriveParts extends ListeningParts {
  readonly drive: Pick<Drive, 'syncOnce' | 'syncHinted' | 'attention' | 'folderNow'>
  readonly watch: Watch
  readonly told: (status: LiveStatus) => void
  /** For the first sync. */
  readonly heldDeletions?: SyncOptions['heldDeletions']
}

/** Everything is looked at this often, and oftener where not everything can be watched. */
const EVERYTHING_EVERY_MS = 300_000
const EVERYTHING_EVERY_LIMITED_MS = 60_000
/** Looking at everything takes at most this part of the time. */
const EVERYTHING_SHARE = 1 / 50
/** The server is asked after so long while the live channel is not open, and ever more seldom while nothing happens. */
const ASK_FIRST_MS = 5_000
const ASK_LAST_MS = 60_000
/** What is gone from its place may still turn up elsewhere: this long, or some times as long as a look takes. */
const SETTLE_MS = 150
const SETTLE_TIMES = 3
/** A file that could not be read is left alone for so long, or some times as long as the attempt took. */
const UNREAD_REST_MS = 1_000
const UNREAD_REST_TIMES = 4
/** Or until it was quiet for this part of that: then it may stay so for another attempt. */
const UNREAD_QUIET_PART = 0.5
/** A folder that went away is looked for this often. */
const LOST_PAUSE_MS = 2_000
const PATHS_TOLD = 10
const ASK_WORDS = `${ASK_FIRST_MS / 1_000} to ${ASK_LAST_MS / 1_000}`
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000
const PROBLEM_PAUSE_MS = 15_000

const EVERYTHING: Work = { kind: 'everything' }

type HeldDeletions = NonNullable<SyncOptions['heldDeletions']>

/** Somebody waits for everything to be looked at. */
interface AskedLook {
  readonly heldDeletions: HeldDeletions
  readonly answer: PromiseWithResolvers<SyncReport>
}

/** Keeps the drive in sync until the signal is aborted: see `LiveDrive.run`. */
export async function runLive(parts: LiveDriveParts, signal: AbortSignal): Promise<void> {
  await new LiveDrive(parts, signal).run()
}

export class LiveDrive {
  readonly #parts: LiveDriveParts
  readonly #signal: AbortSignal
  readonly #agenda: Agenda
  #wake = () => {}
  #now: LiveState = { state: 'working', phase: 'scanning', files: 0, bytes: 0 }
  #limited: string | null = null
  /** Why the live channel cannot be relied on, and whether that holds even while it is open; null when it can be. */
  #cut: { readonly why: string; readonly unsteady: boolean } | null = null
  #askPause = ASK_FIRST_MS
  #attention = NOTHING_WAITS
  #serverSlow = false
  /** The server could not be reached, and has not answered since: trying again is not worth telling. */
  #unreached = false
  /** Why content comes on another way than it could; null while it does not. */
  #roundabout: string | null = null
  /** The folder was away: what was watched there is not watched any more. */
  #lost = false
  #failures = 0
  /** What the last work ended with that failed, until everything was looked at again. */
  #failed: LiveState | null = null
  #first = true
  #watching: Watching | null = null
  #ended: { readonly why: unknown } | null = null
  #asked: AskedLook[] = []
  /** How long the last look at everything took. */
  #everythingMs = 0

  constructor(parts: LiveDriveParts, signal: AbortSignal) {
    this.#parts = parts
    this.#signal = signal
    this.#agenda = new Agenda((told, identity) =>
      identity === undefined ? told : parts.drive.folderNow(told, identity),
    )
  }

  /**
   * Looks at everything as soon as what is under way has ended, and tells what that did. Rejects as `Drive.syncOnce` does,
   * and with what ended this once it has ended; the drive goes on either way.
   */
  look(heldDeletions: HeldDeletions = 'hold'): Promise<SyncReport> {
    const answer = Promise.withResolvers<SyncReport>()
    if (this.#ended) answer.reject(this.#ended.why)
    else this.#asked.push({ heldDeletions, answer })
    this.#wake()
    return answer.promise
  }

  /**
   * Resolves when the signal is aborted. Rejects when going on makes no sense: the device was removed, the server or the
   * local database is not to be trusted.
   */
  async run(): Promise<void> {
    const { clock, watch } = this.#parts
    const stop = () => this.#wake()
    this.#signal.addEventListener('abort', stop)
    // Watched before the first look, so that nothing comes between.
    const watching = watch.start({
      changed: (folder, name, identity) => {
        this.#agenda.changed(folder, name, clock(), identity)
        this.#wake()
      },
      limited: (why) => {
        this.#limited = why
        if (why !== null) this.#agenda.everythingAt(clock() + EVERYTHING_EVERY_LIMITED_MS)
        this.#tell()
      },
      lost: () => {
        this.#lost = true
        this.#agenda.everythingAt(clock() + SETTLE_MS)
        this.#wake()
      },
    })
    this.#watching = watching
    const listening = keepListening(this.#parts, {
      announced: (announcement) => {
        this.#lineStands()
        this.#agenda.announced(announcement)
        this.#wake()
      },
      cut: (why) => this.#lineCut(why),
      unsteady: (why) => {
        this.#cut = { why, unsteady: true }
        this.#agenda.askAt(clock())
        this.#wake()
      },
      steady: () => {
        this.#cut = null
        this.#tell()
      },
    })
    this.#agenda.everythingAt(clock())
    try {
      while (!this.#signal.aborted) {
        const asked = this.#takeAsked()
        const work = asked ? EVERYTHING : this.#agenda.take(clock())
        if (work) await this.#do(work, asked)
        else await this.#sleep()
      }
      this.#end(this.#signal.reason)
    } catch (error) {
      this.#end(error)
      throw error
    } finally {
      this.#signal.removeEventListener('abort', stop)
      watching.close()
      listening.stop()
    }
  }

  #end(why: unknown): void {
    this.#ended = { why }
    for (const { answer } of this.#asked.splice(0)) answer.reject(why)
  }

  /** Until something is due or happens. */
  async #sleep(): Promise<void> {
    const { clock, timers } = this.#parts
    const at = this.#agenda.nextAt()
    const { promise, resolve } = Promise.withResolvers<void>()
    const cancel = at === null ? () => {} : timers.after(Math.max(0, at - clock()), resolve)
    this.#wake = resolve
    await promise
    cancel()
    this.#wake = () => {}
  }

  /** Those who wait with the same answer are served by one look; the others by the next. */
  #takeAsked(): readonly AskedLook[] | null {
    const first = this.#asked[0]
    if (first === undefined) return null
    const alike = this.#asked.filter(({ heldDeletions }) => heldDeletions === first.heldDeletions)
    this.#asked = this.#asked.filter((asked) => !alike.includes(asked))
    return alike
  }

  async #do(work: Work, asked: readonly AskedLook[] | null): Promise<void> {
    const { clock } = this.#parts
    const start = clock()
    try {
      if (work.kind === 'everything') await this.#everything(start, asked ?? [])
      else await this.#hinted(work.hints, start)
      this.#failures = 0
      this.#unreached = false
      if (work.kind === 'everything') this.#failed = null
      this.#attention = this.#parts.drive.attention(PATHS_TOLD)
      if (this.#cut !== null) this.#agenda.askAt(clock() + this.#askPause)
      // That a part went well says nothing of what failed before: only a look at everything takes that up again.
      if (this.#failed?.state === 'offline') this.#agenda.everythingAt(clock())
      this.#tell(this.#failed ?? { state: 'up-to-date' })
    } catch (error) {
      for (const { answer } of asked ?? []) answer.reject(error)
      if (this.#signal.aborted) return
      this.#lost ||= error instanceof FolderLost
      const { now, pause } = this.#judge(error)
      this.#unreached = now.state === 'offline'
      this.#failed = now
      this.#agenda.everythingNotBefore(clock() + pause)
      this.#tell(now)
    }
  }

  async #everything(start: number, asked: readonly AskedLook[]): Promise<void> {
    const { drive, clock } = this.#parts
    // What a person said about deletions was about those that waited then, not about what may be gone once a look succeeds.
    const atStart = this.#first ? this.#parts.heldDeletions : undefined
    this.#first = false
    const heldDeletions = asked[0]?.heldDeletions ?? atStart ?? 'hold'
    this.#agenda.takeEverything()
    this.#watching?.renew(this.#lost)
    this.#lost = false
    const report = await drive.syncOnce({ ...this.#options(), heldDeletions })
    this.#paceAsking(report)
    for (const { answer } of asked) answer.resolve(report)
    this.#everythingMs = clock() - start
    const every = this.#limited === null ? EVERYTHING_EVERY_MS : EVERYTHING_EVERY_LIMITED_MS
    this.#agenda.everythingAt(clock() + Math.max(every, this.#everythingMs / EVERYTHING_SHARE))
  }

  async #hinted(hints: Extract<Work, { kind: 'hinted' }>['hints'], start: number): Promise<void> {
    const { drive, clock } = this.#parts
    const report = await drive.syncHinted(hints, this.#options())
    if (hints.ask) this.#paceAsking(report)
    const took = clock() - start
    for (const { path } of report.problems) {
      const [folder, name] = splitPath(path)
      const until = clock() + Math.max(UNREAD_REST_MS, UNREAD_REST_TIMES * took)
      this.#agenda.rest(folder, name, until, Math.max(UNREAD_REST_MS, UNREAD_QUIET_PART * took))
    }
    if (report.incomplete)
      this.#agenda.everythingAt(clock() + Math.max(SETTLE_MS, SETTLE_TIMES * this.#everythingMs))
  }

  /** While others are at work here or there, the server is asked more often. */
  #paceAsking({ pushed, pulled }: { readonly pushed: number; readonly pulled: number }): void {
    this.#askPause = pushed + pulled > 0 ? ASK_FIRST_MS : Math.min(ASK_LAST_MS, 2 * this.#askPause)
  }

  /** Whether all that is known to have changed, here and there, has been dealt with. */
  get isUpToDate(): boolean {
    return this.#now.state === 'up-to-date' && !this.#agenda.isWaitedFor
  }

  /** Whether the server lets calls wait for long. */
  serverIsSlow(slow: boolean): void {
    this.#serverSlow = slow
    this.#tell()
  }

  /** The server answered a call: what is under way is worth telling again. */
  serverAnswered(): void {
    this.#unreached = false
  }

  /** Why content comes on another way than it could, in one sentence; null once it does not any more. */
  comesRoundabout(why: string | null): void {
    this.#roundabout = why
    this.#tell()
  }

  #options(): SyncOptions {
    return {
      signal: this.#signal,
      progress: (now) => {
        if (!this.#unreached) this.#tell({ state: 'working', ...now })
      },
    }
  }

  #lineStands(): void {
    if (this.#cut === null || this.#cut.unsteady) return
    this.#cut = null
    // Whatever was missed meanwhile is found by the head that the line tells first.
    if (this.#now.state === 'offline') this.#agenda.everythingAt(this.#parts.clock())
    this.#tell()
  }

  #lineCut(why: Error): void {
    if (this.#cut !== null) {
      if (!this.#cut.unsteady) this.#cut = { why: why.message, unsteady: false }
      return
    }
    this.#cut = { why: why.message, unsteady: false }
    this.#askPause = ASK_FIRST_MS
    this.#agenda.askAt(this.#parts.clock())
    this.#wake()
  }

  /** What a failure means for the person and how long to wait, in milliseconds. Rethrows what no waiting mends. */
  #judge(error: unknown): { now: LiveState; pause: number } {
    const why = error instanceof Error ? error.message : String(error)
    const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++)
    const jittered = pause * (0.5 + (0.5 * this.#parts.random(1)[0]!) / 255)
    if (error instanceof Unreachable) return { now: { state: 'offline', why }, pause: jittered }
    if (error instanceof Problem) {
      switch (error.code) {
        case 'shutting-down':
        case 'moving':
        case 'too-many-requests':
        case 'internal':
          return { now: { state: 'offline', why }, pause: jittered }
        case 'quota-exceeded':
        case 'storage-full':
        // Damaged on its way, or at rest there until its operator mends it.
        case 'chunk-corrupt':
        case 'damaged-storage':
        // Others change the zone, or set the server back, all the time.
        case 'cursor-unknown':
        case 'log-moved':
          return { now: { state: 'problem', why }, pause: PROBLEM_PAUSE_MS }
        default:
          throw error
      }
    }
    if (error instanceof FolderLost) return { now: { state: 'problem', why }, pause: LOST_PAUSE_MS }
    if (error instanceof NotQuiet || error instanceof FileError)
      return { now: { state: 'problem', why }, pause: Math.min(PROBLEM_PAUSE_MS, jittered) }
    throw error
  }

  #tell(now: LiveState = this.#now): void {
    this.#now = now
    const notes: string[] = []
    if (this.#limited !== null) notes.push(this.#limited)
    if (this.#serverSlow && now.state !== 'offline')
      notes.push(
        'the server takes long to answer: if it stays so, check the network, and what the server is busy with',
      )
    if (this.#roundabout !== null && now.state !== 'offline') notes.push(this.#roundabout)
    if (this.#cut !== null && now.state !== 'offline')
      notes.push(
        `the live channel does not stand, so the server is asked every ${ASK_WORDS} seconds: ${this.#cut.why}`,
      )
    this.#parts.told({ now, notes, ...this.#attention })
  }
}

function splitPath(path: string): [folder: string, name: string] {
  const slash = path.lastIndexOf('/')
  return [path.slice(0, Math.max(0, slash)), path.slice(slash + 1)]
}
