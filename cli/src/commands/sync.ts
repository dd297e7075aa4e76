/** `pileus sync --once`: makes this device and the server hold the same, then ends. Without --once: `live.ts`. */
import type { SyncReport } from '@pileus/client/drive/drive'
import { FolderBusy, lockFolder } from '@pileus/client/keys/node-folder-lock'
import type { LiveState } from '@pileus/client/live/live-drive'
import { timedPause } from '@pileus/client/remote/node'
import type { Context } from '../context.ts'
import { askToSync } from '../control/asking.ts'
import type { Deletions } from '../control/messages.ts'
import { openDevice } from '../device/device.ts'
import { openLinkedDrive } from '../device/drive.ts'
import { directReads } from '../device/network.ts'
import type { Exit } from '../failures/exit-codes.ts'
import { type LinkedFolder, requireLinkedFolder } from '../home/linked-folder.ts'
import { requireSignedIn } from '../home/signed-in.ts'
import { conflictSentence, heldSentence, problemSentence } from '../terminal/attention.ts'
import { formatBytes, formatCount, formatDuration, joinWords } from '../terminal/format.ts'
import { createProgress } from '../terminal/progress.ts'

export interface SyncOptions {
  readonly once?: boolean
  readonly deletions?: Deletions
}

const BUSY_ATTEMPTS = 3
const BUSY_PAUSE_MS = 100

/** Paths shown of each list; `pileus status` shows all. */
const SHOWN = 10

export async function sync(context: Context, options: SyncOptions): Promise<Exit> {
  const deletions = options.deletions ?? 'hold'
  if (!options.once) return (await import('./live.ts')).syncLive(context, deletions)
  requireSignedIn(context.home)
  const linked = requireLinkedFolder(context.home)
  const start = performance.now()
  const progress = createProgress(process.stderr, context.out.quiet, () => performance.now())
  const tell = (now: ProgressNow) => progress.update({ filesTotal: 0, bytesTotal: 0, ...now })
  let report: SyncReport
  try {
    report = await syncedByWhoeverRuns(context, linked, deletions, tell)
  } finally {
    progress.end()
  }
  const milliseconds = performance.now() - start
  if (!context.out.json) for (const line of attention(report)) context.out.note(line)
  context.out.done([summary(report, milliseconds)], { ...report, milliseconds: Math.round(milliseconds) })
  return exitFor(report)
}

type ProgressNow = { readonly phase: string; readonly files: number; readonly bytes: number }

/** By the `pileus sync` that runs on this home already, else by this process. */
async function syncedByWhoeverRuns(
  context: Context,
  linked: LinkedFolder,
  deletions: Deletions,
  tell: (now: ProgressNow) => void,
): Promise<SyncReport> {
  const { home, signal } = context
  const progress = (now: LiveState) => {
    if (now.state === 'working') tell(now)
  }
  for (let attempt = 1; ; attempt++) {
    const report = await askToSync(home, deletions, { signal, progress })
    if (report !== null) return report
    try {
      using _lock = lockFolder(home.path)
      // May ask for the passphrase, so before there is a line of progress.
      const device = await openDevice(context)
      tell({ phase: 'connecting', files: 0, bytes: 0 })
      const direct = directReads(device.signedIn.server, signal, (why) => roundabout(why, context))
      using opened = await openLinkedDrive(device, home, linked, direct)
      return await opened.drive.syncOnce({ signal, heldDeletions: deletions, progress: tell })
    } catch (error) {
      // One that is just starting or just ending has the lock and does not listen.
      if (!(error instanceof FolderBusy) || attempt === BUSY_ATTEMPTS) throw error
      await timedPause(signal)(BUSY_PAUSE_MS)
    }
  }
}

/** Said as it happens: the sync goes on, and ends as well as it would have. */
function roundabout(why: string | null, { out }: Context): void {
  if (why !== null) out.note(why)
}

/** Conflict copies are there for the person to see, but nothing is undone because of them. */
function exitFor({ problems, heldDeletions }: SyncReport): Exit {
  if (problems.some(({ noRoom }) => noRoom)) return 'full'
  return problems.some(({ leftOut }) => !leftOut) || heldDeletions > 0 ? 'attention' : 'ok'
}

/** What was done and what is left, in plain words: the last line. */
export function summary(report: SyncReport, milliseconds: number): string {
  const done: string[] = []
  const { pushed, applied, contentSent, contentReceived, problems, heldDeletions } = report
  if (pushed > 0) done.push(`sent ${formatCount(pushed, 'change')}${size(contentSent)}`)
  if (applied > 0) done.push(`made ${formatCount(applied, 'change')} here${size(contentReceived)}`)
  const sentences: string[] = []
  if (done.length > 0) sentences.push(`${joinWords(done)} in ${formatDuration(milliseconds)}.`)
  const failed = problems.filter(({ leftOut }) => !leftOut).length
  if (failed > 0) sentences.push(`synced all but ${formatCount(failed, 'path')}.`)
  if (heldDeletions > 0)
    sentences.push(
      `${formatCount(heldDeletions, 'deletion')} ${heldDeletions === 1 ? 'waits' : 'wait'} for you.`,
    )
  if (sentences.length === 0) sentences.push('nothing to do: this device and the server hold the same.')
  return sentences.map((text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`).join(' ')
}

function size(bytes: number): string {
  return bytes > 0 ? ` (${formatBytes(bytes)})` : ''
}

/** What needs the person, on stderr. */
function attention({ problems, heldDeletions, conflicts }: SyncReport): string[] {
  const lines: string[] = []
  lines.push(...problems.slice(0, SHOWN).map(problemSentence))
  if (problems.length > SHOWN)
    lines.push(`… and ${problems.length - SHOWN} more not synced: see \`pileus status\``)
  lines.push(...conflicts.slice(0, SHOWN).map(conflictSentence))
  if (conflicts.length > SHOWN)
    lines.push(`… and ${conflicts.length - SHOWN} more conflict copies: see \`pileus status\``)
  if (heldDeletions > 0) lines.push(heldSentence(heldDeletions))
  return lines
}
