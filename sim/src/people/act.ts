/** Lets a person do what a step says, before the eyes of the oracles. */
import type { Step } from '../plan/plan.ts'
import { start } from '../system/events.ts'
import type { Machine } from '../system/machine.ts'
import type { System, Writing } from '../system/system.ts'
import { diskTree } from '../world/disk-tree.ts'
import { chanceOf } from '../world/random.ts'
import { type Deed, deeds } from './deeds.ts'
import { meeting } from './pair.ts'
import { pathsBelow, type Scene } from './scene.ts'

/** So many that the guard must hold what was deleted, whatever few nodes the program may not know of yet. */
const CLEARED_SMALLEST = 22

/** Returns what was done, or null. */
export function act(
  system: System,
  machine: Machine,
  step: Step,
  deed: Deed = deeds[step.what]!,
): string | null {
  const { files } = machine
  if (files.unmounted || machine.removed) return null
  return doing(system, machine, () => {
    const before = pathsBelow(files, '')
    const done = machine.asPerson(() => deed(sceneOf(system, machine, step)))
    noteCleared(system, machine, step, before)
    return done
  })
}

/** What a person does between two changes that the client makes. */
const MEDDLINGS = [
  ...[
    'edit',
    'edit',
    'append',
    'insert',
    'remove',
    'move',
    'create',
    'rename',
    'attributes',
    'turn',
    'chain',
  ],
  ...['into', 'swap'],
] as const

/** Lets the person at this device act in the middle of what its process does. Returns what will be done, or null. */
export function actAmid(system: System, machine: Machine, step: Step): string | null {
  if (machine.removed) return null
  const chance = chanceOf(step.seed)
  const what = chance.pick(MEDDLINGS)
  const moments = 1 + chance.below(chance.pick([3, 10, 30]))
  if (!machine.process) start(machine, step.seed)
  machine.meddling.afterMoments(moments, () => {
    const done = act(system, machine, { ...step, what })
    if (done !== null) system.tell(`[${step.n}] ${machine.name}, amid what the client does: ${done}`)
  })
  return `somebody will ${what} after ${moments} changes`
}

/** What the person at this device and another do to the same thing. Returns what was done, or null. */
export function actTogether(system: System, machine: Machine, step: Step): string | null {
  const chance = chanceOf(step.seed)
  const fit = ({ files, removed }: Machine) => !removed && !files.unmounted && files.denied.size === 0
  const others = system.machines.filter((other) => other !== machine && fit(other))
  if (!fit(machine) || others.length === 0) return null
  const other = chance.pick(others)
  const met = meeting(sceneOf(system, machine, step), sceneOf(system, other, step))
  if (!met) return null
  const seeds = { ...step, seed: chance.seed() }
  const first = act(system, machine, step, met[0])
  const second = act(system, other, seeds, met[1])
  return `${first ?? 'nothing'}; ${other.name}: ${second ?? 'nothing'}`
}

/** A full disk and what may not be read stop programs too; what they then do is theirs to tell, so here they are not. */
function doing<T>(system: System, machine: Machine, work: () => T): T {
  const { doings } = system
  const { files } = machine
  if (files.unmounted) return work()
  const { full } = files
  const denied = [...files.denied]
  files.full = false
  files.denied.clear()
  try {
    const wrong = doings.checkBefore(machine.name, diskTree(files))
    if (wrong) system.fail(new Error(wrong))
    const done = work()
    if (done !== null) doings.seenAfter(machine.name, diskTree(files))
    return done
  } finally {
    files.full = full
    for (const path of denied) files.denied.add(path)
  }
}

/** Nearly everything is gone from this folder: the others must keep it until the person has answered. */
function noteCleared(system: System, machine: Machine, step: Step, before: readonly string[]): void {
  if (system.cleared?.machine === machine) system.cleared = null
  if (step.what !== 'clear' || system.cleared) return
  const left = new Set(pathsBelow(machine.files, ''))
  const gone = before.filter((path) => !left.has(path))
  const known = gone.filter((path) => system.doings.wasThere(path))
  if (known.length >= CLEARED_SMALLEST && known.length * 3 > before.length * 2)
    system.cleared = { machine, paths: known, images: new Set() }
}

function sceneOf(system: System, machine: Machine, step: Step): Scene {
  const { contents, doings, plan, timeline, writings } = system
  const taken = (identity: string) => {
    for (const writing of writings)
      if (writing.machine === machine && writing.identity === identity) writing.cancelled = true
  }
  return {
    who: machine.name,
    files: machine.files,
    chance: chanceOf(step.seed),
    step,
    contents,
    doings,
    names: plan.switches.names,
    others: system.machines.filter((other) => other !== machine).map(({ files }) => files),
    taken,
    whenRead(identity, write) {
      const reads = 1 + chanceOf(step.seed ^ 1).below(3)
      machine.meddling.afterReads(identity, reads, () => {
        doing(system, machine, () => machine.asPerson(write))
        system.tell(`${machine.name}: wrote while the client read, as step ${step.n} says`)
      })
    },
    later(milliseconds, identity, finish) {
      const writing: Writing = { machine, identity, cancelled: false }
      writings.add(writing)
      timeline.after(milliseconds, () => {
        writings.delete(writing)
        if (writing.cancelled) return
        doing(system, machine, () => machine.asPerson(finish))
        system.tell(`${machine.name}: wrote the rest, begun in step ${step.n}`)
      })
    },
  }
}
