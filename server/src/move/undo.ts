/** Staying with the source after all. */
import { arrivalOf, departureOf, letGo, replaceArrival } from './notes.ts'
import type { Place } from './places.ts'
import { MoveStopped } from './stopped.ts'

/**
 * Lowers the source's fence. Before that the target is closed to servers for ever; where one has been started on it, devices may
 * have written there, and there is no undoing. A move that was never completed needs no target: no server starts on one that is
 * not complete. Throws MoveStopped.
 */
export async function undo(source: Place, openTarget: () => Promise<Place>): Promise<void> {
  const departure = await departureOf(source.engines)
  if (departure === null) throw new MoveStopped('the source is not fenced: there is nothing to undo')
  if (departure.complete) {
    const target = await openTarget()
    try {
      await closeForever(target, departure.move, departure.to)
    } finally {
      await target.close()
    }
  }
  await letGo(source.engines)
}

async function closeForever({ engines, name }: Place, move: string, to: string): Promise<void> {
  const arrival = await arrivalOf(engines.accounts)
  if (arrival?.move !== move)
    throw new MoveStopped(
      `the source was moved to ${to}, and ${name} does not know of that: give its settings`,
    )
  if (arrival.state === 'undone') return
  const closed =
    arrival.state !== 'served' &&
    (await replaceArrival(engines.accounts, arrival, { ...arrival, state: 'undone' }))
  if (closed) return
  throw new MoveStopped(
    `a server has been started on the target, ${name}, and devices may have written there: move back from it to an empty place instead`,
  )
}
