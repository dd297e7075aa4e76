/** All machines of a run with their server, and everything that watches over them. */
import type { Location } from '@pileus/client/files/files'
import type { EndpointName } from '@pileus/core/protocol/endpoints'
import type { Content } from '@pileus/core/records/record'
import { Contents } from '../oracles/contents.ts'
import { Doings } from '../oracles/doings.ts'
import { Secrecy } from '../oracles/secrecy.ts'
import { Uploads } from '../oracles/uploads.ts'
import { Visible } from '../oracles/visible.ts'
import type { Plan } from '../plan/plan.ts'
import { chanceOf } from '../world/random.ts'
import type { Home } from './home.ts'
import { type Backup, Machine, type Witness } from './machine.ts'
import { judge } from './outcomes.ts'
import type { Outcome, Process } from './process.ts'
import { SimulatedServer } from './server.ts'
import { Timeline } from './timeline.ts'

export interface OldState {
  readonly backup: Backup
  /** Paths with what was there, folders first. */
  readonly tree: ReadonlyMap<string, { kind: 'folder' } | { kind: 'link'; target: string } | FileThen>
}

interface FileThen {
  readonly kind: 'file'
  readonly bytes: Uint8Array
  readonly mtime: number
  readonly executable: boolean
}

/** A program that is in the middle of writing a file. */
export interface Writing {
  readonly machine: Machine
  readonly identity: string
  cancelled: boolean
}

export interface Counts {
  [what: string]: number
}

/** More than any run needs: what still goes on then goes on for ever. */
const QUOTA_BYTES = 1_000_000_000

export class System {
  readonly plan: Plan
  readonly home: Home
  readonly timeline = new Timeline()
  readonly server: SimulatedServer
  readonly machines: readonly Machine[]
  readonly contents = new Contents()
  readonly secrecy: Secrecy
  readonly uploads: Uploads
  readonly visible = new Visible()
  doings = new Doings(new Map())
  readonly old = new Map<Machine, OldState>()
  /** Removed devices whose removal was brought to its end. */
  readonly removals = new Set<Machine>()
  readonly writings = new Set<Writing>()
  /** What the oracles opened of records, by the ends of their seals: a rest opens what the rests before it did not. */
  readonly opened = new Map<string, Content | null>()
  /**
   * Deletions of nearly everything that nobody has answered for: by whom, and of which paths; and the machines that run an image
   * made since then, from whose folders they are gone with it.
   */
  cleared: {
    readonly machine: Machine
    readonly paths: readonly string[]
    readonly images: Set<Machine>
  } | null = null
  /** Everything that happened, for comparing runs. */
  readonly trace: string[] = []
  /** What a person would want to read of it. */
  readonly story: string[] = []
  readonly counts: Counts = {}
  /** Nothing gets in the way any more: from then on nothing may fail. */
  resting = false
  /** Something was set back, or lost, from which conflict copies may come twice. */
  mayDouble = false
  readonly #full = new Set<Machine>()
  #failure: { readonly error: unknown } | null = null

  static async begin(home: Home, plan: Plan): Promise<System> {
    const system = new System(home, plan)
    await system.server.load(home.journal)
    return system
  }

  private constructor(home: Home, plan: Plan) {
    const { switches } = plan
    this.plan = plan
    this.home = home
    const failed = (error: unknown) => this.fail(error)
    this.server = new SimulatedServer({
      timeline: this.timeline,
      // Far from the small number that the home is drawn from: or a challenge of the server would be one of its keys.
      chance: chanceOf(plan.seed ^ 0x5e7a11ed),
      quotaBytes: QUOTA_BYTES,
      writeMs: switches.serverWriteMs,
      failed,
    })
    this.secrecy = new Secrecy(home.accounts)
    this.uploads = new Uploads(this.server)
    this.machines = home.accounts
      .slice(0, switches.devices)
      .map((account) => this.#machine(account, switches.hintsLost))
    for (const [n, machine] of this.machines.entries()) {
      machine.live = n < switches.live
      machine.weather = { ...switches.weather }
    }
  }

  /** One more device of the account, which nobody has used yet. */
  newcomer(): Machine {
    const account = this.machines.find(({ removed }) => !removed)!.parts.account
    return this.#machine(account, 0)
  }

  #machine(account: Machine['parts']['account'], hintsLost: number): Machine {
    const { timeline, server, home, plan } = this
    const { caseInsensitive } = plan.switches
    return new Machine({
      timeline,
      server,
      account,
      zone: home.zone,
      witness: this.#witness(),
      caseInsensitive,
      hintsLost,
    })
  }

  #witness(): Witness {
    return {
      changed: (machine: Machine, operation: string, at: readonly Location[]) => {
        const wrong = this.visible.changed(machine, operation, at)
        if (wrong) this.fail(new Error(`${machine.name}: ${wrong}`))
      },
      sent: (_machine: Machine, process: Process, name: EndpointName, bytes: Uint8Array) => {
        this.secrecy.sent(bytes)
        const wrong = this.uploads.sent(process, name, bytes)
        if (wrong) this.fail(new Error(wrong))
      },
      ended: (machine: Machine, process: Process, outcome: Outcome) => this.#ended(machine, process, outcome),
      rested: (machine: Machine) => this.visible.ended(machine),
      note: (machine: Machine, what: string) => this.note(`${machine.name} ${what}`),
      failed: (error: unknown) => this.fail(error),
    }
  }

  #ended(machine: Machine, process: Process, outcome: Outcome): void {
    this.visible.ended(machine)
    const { line, unexpected } = judge(this, machine, process, outcome)
    this.count(
      outcome.kind === 'killed'
        ? process.survival === 'all'
          ? 'killed'
          : 'lost power'
        : `${process.what} ${outcome.kind}`,
    )
    const what = process.what === 'other' ? '' : 'sync '
    if (what !== '' || unexpected) this.tell(`${machine.name}: ${what}${line}`)
    if (unexpected) this.fail(unexpected)
  }

  /** Only for the trace. */
  note(what: string): void {
    this.trace.push(`${this.timeline.now} ${what}`)
  }

  /** For the trace and for people. */
  tell(what: string): void {
    this.note(what)
    this.story.push(`${this.#time()}  ${what}`)
  }

  #time(): string {
    return new Date(this.timeline.now).toISOString().slice(5, 23).replace('T', ' ')
  }

  /** Its disk was full at some time since the last rest. */
  wasFull(machine: Machine): boolean {
    return machine.files.full || this.#full.has(machine)
  }

  fill(machine: Machine, full: boolean): void {
    machine.files.full = full
    if (full) this.#full.add(machine)
  }

  allRoomy(): void {
    this.#full.clear()
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1
  }

  /** Somebody has less, or older things, than they had: whoever knows both keeps both. */
  setBack(mayDouble: boolean): void {
    this.mayDouble ||= mayDouble
    this.doings.setBack()
  }

  /** Something is not as promised. The first is what counts. */
  fail(error: unknown): void {
    this.#failure ??= { error }
  }

  throwIfFailed(): void {
    if (this.#failure) throw this.#failure.error
  }

  get present(): readonly Machine[] {
    return this.machines.filter(({ removed }) => !removed)
  }
}
