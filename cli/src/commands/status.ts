/** `pileus status`: what this device knows by itself, without the server. */
import { existsSync } from 'node:fs'
import type { Context } from '../context.ts'
import { isSyncRunning } from '../control/asking.ts'
import { readLocalStatus } from '../device/drive.ts'
import { readLinkedFolder } from '../home/linked-folder.ts'
import { type LiveReport, readLiveReport } from '../home/live-report.ts'
import { requireSignedIn } from '../home/signed-in.ts'
import { columns, formatCount, formatDuration, printable } from '../terminal/format.ts'
import { progressLine } from '../terminal/progress.ts'

export async function status(context: Context): Promise<undefined> {
  const { home, out } = context
  const { name, server, deviceName, keys } = requireSignedIn(home)
  const linked = readLinkedFolder(home)
  const account = { name, server, deviceName, keys }
  const rows = [
    ['account', `${name} at ${server}`],
    ['device', deviceName],
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
  const running = (await isSyncRunning(home)) ? readLiveReport(home) : null
  rows.push([
    'sync',
    running
      ? liveLine(running, local.problems.length)
      : 'not running: `pileus sync` keeps the folder in sync',
  ])
  rows.push(['synced', `${formatCount(local.nodes, 'file, folder or link', 'files, folders and links')}`])
  rows.push(['waiting', local.pending === 0 ? 'nothing' : `${formatCount(local.pending, 'change')} to send`])
  if (local.heldDeletions > 0) {
    rows.push([
      'held',
      `${formatCount(local.heldDeletions, 'deletion')}: see \`pileus help sync\`, --deletions`,
    ])
  }
  const lists = [
    ...(running?.notes ?? []).map(printable),
    ...local.problems.map(({ path, problem }) => `not synced: ${printable(path)}: ${printable(problem)}`),
    ...local.conflicts.map((path) => `two versions: ${printable(path)} is a conflict copy`),
  ]
  out.result([...columns(rows), ...lists], {
    ...account,
    folder: linked.folder,
    folderIsThere: isThere,
    ...local,
    live: running,
  })
}

/** What the running sync does, in a line. */
function liveLine({ now, bytesPerSecond, secondsLeft }: LiveReport, problems: number): string {
  switch (now.state) {
    case 'up-to-date':
      return problems > 0 ? `up to date but for ${formatCount(problems, 'path')}` : 'up to date'
    case 'offline':
    case 'problem':
      return `${now.state}: ${printable(now.why)}`
    case 'working': {
      const line = progressLine({ filesTotal: 0, bytesTotal: 0, ...now }, bytesPerSecond)
      return secondsLeft === null ? line : `${line} · ${formatDuration(secondsLeft * 1_000)} left`
    }
  }
}
