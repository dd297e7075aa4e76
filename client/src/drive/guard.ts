/** The guard against mass deletion (R11). */
import type { RecordId } from '@pileus/core/ids/ids'
import type { Replica } from '../replica/replica.ts'
import { tables } from '../replica/tables.ts'

/** More deletions than this at once are held. */
export const GUARD_DELETIONS = 1_000
/** So are deletions of more than half of everything, from this many on: below, a person just tidied up. */
export const GUARD_SMALLEST = 20

/** delete: tell the other devices · hold: do nothing and ask · undo: bring the files back from the server. */
export function guardDeletions(
  replica: Replica,
  deletions: readonly RecordId[],
  answer: 'hold' | 'accept' | 'undo',
): 'delete' | 'hold' | 'undo' {
  const all = tables.disk.count(replica.store)
  const many = deletions.length > GUARD_DELETIONS
  const most = deletions.length >= GUARD_SMALLEST && deletions.length * 2 > all
  if (!many && !most) return answer === 'undo' && deletions.length > 0 ? 'undo' : 'delete'
  switch (answer) {
    case 'accept':
      return 'delete'
    case 'undo':
      return 'undo'
    case 'hold':
      return 'hold'
  }
}
