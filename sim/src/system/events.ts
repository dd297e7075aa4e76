/** What happens to devices, lines and the server. Each event says what, or null where there was nothing it could happen to. */
import { removeDevice } from '@pileus/client/account/devices'
import type { MemoryFiles } from '@pileus/client/files/memory'
import { pathsBelow } from '../people/scene.ts'
import type { Step } from '../plan/plan.ts'
import { readAll } from '../world/disk-tree.ts'
import { type Chance, chanceOf } from '../world/random.ts'
import type { Machine } from './machine.ts'
import type { Process } from './process.ts'
import type { OldState, System } from './system.ts'

type Event = (
  system: System,
  machine: Machine,
  chance: Chance,
  step: Step,
) => string | null | Promise<string | null>

const DAY_MS = 86_400_000
const YEAR_MS = 31_557_600_000
/** Moments at which an armed process ends at the latest. */
const MOMENTS_MAX = 60

export function happen(system: System, machine: Machine, step: Step): string | null | Promise<string | null> {
  return events[step.what]!(system, machine, chanceOf(step.seed), step)
}

const events: Readonly<Record<string, Event>> = {
  sync(_system, machine, _chance, step) {
    if (machine.removed || machine.process) return null
    start(machine, step.seed)
    return machine.live ? 'begins to stay in sync' : 'begins to sync'
  },

  answer(_system, machine, chance, step) {
    if (machine.removed || machine.process || machine.live) return null
    machine.syncOnce(step.seed, { heldDeletions: chance.pick(['hold', 'accept']) })
    return 'begins to sync with an answer'
  },

  stop(_system, { process }) {
    if (process?.what !== 'live') return null
    process.stop()
    return 'is told to stop'
  },

  kill(system, machine, chance) {
    if (!machine.process) return null
    machine.kill(survivalOf(system, chance))
    return 'is killed'
  },

  arm(system, machine, chance, step) {
    if (machine.removed) return null
    if (!machine.process) start(machine, step.seed)
    const process = machine.process!
    process.momentsLeft = 1 + chance.below(chance.pick([4, 15, MOMENTS_MAX]))
    process.survival = survivalOf(system, chance)
    process.late = chance.happens(0.4)
    return `will end after ${process.momentsLeft} changes`
  },

  cut(_system, machine) {
    machine.weather.cutOff = true
    return 'is cut off'
  },

  mend(_system, machine) {
    if (!machine.weather.cutOff) return null
    machine.weather.cutOff = false
    return 'is on the net again'
  },

  skew(_system, machine, chance) {
    machine.skewMs = chance.pick([0, YEAR_MS, -YEAR_MS, 3_600_000, chance.below(100_000) - 50_000])
    return `has its clock set ${machine.skewMs / 1_000} s wrong`
  },

  full(system, machine) {
    system.fill(machine, true)
    return 'has no room'
  },

  room(system, machine) {
    if (!machine.files.full) return null
    system.fill(machine, false)
    return 'has room again'
  },

  unmount(_system, machine) {
    machine.files.unmounted = true
    return 'has lost its folder'
  },

  mount(_system, machine) {
    if (!machine.files.unmounted) return null
    machine.files.unmounted = false
    return 'has its folder again'
  },

  deny(_system, machine, chance) {
    const { files } = machine
    if (files.unmounted) return null
    if (files.denied.size > 0) {
      files.denied.clear()
      return 'may read everything again'
    }
    const paths = pathsBelow(files, '')
    if (paths.length === 0) return null
    const path = chance.pick(paths)
    files.denied.add(path)
    return `may not read ${JSON.stringify(path)}`
  },

  backup(system, machine) {
    const { files } = machine
    if (machine.removed || files.unmounted || files.denied.size > 0 || holdsParked(files)) return null
    system.old.set(machine, { backup: machine.backUp(), tree: treeOf(machine) })
    return 'is backed up'
  },

  'old-database'(system, machine) {
    const old = system.old.get(machine)
    if (!old || machine.removed) return null
    machine.kill('all')
    machine.restore(old.backup)
    system.setBack(false)
    return 'gets back its database of then'
  },

  'old-device'(system, machine) {
    const old = system.old.get(machine)
    if (!old || machine.removed || machine.files.unmounted) return null
    machine.kill('all')
    machine.restore(old.backup)
    putBack(system, machine, old)
    system.setBack(true)
    return 'gets back all it had then'
  },

  clone(system, machine, chance) {
    const { files, removed } = machine
    const others = system.present.filter((other) => other !== machine && !other.files.unmounted)
    const isPlain = !files.unmounted && files.denied.size === 0 && !holdsParked(files)
    // Who is taken out of the account would be two.
    if (
      removed ||
      others.length === 0 ||
      !isPlain ||
      system.plan.steps.some(({ what }) => what === 'removal')
    )
      return null
    const other = chance.pick(others)
    const backup = machine.backUp()
    const tree = treeOf(machine)
    other.kill('all')
    other.cloneOf(machine, backup)
    putBack(system, other, { backup, tree })
    noteImage(system, machine, other)
    system.setBack(false)
    return `runs on the machine of ${other.name} too`
  },

  'lose-database'(system, machine) {
    if (machine.removed) return null
    machine.kill('all')
    machine.newStore()
    system.setBack(true)
    return 'loses its database'
  },

  removal(system, machine, chance, step) {
    const others = system.present.filter((other) => other !== machine)
    if (machine.removed || machine.process || machine.files.unmounted || others.length < 2) return null
    const gone = chance.pick(others)
    gone.removed = true
    if (system.doings.acted(gone.name)) system.doings.setBack()
    remove(machine, gone, step.seed)
    return `removes ${gone.name} from the account`
  },

  'server-crash'({ server }, _machine, chance) {
    const ms = chance.pick([10, 1_000, 20_000])
    server.crash(ms)
    return `the server ends, for ${ms} ms`
  },

  'server-arm'({ server }, _machine, chance) {
    const writes = 1 + chance.below(25)
    server.crashAfter(writes, chance.pick([10, 1_000, 20_000]))
    return `the server will end at write ${writes}`
  },

  /** Everybody switches their devices off; the server goes on and forgets what it need not keep. */
  async days(system, _machine, chance) {
    const { server, timeline } = system
    for (const machine of system.machines) machine.kill('all')
    const days = chance.pick([1, 7, 20, 29, 31, 45])
    for (let half = 0; half < 2; half++) {
      await timeline.pass((days / 2) * DAY_MS)
      if (server.up) server.upkeep().catch((error: unknown) => system.fail(error))
    }
    return `nobody does anything for ${days} days`
  },

  upkeep(system) {
    const { server } = system
    if (!server.up) return null
    server.upkeep().catch((error: unknown) => system.fail(error))
    return 'the server forgets what it need not keep'
  },

  async 'server-restore'(system, _machine, chance) {
    const { server, home } = system
    if (system.machines.some(({ removed }) => removed)) return null
    const first = home.journal.length
    const written = first + chance.below(Math.max(1, server.written - first))
    await server.restore(written)
    system.setBack(true)
    system.contents.forgetHistory()
    return `the server is set back to ${written - first} of ${server.written} writes`
  },
}

export function start(machine: Machine, seed: number): Process {
  if (machine.live) return machine.stayInSync(seed)
  return chanceOf(seed).happens(0.7) ? machine.syncAgain(seed) : machine.syncOnce(seed)
}

export function remove(machine: Machine, gone: Machine, seed: number): Process {
  return machine.inProcess(seed, (signed) => removeDevice(signed, gone.parts.account.device.id))
}

function survivalOf(system: System, chance: Chance): Process['survival'] {
  return system.plan.switches.powerLoss ? chance.pick(['all', 'some', 'some', 'none']) : 'all'
}

/** What stands outside its folder for a moment is on every image of a disk, and in no tree of the folder. */
function holdsParked({ work }: MemoryFiles): boolean {
  return work.stat('parked') !== null && work.list('parked').names.length > 0
}

function treeOf({ files }: Machine): OldState['tree'] {
  const tree = new Map<string, OldState['tree'] extends ReadonlyMap<string, infer V> ? V : never>()
  for (const path of pathsBelow(files, '')) {
    const { type, mtime, executable } = files.folder.stat(path)!
    if (type === 'folder') tree.set(path, { kind: 'folder' })
    else if (type === 'link') tree.set(path, { kind: 'link', target: files.folder.readLink(path) })
    else tree.set(path, { kind: 'file', bytes: readAll(files, path), mtime, executable })
  }
  return tree
}

/** What was there since is gone with the disk it was on. */
function putBack(system: System, machine: Machine, { tree }: OldState): void {
  const { files } = machine
  for (const writing of system.writings) if (writing.machine === machine) writing.cancelled = true
  files.denied.clear()
  machine.asPerson(() => {
    system.contents.giveUp(files, '')
    files.full = false
    for (const path of pathsBelow(files, '').reverse()) {
      if (files.folder.stat(path)?.type === 'folder') files.folder.removeDirectory(path)
      else files.folder.removeFile(path)
    }
    for (const folder of files.work.list('').names) {
      if (files.work.stat(folder)?.type === 'folder') emptyWork(system, files, folder)
    }
    for (const [path, was] of tree) {
      if (was.kind === 'folder') files.folder.makeDirectory(path)
      else if (was.kind === 'link') files.folder.makeLink(path, was.target)
      else {
        const writer = files.folder.create(path)
        writer.write(was.bytes)
        writer.close()
        files.folder.setModified(path, was.mtime)
        if (was.executable) files.folder.setExecutable(path, true)
        system.contents.save(was.bytes, `${machine.name} had ${JSON.stringify(path)} in its backup`)
      }
    }
  })
}

/** What the client had put aside goes with the disk, too, and what a program wrote to it there. */
function emptyWork(system: System, files: MemoryFiles, folder: string): void {
  for (const name of files.work.list(folder).names) {
    const path = `${folder}/${name}`
    const stat = files.work.stat(path)
    if (stat?.type === 'file') system.contents.replaced(readAll(files, path, 'work'))
    if (stat?.type !== 'folder') files.work.removeFile(path)
    else {
      emptyWork(system, files, path)
      files.work.removeDirectory(path)
    }
  }
}

/** What nearly everything was deleted from, and no answer given for, is so in the image too. */
function noteImage({ cleared }: System, machine: Machine, other: Machine): void {
  if (!cleared) return
  if (machine === cleared.machine || cleared.images.has(machine)) cleared.images.add(other)
  else cleared.images.delete(other)
}
