/** Lets a person do what a step says, before the eyes of the oracles. */
import type { Step } from '../plan/plan.ts'
import type { Machine } from '../system/machine.ts'
import type { System, Writing } from '../system/system.ts'
import { diskTree } from '../world/disk-tree.ts'
import { chanceOf } from '../world/random.ts'
import { deeds } from './deeds.ts'
import { pathsBelow, type Scene } from './scene.ts'

/** So many that the guard must hold what was deleted, whatever few nodes the program may not know of yet. */
const CLEARED_SMALLEST = 22

/** Returns what was done, or null. */
export function act(system: System, machine: Machine, step: Step): string | null {
  const { files } = machine
  if (files.unmounted || machine.removed) return null
  return doing(system, machine, () => {
    const before = pathsBelow(files, '')
    const done = machine.asPerson(() => deeds[step.what]!(sceneOf(system, machine, step)))
    noteCleared(system, machine, step, before)
    return done
  })
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
    system.cleared = { machine, paths: known }
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
