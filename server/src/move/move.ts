/** Moving everything from one set of engines to another: fenced, copied, compared, and only then open to a server. */
import { randomUUID } from 'node:crypto'
import type { ZoneId } from '@pileus/core/ids/ids'
import type { Engines } from '../rules/environment.ts'
import type { Zones } from '../zones/zones.ts'
import { copyAccounts } from './copy-accounts.ts'
import { copyZone } from './copy-zone.ts'
import {
  type Arrival,
  arrivalOf,
  type Departure,
  departureOf,
  fenceOff,
  letGo,
  noteComplete,
  replaceArrival,
} from './notes.ts'
import type { Place } from './places.ts'
import { Counter, type Told } from './progress.ts'
import { MoveStopped } from './stopped.ts'
import { verifyAccounts, verifyZone } from './verify.ts'

const ZONES_LISTED = 500

/**
 * Moves, or goes on with this very move where it was cut off. From the fence on the source takes no writes; it is never changed
 * otherwise. Returns false when the move had been completed before. Throws MoveStopped, and the engines' own errors.
 */
export async function move(source: Place, target: Place, told: Told): Promise<boolean> {
  const { departure, arrival } = await begin(source, target)
  if (arrival.state !== 'copying') return false
  told({ step: 'fenced' })
  const total = await totalOf(source.engines.zones)
  const copied = new Counter('copying', total, told)
  for await (const zone of zoneIds(source.engines.zones)) {
    await copyZone(source.engines, target.engines, zone, (bytes) => copied.bytes(bytes))
    copied.zone()
  }
  await copyAccounts(source.engines.accounts, target.engines.accounts)
  await verify(source.engines, target.engines, new Counter('verifying', total, told))
  if (!departure.complete && !(await noteComplete(source.engines, departure)))
    throw new MoveStopped('the move was undone while it went on: the source is as it was before it')
  await requireReplaced(target, arrival, { ...arrival, state: 'complete' })
  told({ step: 'verified' })
  return true
}

/** Fences the source, makes the target the one of this move, or finds both as an earlier run left them. */
async function begin(source: Place, target: Place): Promise<{ departure: Departure; arrival: Arrival }> {
  const fenced = await departureOf(source.engines)
  const arrival = await arrivalOf(target.engines.accounts)
  if (fenced && fenced.to !== target.name) {
    throw new MoveStopped(
      `the source is being moved to ${fenced.to}: go on with that, or take it back with --undo and its settings`,
    )
  }
  if (fenced && arrival) {
    if (arrival.move !== fenced.move || arrival.state === 'undone') throw notEmpty(target)
    // The fence of zones and that of accounts are raised one after the other.
    await fenceOff(source.engines, fenced)
    return { departure: fenced, arrival }
  }
  await requireEmpty(target)
  const departure = fenced ?? { move: randomUUID(), to: target.name, complete: false }
  await fenceOff(source.engines, departure)
  if (await isFenced(target.engines)) {
    await letGo(source.engines)
    throw new MoveStopped('the target is the source under another name: choose another place')
  }
  await target.setOpaqueSetup(source.opaqueSetup)
  const made: Arrival = { move: departure.move, from: source.name, state: 'copying' }
  await requireReplaced(target, null, made)
  return { departure, arrival: made }
}

async function requireEmpty(target: Place): Promise<void> {
  const { accounts, zones } = target.engines
  const found = [
    await accounts.list(null, 1),
    await zones.list(null, 1),
    (await arrivalOf(accounts)) ? [1] : [],
  ]
  if (found.some((page) => page.length > 0) || (await isFenced(target.engines))) throw notEmpty(target)
}

async function isFenced(engines: Engines): Promise<boolean> {
  return (await departureOf(engines)) !== null
}

function notEmpty({ name }: Place): MoveStopped {
  return new MoveStopped(
    `the target, ${name}, is not empty, and what is there is not of this move: empty it, or choose another`,
  )
}

async function requireReplaced({ engines }: Place, expected: Arrival | null, next: Arrival): Promise<void> {
  if (await replaceArrival(engines.accounts, expected, next)) return
  throw new MoveStopped('another move to the same target is at work: run one at a time')
}

async function verify(from: Engines, to: Engines, compared: Counter): Promise<void> {
  const left: AsyncGenerator<ZoneId> = zoneIds(to.zones)
  for await (const zone of zoneIds(from.zones)) {
    const { value: copied } = await left.next()
    if (copied !== zone)
      throw new MoveStopped(`the target has zone ${copied ?? 'none'} where the source has ${zone}`)
    await verifyZone(from, to, zone, (bytes) => compared.bytes(bytes))
    compared.zone()
  }
  const { value: more } = await left.next()
  if (more !== undefined) throw new MoveStopped(`the target has zone ${more}, which the source does not have`)
  await verifyAccounts(from.accounts, to.accounts)
}

async function totalOf(zones: Zones) {
  let [zonesTotal, bytesTotal] = [0, 0]
  for await (const zone of zoneIds(zones)) {
    zonesTotal++
    bytesTotal += (await zones.head(zone))?.storedBytes ?? 0
  }
  return { zonesTotal, bytesTotal }
}

async function* zoneIds(zones: Zones): AsyncGenerator<ZoneId> {
  let last: ZoneId | null = null
  for (;;) {
    const page: ZoneId[] = await zones.list(last, ZONES_LISTED)
    yield* page
    last = page.at(-1) ?? null
    if (last === null || page.length < ZONES_LISTED) return
  }
}
