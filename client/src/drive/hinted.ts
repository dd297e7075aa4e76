/**
 * One round of a live sync: it takes what was announced, looks where something changed, and nowhere else. The cost
 * follows the change. What hints miss, and whatever is not plain here, is for a sync of everything.
 */
import type { Announcement } from '@pileus/core/protocol/live'
import { applyView } from '../folder/apply.ts'
import { checkMarker } from '../folder/marker.ts'
import { prepareWork } from '../folder/place.ts'
import { type PathProblem, type Scan, type Scope, scanScope } from '../folder/scan.ts'
import { joinPath } from '../folder/tree-paths.ts'
import { getMeta, putMeta, tables } from '../replica/tables.ts'
import type { DriveContext, SyncOptions } from './context.ts'
import { type Done, nothingDone } from './done.ts'
import { forgetProblem, hasProblem, noteProblem } from './problems.ts'
import { pull, takeAnnouncement } from './pull.ts'
import { pushAll } from './push.ts'
import { send } from './send.ts'

export interface Hints {
  /** Where something may have changed on this disk. */
  readonly scope: Scope
  /** What the server told, in order. */
  readonly announcements: readonly Announcement[]
  /** Something may have changed on the server: ask it. */
  readonly ask: boolean
}

export interface HintedReport extends Readonly<Done> {
  /** Of the paths that were looked at. */
  readonly problems: readonly PathProblem[]
  /** A sync of everything must follow: for a deletion to count, because there is too much, or because the disk kept changing. */
  readonly incomplete: boolean
}

/** Rejects like `Drive.syncOnce`. */
export async function syncHinted(
  context: DriveContext,
  hints: Hints,
  options: SyncOptions,
): Promise<HintedReport> {
  const { files, replica, zone } = context
  const total = nothingDone()
  checkMarker(files, zone.zone)
  prepareWork(files)
  total.pulled += await hear(context, hints, options)
  const problems: PathProblem[] = []
  const looked = hints.scope.size > 0 ? scanScope(replica, files, hints.scope) : null
  const scan = looked && looked !== 'too-much' && foundSomething(looked) ? looked : null
  const sent = scan && (await send(context, [scan], options, total))
  let incomplete = sent ? sent.again : await pushAll(context, options, total)
  if (sent) problems.push(...sent.absorbed.problems)
  if (sent && sent.absorbed.unconfirmed > 0)
    replica.transaction('lazy', (tx) => putMeta(tx, 'unconfirmed', true))
  const settled = getMeta(replica.store, 'unconfirmed') === undefined
  incomplete ||= looked === 'too-much' || !settled
  if (settled && tables.touched.count(replica.store) + tables.touchedName.count(replica.store) > 0) {
    checkMarker(files, zone.zone)
    const applied = await applyView(context, options)
    total.applied += applied.done
    total.bytesReceived += applied.bytesReceived
    total.contentReceived += applied.contentReceived
    problems.push(...applied.problems)
    // A look at everything tells whether a place is blocked, and says so; until then once is enough.
    const blocked = applied.blocked.filter(({ path }) => !hasProblem(replica.store, path))
    incomplete ||= applied.again || blocked.length > 0
  }
  remember(context, hints.scope, problems)
  if (sent?.absorbed.noRoom) throw sent.absorbed.noRoom
  return { ...total, problems, incomplete: incomplete || tables.outbox.count(replica.store) > 0 }
}

/** Applies what was announced while each follows the cursor; asks the server once it does not. */
async function hear(context: DriveContext, hints: Hints, options: SyncOptions): Promise<number> {
  let received = 0
  let ask = hints.ask
  for (const announcement of hints.announcements) {
    if (ask) break
    const taken = await takeAnnouncement(context, announcement)
    if (taken === null) ask = true
    else received += taken
  }
  return ask ? received + (await pull(context, options)) : received
}

function foundSomething({ appeared, moved, changed, gone, problems }: Scan): boolean {
  return appeared.length + moved.length + changed.length + gone.length + problems.length > 0
}

/** Problems of names that were looked at are replaced; the others stay until everything is looked at. */
function remember({ replica }: DriveContext, scope: Scope, problems: readonly PathProblem[]): void {
  if (problems.length === 0 && tables.problem.count(replica.store) === 0) return
  replica.transaction('lazy', (tx) => {
    for (const [folder, names] of scope) {
      if (names !== 'all') for (const name of names) forgetProblem(tx, joinPath(folder, name))
    }
    for (const problem of problems) noteProblem(tx, problem)
  })
}
