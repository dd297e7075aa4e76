/** The guard against mass deletion (R11). */
import type { RecordId } from '@pileus/core/ids/ids'
import type { Replica } from '../replica/replica.ts'
import { tables } from '../replica/tables.ts'

/** More deletions than this at once are held. */
const GUARD_DELETIONS = 1_000
/** So are deletions of more than half of everything, from this many on: below, a person just tidied up. */
const GUARD_SMALLEST = 20

/** delete: tell the other devices · hold: do nothing and ask · undo: bring the files back from the server. */
export function guardDeletions(
  replica: Replica,
  deletions: readonly RecordId[],
  answer: 'hold' | 'accept' | 'undo',
): 'delete' | 'hold' | 'undo' {
  const all = tables.disk.count(replica.store)
  const many = deletions.length > GUARD_DELETIONS
  const most = deletions.length >= GUARD_SMALLEST && deletions.length * 2 > all
  // What was held waits for its answer, however many files come meanwhile.
  const waits = deletions.some((id) => tables.held.get(replica.store, id) !== undefined)
  if (!many && !most && !waits) return answer === 'undo' && deletions.length > 0 ? 'undo' : 'delete'
  switch (answer) {
    case 'accept':
      return 'delete'
    case 'undo':
      return 'undo'
    case 'hold':
      return 'hold'
  }
}

/**
 * Of deletions that are held, those whose records were changed elsewhere since, and the folders that these need:
 * an edit beats a deletion (R6), so they come back while the rest waits. `deletions` has children before folders.
 */
export function neededAgain(replica: Replica, deletions: readonly RecordId[]): Set<RecordId> {
  const { store } = replica
  const view = replica.view(store)
  const needed = new Set<RecordId>()
  for (const id of deletions) {
    const row = tables.disk.get(store, id)!
    const changed = row.version !== replica.effective(store, id)?.key
    const arriving = (child: RecordId) => needed.has(child) || tables.disk.get(store, child)?.parent !== id
    if (changed || (row.kind === 'folder' && view.children(id).some((child) => arriving(child.id))))
      needed.add(id)
  }
  return needed
}
