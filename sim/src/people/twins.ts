/**
 * An image of a device runs beside it, and before either hears of the other both people go on with one file: several
 * times each, in any order, and what one or the other tells does not arrive. By chance alone they would seldom do so.
 */
import type { Step } from '../plan/plan.ts'
import { start } from '../system/events.ts'
import type { Machine } from '../system/machine.ts'
import type { System } from '../system/system.ts'
import { type Chance, chanceOf } from '../world/random.ts'
import { act } from './act.ts'
import { edit, shared } from './pair.ts'

/** A sync that lasts longer is ended. */
const SYNC_MS = 600_000

/** Returns what was done, or null where there is no image of this device, or no file to go on with. */
export async function actAsTwins(system: System, machine: Machine, step: Step): Promise<string | null> {
  const chance = chanceOf(step.seed)
  const fit = ({ files, removed }: Machine) =>
    !removed && !files.unmounted && !files.full && files.denied.size === 0
  const isTwin = (other: Machine) => other !== machine && other.parts.account === machine.parts.account
  const twin = system.machines.find((other) => isTwin(other) && fit(other))
  if (!twin || !fit(machine)) return null
  const path = shared({ files: machine.files, chance }, twin, 'file')
  if (path === null) return null
  const unheard = chance.pick([[machine], [twin], [machine, twin], []])
  const told: string[] = []
  for (const who of turns(chance, machine, twin)) {
    who.kill('all')
    // What it settled with others may have gone elsewhere.
    if (who.files.folder.stat(path)?.type !== 'file') continue
    const done = act(system, who, { ...step, seed: chance.seed() }, edit(path))
    who.weather.mute = unheard.includes(who)
    await syncToItsEnd(system, who, chance.seed())
    who.weather.mute = false
    told.push(`${who.name}: ${done}${unheard.includes(who) ? ', unheard' : ''}`)
  }
  // Both may be at work at once then.
  if (chance.happens(0.5)) for (const who of [machine, twin]) if (!who.process) start(who, chance.seed())
  return `and its image go on apart: ${told.join('; ')}`
}

/** Who saves when: one to three times each. */
function turns(chance: Chance, ...twins: readonly [Machine, Machine]): Machine[] {
  const left = twins.flatMap((who) => Array<Machine>(1 + chance.below(3)).fill(who))
  if (chance.happens(0.5)) return chance.happens(0.5) ? left : left.reverse()
  const mixed: Machine[] = []
  while (left.length > 0) mixed.push(...left.splice(chance.below(left.length), 1))
  return mixed
}

async function syncToItsEnd(system: System, who: Machine, seed: number): Promise<void> {
  const process = who.syncOnce(seed)
  await system.timeline.until(() => who.process !== process, SYNC_MS)
  if (who.process === process) who.kill('all')
}
