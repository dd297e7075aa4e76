/**
 * Coming to rest: nothing gets in the way any more, everybody syncs until nothing happens, and then everything that was
 * promised must be so (sync.md, oracles a to f).
 */

import { MARKER } from '@pileus/client/folder/marker'
import { tables } from '@pileus/client/replica/tables'
import { Doings, differenceOf } from './oracles/doings.ts'
import { findContents } from './oracles/history.ts'
import type { Step } from './plan/plan.ts'
import { FAIR } from './system/calls.ts'
import { remove } from './system/events.ts'
import type { Machine } from './system/machine.ts'
import type { Process } from './system/process.ts'
import type { System } from './system/system.ts'
import { contentHash, diskTree, readAll, type Seen } from './world/disk-tree.ts'
import { type Chance, chanceOf } from './world/random.ts'

/** Rounds in which everybody syncs once (e). */
const ROUNDS_MAX = 14
/** What lasts longer is taken to hang. */
const LONGEST_MS = 3_600_000
/** After this a drive that stays in sync has looked at everything. */
const LOOK_MS = 330_000
const LIVE_ROUND_MS = 4_000
/** What still travels late has arrived. */
const LATE_MS = 6_000
/** So long is kept what was replaced or deleted (R7). */
const HISTORY_MS = 30 * 86_400_000

export async function rest(system: System, step: Step, last: boolean): Promise<void> {
  const chance = chanceOf(step.seed)
  system.tell('— everything comes to rest')
  heal(system)
  await finish(system, chance)
  await converge(system, chance)
  await stopLive(system)
  // Who waits for an answer about deletions has less than the others.
  if (system.present.every(({ store }) => tables.held.count(store) === 0)) checkEqual(system)
  if (system.present.some((machine) => machine.live)) await lookOnceMore(system, chance)
  await answer(system, chance)
  system.resting = true
  await checkAll(system, chance, last)
  for (const machine of system.machines) machine.leave()
  const { weather } = system.plan.switches
  for (const machine of system.machines) machine.weather = { ...weather }
  system.resting = false
  system.allRoomy()
  system.old.clear()
  system.throwIfFailed()
}

function heal(system: System): void {
  system.server.heal()
  for (const machine of system.machines) {
    machine.weather = { ...FAIR }
    machine.meddling.calm()
    machine.files.full = false
    machine.files.unmounted = false
    machine.files.denied.clear()
    if (!machine.process) continue
    if (machine.process.doomed) machine.kill(machine.process.survival)
    else machine.process.momentsLeft = Number.POSITIVE_INFINITY
  }
}

/** Programs write to their end, processes and removals end, messages arrive. */
async function finish(system: System, chance: Chance): Promise<void> {
  const { timeline, machines, writings, server } = system
  await timeline.pass(LATE_MS)
  const ended = () =>
    writings.size === 0 &&
    machines.every(({ process, removed }) => !process || (process.what === 'live' && !removed))
  if (!(await timeline.until(ended, LONGEST_MS))) {
    for (const machine of machines) if (machine.removed) machine.kill('all')
    if (!ended())
      throw new Error(`a process does not end: ${machines.filter((m) => m.process).map(({ name }) => name)}`)
  }
  server.heal()
  for (const gone of machines) {
    if (!gone.removed || system.removals.has(gone)) continue
    system.removals.add(gone)
    const by = system.present[0]!
    by.process?.stop()
    await processEnd(system, by)
    await ending(system, by, remove(by, gone, chance.seed()))
  }
  system.resting = true
}

/** Rounds until nothing happens. Those that stay in sync must come there by themselves. */
async function converge(system: System, chance: Chance): Promise<void> {
  let waited = false
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const before = happened(system)
    for (const machine of system.present) {
      if (!machine.live) await syncOnce(system, machine, chance)
      else if (!machine.process) machine.stayInSync(chance.seed())
    }
    const live = system.present.some((machine) => machine.live)
    if (live) await system.timeline.pass(LIVE_ROUND_MS)
    system.throwIfFailed()
    if (happened(system) !== before) {
      waited = false
      continue
    }
    if (waited || !live) return
    await system.timeline.pass(LOOK_MS)
    // Whoever found something by looking told the others, and that may have been lost on the way to one of them.
    waited = happened(system) === before
  }
  throw new Error(`after ${ROUNDS_MAX} rounds something still happens`)
}

/** Grows with whatever a sync does. */
function happened(system: System): number {
  return system.present.reduce((sum, { files }) => sum + files.changes, system.server.told)
}

async function stopLive(system: System): Promise<void> {
  for (const machine of system.present) {
    if (!machine.process) continue
    const { liveState } = machine
    if (liveState?.state !== 'up-to-date')
      throw new Error(`${machine.name} is not up to date at rest: ${JSON.stringify(liveState)}`)
    machine.process.stop()
    await processEnd(system, machine)
  }
}

/** What was displaced a moment ago goes when everything is looked at the next time. */
async function lookOnceMore(system: System, chance: Chance): Promise<void> {
  const { told } = system.server
  for (const machine of system.present) await syncOnce(system, machine, chance)
  if (system.server.told !== told) throw new Error('one more sync at rest had something to tell')
}

/** The people whose deletions were held say what they want. */
async function answer(system: System, chance: Chance): Promise<void> {
  const { cleared } = system
  if (cleared && !cleared.machine.removed) checkCleared(system, cleared)
  system.cleared = null
  const held = system.present.filter(({ store }) => tables.held.count(store) > 0)
  if (held.length === 0) return
  for (const machine of held) {
    const heldDeletions = chance.pick(['accept', 'undo'] as const)
    if (heldDeletions === 'undo') system.doings.setBack()
    system.tell(`${machine.name}: ${heldDeletions}s the deletions`)
    await syncOnce(system, machine, chance, heldDeletions)
  }
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const before = happened(system)
    for (const machine of system.present) await syncOnce(system, machine, chance)
    if (happened(system) === before) return
  }
  throw new Error('after an answer to what was held something still happens')
}

function checkCleared(system: System, { machine, paths, images }: NonNullable<System['cleared']>): void {
  for (const other of system.present) {
    if (other === machine || images.has(other)) continue
    const tree = diskTree(other.files)
    for (const path of paths) {
      if (!tree.has(path) && !system.doings.isTouchedByOthers(path, machine.name))
        throw new Error(
          `${machine.name} deleted nearly everything, and ${other.name} lost ${JSON.stringify(path)} unasked`,
        )
    }
  }
}

async function syncOnce(
  system: System,
  machine: Machine,
  chance: Chance,
  heldDeletions: 'hold' | 'accept' | 'undo' = 'hold',
  everything = false,
): Promise<void> {
  const process = machine.syncAgain(chance.seed(), { heldDeletions, ...(everything && { everything }) })
  const outcome = await ending(system, machine, process)
  system.throwIfFailed()
  if (outcome.kind !== 'report') throw new Error(`${machine.name} did not sync: ${outcome.kind}`)
  const { problems } = outcome.report
  if (problems.length > 0) throw new Error(`${machine.name} has problems: ${JSON.stringify(problems)}`)
}

async function ending(system: System, machine: Machine, process: Process) {
  await processEnd(system, machine)
  return process.ended
}

async function processEnd(system: System, machine: Machine): Promise<void> {
  const ended = await system.timeline.until(() => machine.process === null, LONGEST_MS)
  if (!ended) throw new Error(`a process of ${machine.name} does not end`)
}

/** (a) Everybody has the same. */
function checkEqual(system: System): Map<string, Seen> {
  const [first, ...others] = system.present
  const tree = diskTree(first!.files)
  for (const other of others) {
    const wrong = differenceOf(tree, diskTree(other.files))
    if (wrong) throw new Error(`${first!.name} and ${other.name} differ: ${wrong}`)
  }
  return tree
}

async function checkAll(system: System, chance: Chance, last: boolean): Promise<void> {
  const tree = checkEqual(system)
  const undone = system.doings.check(tree)
  if (undone) throw new Error(undone)
  if (!system.mayDouble) checkCopies(system, tree)
  checkNames(tree)
  await checkContents(system, tree)
  await checkQuiet(system, chance)
  if (last) {
    await checkNewcomer(system, tree, chance)
    const names = [...tree.keys()].map((path) => path.slice(path.lastIndexOf('/') + 1))
    const told = system.secrecy.check(
      [...system.contents.saved.values()].map(({ bytes }) => bytes),
      names,
    )
    if (told) throw new Error(told)
  }
  system.doings = new Doings(tree, system.doings)
}

/** (b) What was saved is where it must be, and what is there was saved. */
async function checkContents(system: System, tree: ReadonlyMap<string, Seen>): Promise<void> {
  const { contents, timeline } = system
  const found = await findContents(system, system.present[0]!)
  const lost = contents.missing(found)
  if (lost.length > 0) throw new Error(`saved and nowhere to be found: ${lost.join(', ')}`)
  const hidden = contents.hidden(new Map(system.machines.flatMap((machine) => [...contentsOf(machine)])))
  if (hidden.length > 0) throw new Error(`nobody took it away, and it is in no folder: ${hidden.join(', ')}`)
  const invented = contents.invented(found)
  if (invented.length > 0) throw new Error(`nobody wrote it, and it is kept: ${invented.join(', ')}`)
  const forgotten = contents.forgotten(found, timeline.now - HISTORY_MS)
  if (forgotten.length > 0)
    throw new Error(
      `it was everybody's less than 30 days ago, and is not in history: ${forgotten.join(', ')}`,
    )
  const hashes = [...tree.values()].flatMap((seen) => (seen.kind === 'file' ? [seen.hash] : []))
  contents.rested(hashes, timeline.now)
}

/** Nobody can tell names apart that differ only in how they are composed. */
function checkNames(tree: ReadonlyMap<string, Seen>): void {
  const seen = new Map<string, string>()
  for (const path of tree.keys()) {
    const other = seen.get(path.normalize('NFC'))
    if (other !== undefined)
      throw new Error(`${JSON.stringify(path)} and ${JSON.stringify(other)} look like one name`)
    seen.set(path.normalize('NFC'), path)
  }
}

/** No conflict copy says what another one says. */
function checkCopies(system: System, tree: ReadonlyMap<string, Seen>): void {
  const seen = new Map<string, string>()
  for (const [path, node] of tree) {
    const copy = /^(.*) \(device-\d's conflicted copy \d{4}-\d\d-\d\d( \d+)?\)/s.exec(path)
    if (!copy || node.kind !== 'file' || system.contents.isCommon(node.hash)) continue
    const key = `${copy[1]} ${node.hash}`
    const other = seen.get(key)
    if (other !== undefined)
      throw new Error(`${JSON.stringify(path)} and ${JSON.stringify(other)} are two copies of one content`)
    seen.set(key, path)
  }
}

/** (f) One more sync does nothing, even when it looks at everything, and nothing is left lying about. */
async function checkQuiet(system: System, chance: Chance): Promise<void> {
  const before = happened(system)
  for (const machine of system.present) {
    await syncOnce(system, machine, chance, 'hold', true)
    if (happened(system) !== before) throw new Error(`a sync of ${machine.name} at rest did something`)
    for (const folder of machine.files.work.list('').names) {
      if (machine.files.work.stat(folder)?.type !== 'folder') continue
      const left = machine.files.work.list(folder).names
      if (left.length > 0) throw new Error(`${machine.name} has ${left.join(', ')} left in ${folder}`)
    }
  }
}

/** A device that comes new has what all have: the server holds everything. */
async function checkNewcomer(system: System, tree: ReadonlyMap<string, Seen>, chance: Chance): Promise<void> {
  const newcomer = system.newcomer()
  await syncOnce(system, newcomer, chance)
  const wrong = differenceOf(tree, diskTree(newcomer.files))
  if (wrong) throw new Error(`a new device does not get what the others have: ${wrong}`)
}

export function contentsOf({ files }: Machine): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>()
  for (const [path, seen] of diskTree(files)) {
    if (seen.kind !== 'file' || path === MARKER) continue
    const bytes = readAll(files, path)
    found.set(contentHash(bytes), bytes)
  }
  return found
}
