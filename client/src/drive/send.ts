/** What this device has to tell: changes on its disk are taken up and pushed, the one while the other goes on. */
import type { Scan } from '../folder/scan.ts'
import { type Absorbed, absorb } from './absorb.ts'
import type { DriveContext, SyncOptions } from './context.ts'
import type { Done } from './done.ts'
import { pull } from './pull.ts'
import { pushAll } from './push.ts'
import { type PushAhead, pushAhead } from './push-ahead.ts'

export interface Sent {
  readonly absorbed: Absorbed
  /** Files must be read again. */
  readonly again: boolean
}

/** Takes up what the scan found and pushes all that is pending. Rejects like `Drive.syncOnce`. */
export async function send(
  context: DriveContext,
  scan: Iterable<Scan | null>,
  options: SyncOptions,
  total: Done,
): Promise<Sent> {
  // What is read tells how far it is; what is pushed beside it would only talk over that.
  const { progress: _, ...quiet } = options
  const ahead = pushAhead(context, quiet, total)
  const absorbed = await takeUp(context, scan, options, ahead)
  total.bytesSent += absorbed.bytesSent
  total.contentSent += absorbed.contentSent
  const { behind, missing } = await ahead.end()
  if (behind) total.pulled += await pull(context, options)
  return { absorbed, again: (await pushAll(context, options, total)) || missing }
}

/**
 * The same after a run that may have been cut between an effect and its row: what it did to the disk is told from what a
 * person did by the records it went by, so no newer ones come before that. Nothing is pushed before they have come.
 */
export async function takeUpBeforePull(
  context: DriveContext,
  scan: Iterable<Scan | null>,
  options: SyncOptions,
  total: Done,
): Promise<Sent> {
  const absorbed = await absorb(context, scan, options, () => {})
  total.bytesSent += absorbed.bytesSent
  total.contentSent += absorbed.contentSent
  total.pulled += await pull(context, options)
  return { absorbed, again: await pushAll(context, options, total) }
}

async function takeUp(
  context: DriveContext,
  scan: Iterable<Scan | null>,
  options: SyncOptions,
  ahead: PushAhead,
): Promise<Absorbed> {
  try {
    return await absorb(context, scan, options, ahead.begin)
  } catch (error) {
    // Nothing is left under way; of two failures the first is told.
    await ahead.end().catch(() => {})
    throw error
  }
}
