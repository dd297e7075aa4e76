/** `pileus sync`: keeps the folder in sync until Ctrl-C or SIGTERM. */
import { nodeWatch } from '@pileus/client/folder/watch/node'
import { type LiveStatus, runLive } from '@pileus/client/live/live-drive'
import { nodeTimers, webSocketLine } from '@pileus/client/live/node'
import { timedPause } from '@pileus/client/remote/node'
import { Unreachable } from '@pileus/client/remote/remote'
import { nodeRandom } from '@pileus/core/crypto/node'
import { parseId } from '@pileus/core/ids/ids'
import type { Context } from '../context.ts'
import { type Device, openDevice } from '../device/device.ts'
import { type OpenedDrive, openLinkedDrive } from '../device/drive.ts'
import type { Exit } from '../failures/exit-codes.ts'
import { type LinkedFolder, requireLinkedFolder } from '../home/linked-folder.ts'
import { createLiveReporter } from '../home/live-report.ts'
import { requireSignedIn } from '../home/signed-in.ts'
import { printable } from '../terminal/format.ts'
import { createProgress } from '../terminal/progress.ts'

/** A server that is away when this starts is asked again after so long. */
const OPEN_AGAIN_MS = 2_000

/** `deletions` is about those that wait at the start. */
export async function syncLive(context: Context, deletions: 'hold' | 'accept' | 'undo'): Promise<Exit> {
  const { server } = requireSignedIn(context.home)
  const linked = requireLinkedFolder(context.home)
  const device = await openDevice(context)
  const told = narrator(context, linked)
  const reporter = createLiveReporter(context.home, Date.now)
  const tell = (status: LiveStatus) => {
    reporter.tell(status)
    told.tell(status)
  }
  try {
    using opened = await openWhenReachable(context, device, linked, tell)
    context.out.note(`Keeping ${printable(linked.folder)} in sync. Ctrl-C stops.`)
    await runLive(
      {
        drive: opened.drive,
        watch: nodeWatch(linked.folder),
        line: webSocketLine({ server, session: device.session }),
        zone: parseId('zone', linked.zone),
        timers: nodeTimers,
        clock: Date.now,
        random: nodeRandom,
        told: tell,
        heldDeletions: deletions,
      },
      context.signal,
    )
  } catch (error) {
    // Asked to stop: what was under way goes on with the next sync.
    if (!context.signal.aborted) throw error
  } finally {
    told.end()
    reporter.end()
  }
  return 'ok'
}

async function openWhenReachable(
  context: Context,
  device: Device,
  linked: LinkedFolder,
  tell: (status: LiveStatus) => void,
): Promise<OpenedDrive> {
  for (;;) {
    try {
      return await openLinkedDrive(device, context.home, linked)
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error
      tell({ now: { state: 'offline', why: error.message }, notes: [] })
      await timedPause(context.signal)(OPEN_AGAIN_MS)
    }
  }
}

/** What happens, for whoever looks at this terminal: the work as it goes on, and what stands in the way, once. */
function narrator({ out }: Context, linked: LinkedFolder) {
  const progress = createProgress(process.stderr, out.quiet, () => performance.now())
  let said = ''
  return {
    tell({ now, notes }: LiveStatus): void {
      if (now.state === 'working') {
        progress.update({ filesTotal: 0, bytesTotal: 0, ...now })
        return
      }
      progress.end()
      const why = now.state === 'up-to-date' ? [] : [`${now.state}: ${now.why}`]
      const text = [...why, ...notes].map(printable).join('\n')
      if (text === said) return
      out.note(text === '' ? `${printable(linked.folder)} is up to date.` : text)
      said = text
    },
    end: () => progress.end(),
  }
}
