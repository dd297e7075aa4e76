/** What waits for the person, a sentence each: the same words wherever it is said. */
import type { PathProblem } from '@pileus/client/folder/scan'
import { formatCount, printable } from './format.ts'

export function problemSentence({ path, problem, leftOut }: PathProblem): string {
  return `${leftOut ? 'left out' : 'not synced'}: ${printable(path)}: ${printable(problem)}`
}

export function conflictSentence(path: string): string {
  return `two versions: ${printable(path)} is a conflict copy; keep what you need`
}

/** `count` deletions that the guard holds back: at least one. */
export function heldSentence(count: number): string {
  return (
    `${formatCount(count, 'deletion')} held back, because they are many at once: ` +
    '`pileus sync --once --deletions accept` deletes them everywhere, `--deletions undo` brings the files back'
  )
}
