/** `pileus sync`: keeps the folder in sync until Ctrl-C or SIGTERM. */
import type { SyncReport } from '@pileus/client/drive/drive'
import { nodeWatch } from '@pileus/client/folder/watch/node'
import { lockFolder } from '@pileus/client/keys/node-folder-lock'
import { LiveDrive, type LiveStatus, NOTHING_WAITS } from '@pileus/client/live/live-drive'
import { webSocketLine } from '@pileus/client/live/node'
import { nodeTimers, timedPause } from '@pileus/client/remote/node'
import { Patience } from '@pileus/client/remote/patience'
import { Unreachable } from '@pileus/client/remote/remote'
import { nodeRandom } from '@pileus/core/crypto/node'
import { parseId } from '@pileus/core/ids/ids'
import type { Context } from '../context.ts'
import { openControl } from '../control/listener.ts'
import type { Deletions } from '../control/messages.ts'
import { openDevice } from '../device/device.ts'
import { type OpenedDrive, openLinkedDrive } from '../device/drive.ts'
import { IdleHeap, nodeHeap } from '../device/idle-heap.ts'
import { directReads } from '../device/network.ts'
import type { Exit } from '../failures/exit-codes.ts'
import { type LinkedFolder, requireLinkedFolder } from '../home/linked-folder.ts'
import { createLiveReporter } from '../home/live-report.ts'
import { requireSignedIn } from '../home/signed-in.ts'
import { conflictSentence, heldSentence, problemSentence, stoppedSentence } from '../terminal/attention.ts'
import { printable } from '../terminal/format.ts'
import { createProgress } from '../terminal/progress.ts'

/** A line that went away is said again after so long. */
const SAID_AGAIN_MS = 60_000

/** No change of the clock moves it. */
const monotonic = () => performance.now()

/** A server that is away when this starts is asked again after so long. */
const OPEN_AGAIN_MS = 2_000

/** `deletions` is about those that wait at the start. */
export async function syncLive(context: Context, deletions: Deletions): Promise<Exit> {
  requireSignedIn(context.home)
  const linked = requireLinkedFolder(context.home)
  using _lock = lockFolder(context.home.path)
  const stopped = new AbortController()
  const signal = AbortSignal.any([context.signal, stopped.signal])
  const asks = new Asks()
  const control = await openControl(context.home, {
    sync: (answer) => asks.sync(answer),
    stop: () => stopped.abort(),
  })
  const told = narrator(context, linked)
  const reporter = createLiveReporter(context.home, monotonic, Date.now)
  const heap = nodeHeap()
  using idle = heap && new IdleHeap(heap, nodeTimers)
  const tell = (status: LiveStatus) => {
    idle?.tell(status.now.state === 'working')
    reporter.tell(status)
    control.tell(status.now)
    told.tell(status)
  }
  let stoppedAs = stoppedSentence(false, null)
  try {
    const connecting: LiveStatus = {
      now: { state: 'working', phase: 'connecting', files: 0, bytes: 0 },
      notes: [],
      ...NOTHING_WAITS,
    }
    reporter.tell(connecting)
    control.tell(connecting.now)
    let live: LiveDrive | null = null
    const patience = new Patience(nodeTimers, {
      slow: (isSlow) => live?.serverIsSlow(isSlow),
      answered: () => live?.serverAnswered(),
    })
    const device = await openDevice({ ...context, signal }, patience)
    context.out.note(`Keeping ${printable(linked.folder)} in sync. Ctrl-C or \`pileus stop\` stops.`)
    // Only now on this terminal: a question for the passphrase, and the line above, need one of their own.
    told.tell(connecting)
    const direct = directReads(device.signedIn.server, signal, (why) => live?.comesRoundabout(why))
    const open = () => openLinkedDrive(device, context.home, linked, direct)
    using opened = await whenReachable(signal, open, (error) => {
      asks.fail(error)
      tell({ now: { state: 'offline', why: error.message }, notes: [], ...NOTHING_WAITS })
    })
    live = new LiveDrive(
      {
        drive: opened.drive,
        watch: nodeWatch(linked.folder),
        line: webSocketLine({ server: device.signedIn.server, session: device.session }),
        zone: parseId('zone', linked.zone),
        timers: nodeTimers,
        clock: monotonic,
        wallClock: Date.now,
        random: nodeRandom,
        told: tell,
        heldDeletions: deletions,
      },
      signal,
    )
    asks.serveWith(live)
    await live.run()
    stoppedAs = stoppedSentence(live.isUpToDate, opened.drive.status())
  } catch (error) {
    asks.fail(error)
    // Asked to stop: what was under way goes on with the next sync.
    if (!signal.aborted) throw error
  } finally {
    told.end()
    reporter.end()
    control.close()
  }
  context.out.note(stoppedAs)
  return 'ok'
}

/** Syncs that others asked for: those that come before the drive is open wait for it. */
class Asks {
  #live: LiveDrive | null = null
  #waiting: { deletions: Deletions; answer: PromiseWithResolvers<SyncReport> }[] = []

  sync(deletions: Deletions): Promise<SyncReport> {
    if (this.#live !== null) return this.#live.look(deletions)
    const answer = Promise.withResolvers<SyncReport>()
    this.#waiting.push({ deletions, answer })
    return answer.promise
  }

  serveWith(live: LiveDrive): void {
    this.#live = live
    for (const { deletions, answer } of this.#waiting.splice(0)) answer.resolve(live.look(deletions))
  }

  fail(error: unknown): void {
    for (const { answer } of this.#waiting.splice(0)) answer.reject(error)
  }
}

async function whenReachable(
  signal: AbortSignal,
  open: () => Promise<OpenedDrive>,
  failed: (error: Error) => void,
): Promise<OpenedDrive> {
  for (;;) {
    try {
      return await open()
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error
      failed(error)
      await timedPause(signal)(OPEN_AGAIN_MS)
    }
  }
}

/** What happens, for whoever looks at this terminal: the work as it goes on, and what stands in the way, once. */
function narrator({ out }: Context, linked: LinkedFolder) {
  const progress = createProgress(process.stderr, out.quiet, monotonic)
  const saidAt = new Map<string, number>()
  let standing = new Set<string>()
  let quiet: boolean | null = null
  /** Says what does not stand already; what comes and goes, as a file that is hardly ever quiet does, once in a while. */
  const say = (lines: readonly string[]) => {
    const recent = monotonic() - SAID_AGAIN_MS
    const fresh = lines.filter(
      (line) => !standing.has(line) && (saidAt.get(line) ?? Number.NEGATIVE_INFINITY) < recent,
    )
    for (const line of lines) saidAt.set(line, monotonic())
    for (const [line, at] of saidAt) if (at < recent) saidAt.delete(line)
    standing = new Set(lines)
    for (const line of fresh) out.note(line)
    return fresh
  }
  return {
    tell({ now, notes, problems, heldDeletions, conflicts }: LiveStatus): void {
      if (now.state === 'working') {
        progress.update({ filesTotal: 0, bytesTotal: 0, ...now })
        return
      }
      progress.end()
      const inTheWay = now.state === 'up-to-date' ? [] : [printable(`${now.state}: ${now.why}`)]
      const failed = problems.filter(({ leftOut }) => !leftOut)
      inTheWay.push(...notes.map(printable), ...failed.map(problemSentence))
      if (heldDeletions > 0) inTheWay.push(heldSentence(heldDeletions))
      const leftOut = problems.filter((problem) => problem.leftOut)
      const fresh = say([...inTheWay, ...leftOut.map(problemSentence), ...conflicts.map(conflictSentence)])
      if (fresh.length > 0) quiet = false
      // A conflict copy, or what never syncs, is there for the person to see; the folder is up to date with it.
      if (inTheWay.length > 0 || quiet) return
      out.note(`${printable(linked.folder)} is up to date.`)
      quiet = true
    },
    end: () => progress.end(),
  }
}
