/** What a server does by itself from time to time: it forgets what need not be kept any longer. */
import type { ZoneId } from '@pileus/core/ids/ids'
import { HISTORY_DAYS } from '@pileus/core/limits'
import { EngineFenced } from '../engine-errors.ts'
import type { Environment } from './environment.ts'

const DAY_MS = 86_400_000
/** Works in small steps, so that no zone waits long. */
const ZONES_PER_STEP = 100
const VERSIONS_PER_STEP = 200

/** Forgets expired sessions, reservations and audit events, and versions replaced more than HISTORY_DAYS ago (R7). */
export async function upkeep(environment: Environment): Promise<void> {
  try {
    await forget(environment)
  } catch (error) {
    // What is being moved stays as it is.
    if (!(error instanceof EngineFenced)) throw error
  }
}

async function forget({ engines, clock }: Environment): Promise<void> {
  await engines.accounts.expire(clock())
  const replacedBefore = clock() - HISTORY_DAYS * DAY_MS
  let last: ZoneId | null = null
  for (;;) {
    const zones: ZoneId[] = await engines.zones.list(last, ZONES_PER_STEP)
    for (const zone of zones) {
      while ((await engines.zones.prune(zone, replacedBefore, VERSIONS_PER_STEP)) === VERSIONS_PER_STEP);
    }
    last = zones.at(-1) ?? null
    if (last === null || zones.length < ZONES_PER_STEP) return
  }
}
