/** `pileus status`: what this device knows by itself; of the server it only asks whether it is a device of the account still. */
import { existsSync } from 'node:fs'
import type { Attention } from '@pileus/client/drive/drive'
import type { Context } from '../context.ts'
import { isSyncRunning } from '../control/asking.ts'
import { readLocalStatus } from '../device/drive.ts'
import { readLinkedFolder } from '../home/linked-folder.ts'
import { type LiveReport, readLiveReport } from '../home/live-report.ts'
import { requireSignedIn } from '../home/signed-in.ts'
import { butFor, conflictSentence, heldSentence, problemSentence } from '../terminal/attention.ts'
import { columns, formatCount, formatDuration, printable } from '../terminal/format.ts'
import { progressLine } from '../terminal/progress.ts'

export async function status(context: Context): Promise<undefined> {
  const { home, out } = context
  const signedIn = requireSignedIn(home)
  const { name, server, deviceName, keys } = signedIn
  const linked = readLinkedFolder(home)
  const isRunning = linked !== null && (await isSyncRunning(home))
  // A sync that runs hears of it by itself, and ends.
  const removed = isRunning ? signedIn.removed === true : await isRemoved(context)
  const account = { name, server, deviceName, keys, removed }
  const wayBack = `removed from the account: \`pileus login --server ${server} ${name}\` adds it again, and its files stay where they are`
  const rows = [
    ['account', `${name} at ${server}`],
    ['device', removed ? `${deviceName}, ${wayBack}` : deviceName],
    [
      'keys',
      keys === 'file'
        ? 'in a file readable by this user only, not sealed'
        : 'in a file sealed by a passphrase',
    ],
  ]
  if (linked === null) {
    out.result(columns([...rows, ['folder', 'none: `pileus link DIR` makes one']]), {
      ...account,
      folder: null,
    })
    return
  }
  const isThere = existsSync(linked.folder)
  const local = readLocalStatus(home)
  rows.push(['folder', `${printable(linked.folder)}${isThere ? '' : ' (not there now)'}`])
  const running = isRunning ? readLiveReport(home) : null
  const notRunning = removed ? 'not running' : 'not running: `pileus sync` keeps the folder in sync'
  rows.push(['sync', running ? liveLine(running, local) : notRunning])
  rows.push(['synced', `${formatCount(local.nodes, 'file, folder or link', 'files, folders and links')}`])
  const waiting = waitingLine(running, local.pending)
  if (waiting !== null && !removed) rows.push(['waiting', waiting])
  const lists = [
    ...(running?.notes ?? []).map(printable),
    ...local.problems.map(problemSentence),
    ...local.conflicts.map(conflictSentence),
    ...(local.heldDeletions > 0 ? [heldSentence(local.heldDeletions)] : []),
  ]
  out.result([...columns(rows), ...lists], {
    ...account,
    folder: linked.folder,
    folderIsThere: isThere,
    ...local,
    live: running,
  })
}

/** What speaks to the server is loaded only to speak to it: it takes longer than all the rest. */
async function isRemoved(context: Context): Promise<boolean> {
  const { standingOf } = await import('../device/standing.ts')
  return (await standingOf(context)) === 'removed'
}

/** What the running sync does, in a line. */
function liveLine({ now, bytesPerSecond, secondsLeft }: LiveReport, attention: Attention): string {
  switch (now.state) {
    case 'up-to-date':
      return `up to date${butFor(attention)}`
    case 'offline':
    case 'problem':
      return `${now.state}: ${printable(now.why)}`
    case 'working': {
      const line = progressLine({ filesTotal: 0, bytesTotal: 0, ...now }, bytesPerSecond)
      return secondsLeft === null ? line : `${line} · ${formatDuration(secondsLeft * 1_000)} left`
    }
  }
}

/**
 * What is still to be sent. Only a sync that is up to date knows that nothing is: what was changed since another one
 * looked is not counted. Null where what the sync does says it already.
 */
function waitingLine(running: LiveReport | null, pending: number): string | null {
  if (pending > 0) return `${formatCount(pending, 'change')} to send`
  if (running === null) return 'nothing known: the next sync looks for what changed'
  switch (running.now.state) {
    case 'up-to-date':
      return 'nothing'
    case 'working':
      return null
    case 'offline':
    case 'problem':
      return 'nothing known: what changed meanwhile is sent once sync goes on'
  }
}
