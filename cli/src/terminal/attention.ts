/** What waits for the person, a sentence each: the same words wherever it is said. */
import type { Attention, DriveStatus } from '@pileus/client/drive/drive'
import type { PathProblem } from '@pileus/client/folder/scan'
import { formatCount, joinWords, printable } from './format.ts'

export function problemSentence({ path, problem, leftOut }: PathProblem): string {
  return `${leftOut ? 'left out' : 'not synced'}: ${printable(path)}: ${printable(problem)}`
}

export function conflictSentence(path: string): string {
  return `two versions: ${printable(path)} is a conflict copy; keep what you need`
}

/** " but for 2 paths and 31 deletions": what keeps a folder from being all the same; '' for nothing. */
export function butFor({ problems, heldDeletions }: Attention): string {
  const failed = problems.filter(({ leftOut }) => !leftOut).length
  const but: string[] = []
  if (failed > 0) but.push(formatCount(failed, 'path'))
  if (heldDeletions > 0) but.push(formatCount(heldDeletions, 'deletion'))
  return but.length > 0 ? ` but for ${joinWords(but)}` : ''
}

/** What a sync that was stopped leaves behind; `drive` is null where it had not come so far as to open it. */
export function stoppedSentence(isUpToDate: boolean, drive: DriveStatus | null): string {
  if (drive !== null && drive.pending > 0) {
    const left = formatCount(drive.pending, 'change is', 'changes are')
    return `Stopped. ${left} left to send: the next sync goes on from here.`
  }
  return isUpToDate && drive !== null
    ? `Stopped. Everything was sent${butFor(drive)}.`
    : 'Stopped before all was synced: the next sync goes on from here.'
}

/** `count` deletions that the guard holds back: at least one. */
export function heldSentence(count: number): string {
  return (
    `${formatCount(count, 'deletion')} held back, because they are many at once: ` +
    '`pileus sync --once --deletions accept` deletes them everywhere, `--deletions undo` brings the files back'
  )
}
