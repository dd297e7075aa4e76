/** `pileus stop`: ends the `pileus sync` that runs on this device, in order, and waits until it has ended. */
import type { Context } from '../context.ts'
import { askToStop } from '../control/asking.ts'
import { Failure } from '../failures/failure.ts'
import { readLiveReport } from '../home/live-report.ts'
import { requireSignedIn } from '../home/signed-in.ts'

/** A sync stops between two chunks; one that takes longer is stuck. */
const STOPS_WITHIN_MS = 30_000

export async function stop(context: Context): Promise<undefined> {
  const { home, out } = context
  requireSignedIn(home)
  const patience = AbortSignal.timeout(STOPS_WITHIN_MS)
  let pid = readLiveReport(home)?.pid
  try {
    const stopped = await askToStop(home, AbortSignal.any([context.signal, patience]), (told) => {
      pid = told
    })
    const line = stopped ? 'The sync has stopped.' : 'No sync is running on this device.'
    out.done([line], { stopped })
  } catch (error) {
    if (!patience.aborted) throw error
    const which = pid === undefined ? '' : ` (process ${pid})`
    throw new Failure(
      'locked',
      'not-stopping',
      `The running sync${which} does not stop: end that process; it loses nothing, and the next sync goes on.`,
      error,
    )
  }
}
