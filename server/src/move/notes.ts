/**
 * What a move writes down of itself: on the fence of the source, and in the accounts engine of the target. A target is served only
 * once its note says that the move is complete; then the note says that it has been, and there is no way back but another move.
 */
import type { Accounts } from '../accounts/accounts.ts'
import { EngineUnusable } from '../engine-errors.ts'
import type { Engines } from '../rules/environment.ts'

/** On the source's fence. */
export interface Departure {
  /** Names the move: the target's note has the same. */
  readonly move: string
  /** Where to, for a person. */
  readonly to: string
  /** The target may be served. Noted before the target says so itself. */
  readonly complete: boolean
}

/** In the target. */
export interface Arrival {
  readonly move: string
  /** Where from, for a person. */
  readonly from: string
  readonly state: 'copying' | 'complete' | 'served' | 'undone'
}

const ARRIVAL = 'arrival'

export async function departureOf({ accounts, zones }: Engines): Promise<Departure | null> {
  const note = (await accounts.fence.note()) ?? (await zones.origin.fence.note()) ?? null
  return note === null ? null : JSON.parse(note)
}

/** Raises the fence of the source, or writes what is new about its move on it. */
export async function fenceOff({ accounts, zones }: Engines, departure: Departure): Promise<void> {
  const note = JSON.stringify(departure)
  await zones.origin.fence.raise(note)
  await accounts.fence.raise(note)
}

/** Notes that the target may be served; false when the source's fence is no longer of this move. */
export function noteComplete({ accounts }: Engines, departure: Departure): Promise<boolean> {
  const complete: Departure = { ...departure, complete: true }
  return accounts.fence.replaceNote(JSON.stringify(departure), JSON.stringify(complete))
}

/** Lowers the fence of the source; that of the accounts last, because it tells of the move. */
export async function letGo({ accounts, zones }: Engines): Promise<void> {
  await zones.origin.fence.lower()
  await accounts.fence.lower()
}

export async function arrivalOf(accounts: Accounts): Promise<Arrival | null> {
  const note = await accounts.note(ARRIVAL)
  return note === null ? null : JSON.parse(note)
}

/** False when the note is no longer `expected`. */
export function replaceArrival(
  accounts: Accounts,
  expected: Arrival | null,
  next: Arrival,
): Promise<boolean> {
  return accounts.replaceNote(ARRIVAL, expected && JSON.stringify(expected), JSON.stringify(next))
}

/** To be called before a server listens on these engines. Throws EngineUnusable where a move to them is not complete. */
export async function takeOver(accounts: Accounts): Promise<void> {
  const arrival = await arrivalOf(accounts)
  if (arrival === null || arrival.state === 'served') return
  if (arrival.state === 'complete') {
    if (await replaceArrival(accounts, arrival, { ...arrival, state: 'served' })) return
    return takeOver(accounts)
  }
  throw new EngineUnusable(
    arrival.state === 'copying'
      ? `cannot serve these engines: the move from ${arrival.from} to them is not complete; run "pileus-server move" again`
      : `cannot serve these engines: the move from ${arrival.from} to them was undone; serve those, or move to empty ones`,
  )
}
