/**
 * Scenario 18: devices and server are killed at random moments of their work, again and again, and started again;
 * in the end everything has to be equal, nothing lost, nothing doubled, and nothing sent that had arrived.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { PACK_MAX_BYTES } from '@pileus/core/limits'
import { describeTree, differences } from 'pileus/story/tree'
import { type Chance, chanceOf } from '../world/random.ts'
import { Household, type Machine, upToDate } from './household.ts'
import { at, type Doing, drawMoments, soon } from './moments.ts'
import { Person } from './person.ts'
import type { Call, Listener, Passing } from './tap.ts'

export interface Stage {
  /** Devices at work in it, what they mostly do, and how often each is killed. */
  readonly devices: Readonly<Record<string, { readonly doing: Doing; readonly kills: number }>>
  readonly serverKills: number
}

export interface TortureOptions {
  readonly seed: number
  readonly devices: readonly [string, string]
  /** What lies in the first device's folder at the beginning. */
  readonly begin: (person: Person) => void
  readonly stages: readonly Stage[]
  /** How often a person edits at a kill, beside what they do when there is nothing left to sync. */
  readonly editing: number
  readonly say?: (line: string) => void
}

export interface TortureReport {
  /** Kills by who was killed and what passed last of it. */
  readonly kills: ReadonlyMap<string, number>
  readonly edits: number
  readonly files: number
  readonly savedBytes: number
  readonly uploads: Household['uploads']['total']
}

const NEVER = new Promise<never>(() => {})
/** Syncs on each device in which everything has to come to rest. */
const ROUNDS_TO_REST = 6
/** Packs that a device may have under way when it is killed. */
const PACKS_UNDER_WAY = 4

/** Runs it. Rejects where a command fails that nobody killed, or the end is not as promised. */
export async function torture(options: TortureOptions): Promise<TortureReport> {
  const household = await Household.open(options.devices)
  try {
    return await new Torture(household, options).run()
  } finally {
    await household.close()
  }
}

const SENT: ReadonlySet<Call> = new Set(['missing', 'pack', 'push'])

class Torture {
  readonly #household: Household
  readonly #options: TortureOptions
  readonly #chance: Chance
  readonly #people: Map<string, Person>
  readonly #kills = new Map<string, number>()

  constructor(household: Household, options: TortureOptions) {
    this.#household = household
    this.#options = options
    this.#chance = chanceOf(options.seed)
    this.#people = new Map(
      household.machines.map(({ name, device }) => [
        name,
        new Person(device.folder, `of ${name}`, this.#chance.fork()),
      ]),
    )
  }

  async run(): Promise<TortureReport> {
    const { machines } = this.#household
    this.#options.begin(this.#people.get(machines[0]!.name)!)
    for (const stage of this.#options.stages) {
      const atWork = machines.filter(({ name }) => name in stage.devices)
      const devices = Promise.all(
        atWork.map((machine) => {
          const { doing, kills } = stage.devices[machine.name]!
          return this.#haunt(machine, doing, kills, this.#chance.fork())
        }),
      )
      // Without devices at work nothing passes that could be waited for.
      const server = this.#hauntServer(atWork, devices, stage, this.#chance.fork())
      await Promise.all([server, devices])
      // Whoever receives in the next stage has something to receive.
      for (const { device } of atWork) await device.ok('sync --once')
    }
    await this.#comeToRest()
    this.#checkEnd()
    await this.#checkServer()
    return this.#report()
  }

  /** Starts the sync of a device and kills it, so often. */
  async #haunt(machine: Machine, doing: Doing, kills: number, chance: Chance): Promise<void> {
    const person = this.#people.get(machine.name)!
    const listen = (listener: Listener) => machine.tap.listen(listener)
    const moments = drawMoments(chance, doing, kills)
    for (let moment = moments.shift(); moment !== undefined; ) {
      const stays = chance.happens(0.5)
      const serverBefore = this.#household.serverChanges
      // Uploads and pushes go on beside each other: all that there was may have been sent by now.
      const sends = moment.kind === 'call' && SENT.has(moment.call)
      if (sends && doing !== 'receiving') person.edit()
      const sync = this.#household.startSync(machine, stays)
      const edits = chance.happens(this.#options.editing)
      const how = await at(moment, listen, { ended: sync.ended, idle: upToDate(sync) }, () => {
        if (edits && chance.happens(0.5)) person.edit()
        sync.stop('SIGKILL')
        this.#note(machine.name, machine.tap.last)
      })
      if (how === 'ended') {
        const code = await sync.ended
        // A sync waits some seconds for a server that is away, and not at all where a session begins.
        const serverWasAway = serverBefore % 2 === 1 || this.#household.serverChanges > serverBefore
        if (code !== 0 && !(code === 4 && serverWasAway))
          throw new Error(`sync on ${machine.name} ended with ${code}:\n${sync.output()}`)
        // What was waited for may never come again, unless the server being away kept it from coming.
        if (code === 0) moment = soon(chance)
      } else {
        await sync.ended
        moment = moments.shift()
      }
      // With nothing left to sync, the next moments would all be alike.
      if (edits || how === 'tired' || how === 'ended') person.edit()
    }
  }

  async #hauntServer(
    atWork: readonly Machine[],
    idle: Promise<unknown>,
    { devices, serverKills }: Stage,
    chance: Chance,
  ): Promise<void> {
    const doing = Object.values(devices).map((one) => one.doing)
    for (const moment of drawMoments(chance, doing.length === 1 ? doing[0]! : 'both', serverKills)) {
      let last: Passing | null = null
      const listen = (listener: Listener) => {
        const endings = atWork.map(({ tap }) =>
          tap.listen((passing) => {
            last = passing
            listener(passing)
          }),
        )
        return () => {
          for (const end of endings) end()
        }
      }
      let restarted: Promise<void> | undefined
      await at(moment, listen, { ended: NEVER, idle }, () => {
        restarted = this.#household.killServer()
        this.#note('server', last)
      })
      await restarted
    }
  }

  #note(victim: string, last: Passing | null): void {
    const what = `${victim} ${phase(last)}`
    this.#kills.set(what, (this.#kills.get(what) ?? 0) + 1)
    this.#options.say?.(`killed ${what}`)
  }

  async #comeToRest(): Promise<void> {
    for (let round = 0; round < ROUNDS_TO_REST; round++) {
      let busy = false
      for (const { device } of this.#household.machines) {
        const { stdout } = await device.ok('sync --once --json')
        const report = JSON.parse(stdout)
        const { pushed, pulled, applied, heldDeletions, problems, conflicts } = report
        if (heldDeletions > 0 || problems.length > 0 || conflicts.length > 0)
          throw new Error(`after all kills, sync says ${stdout}`)
        busy ||= pushed + pulled + applied > 0
      }
      if (!busy) return
    }
    throw new Error(`not at rest after ${ROUNDS_TO_REST} syncs on each device`)
  }

  #checkEnd(): void {
    const [a, b] = this.#household.machines.map(({ device }) => describeTree(device.folder)) as [
      Map<string, string>,
      Map<string, string>,
    ]
    const differ = differences(a, b)
    if (differ.length > 0) throw new Error(`the folders differ:\n${differ.join('\n')}`)
    const expected = new Map<string, string>()
    for (const person of this.#people.values())
      for (const [path, hash] of person.ledger) expected.set(path, hash)
    const found = new Map<string, string>()
    for (const [path, what] of a) if (what !== 'folder') found.set(path, what.split(' ')[1]!)
    const wrong = differences(expected, found)
    if (wrong.length > 0) throw new Error(`not what was saved:\n${wrong.join('\n')}`)
    for (const { name, device } of this.#household.machines) {
      const left = ['staging', 'stash', 'parked'].flatMap((folder) => {
        const path = join(device.home, 'work', folder)
        return existsSync(path) ? readdirSync(path).map((file) => `${folder}/${file}`) : []
      })
      if (left.length > 0) throw new Error(`left behind on ${name}: ${left.join(', ')}`)
    }
  }

  async #checkServer(): Promise<void> {
    await this.#household.restartServer()
    const left = this.#household.leftOnServer()
    if (left.length > 0) throw new Error(`left behind on the server: ${left.join(', ')}`)
    const { chunksAgain, cutPacks, cutBytes } = this.#household.uploads.total
    if (chunksAgain > 0)
      throw new Error(`${chunksAgain} chunks were sent again after the server had acknowledged them`)
    const kills = [...this.#kills.values()].reduce((sum, count) => sum + count, 0)
    if (cutBytes > kills * PACKS_UNDER_WAY * PACK_MAX_BYTES)
      throw new Error(`${cutPacks} packs (${cutBytes} bytes) were cut by ${kills} kills`)
  }

  #report(): TortureReport {
    const people = [...this.#people.values()]
    const sum = (of: (person: Person) => number) => people.reduce((total, person) => total + of(person), 0)
    return {
      kills: this.#kills,
      edits: sum(({ edits }) => edits),
      files: sum(({ ledger }) => ledger.size),
      savedBytes: sum(({ bytes }) => bytes),
      uploads: this.#household.uploads.total,
    }
  }
}

/** What a process was at when this had passed last. */
function phase(last: Passing | null): string {
  if (last === null) return 'starting'
  const begun = last.part !== 'answered'
  switch (last.call) {
    case 'other':
      return 'signing in'
    case 'pull':
      return begun ? 'pulling' : 'scanning'
    case 'missing':
      return 'reading'
    case 'pack':
      return begun ? 'uploading' : 'between packs'
    case 'push':
      return begun ? 'pushing' : 'after a push'
    case 'fetch':
      return begun ? 'downloading' : 'applying'
  }
}
