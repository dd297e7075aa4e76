/** Processes of the client on a simulated machine: what they are, and how they can end. */
import type { SyncReport } from '@pileus/client/drive/drive'
import type { Chance } from '../world/random.ts'
import { never } from './timeline.ts'

/** What ends a process. */
export type Outcome =
  | { readonly kind: 'report'; readonly report: SyncReport }
  | { readonly kind: 'done' }
  | { readonly kind: 'killed' }
  | { readonly kind: 'failed'; readonly error: unknown }

/** A process of the client, from its start to its end. */
export interface Process {
  readonly what: 'once' | 'live' | 'other'
  readonly chance: Chance
  ended: Promise<Outcome>
  alive: boolean
  /** Changes of disk and database until it ends. */
  momentsLeft: number
  /** Whether it ends only when it begins the next, so that two changes can be parted wherever one is made of several. */
  late: boolean
  doomed: boolean
  /** What a loss of power leaves; 'all': only the process ends. */
  survival: 'all' | 'none' | 'some'
  /** Ends a live process in good order. */
  stop(): void
}

/** One that nothing ends. */
export function newProcess(what: Process['what'], chance: Chance): Process {
  return {
    what,
    chance,
    ended: never(),
    alive: true,
    momentsLeft: Number.POSITIVE_INFINITY,
    late: false,
    doomed: false,
    survival: 'all',
    stop() {},
  }
}
