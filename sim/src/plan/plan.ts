/**
 * What happens in a run, all of it drawn from a seed before the run begins. Each step carries a seed of its own, so that
 * a step that is left out changes nothing of what the others draw.
 */

import type { Weather } from '../system/calls.ts'
import { type Chance, chanceOf } from '../world/random.ts'

/** What a person does to the folder of one device. */
export const DEEDS = [
  ...['create', 'edit', 'append', 'insert', 'empty', 'same', 'copy', 'old', 'big', 'many'],
  ...[
    'folder',
    'move',
    'rename',
    'swap',
    'into',
    'chain',
    'remove',
    'clear',
    'link',
    'attributes',
    'turn',
    'usb',
    'hold',
    'busy',
  ],
] as const

/** What happens to a device, its line or the server. */
export const EVENTS = [
  ...['sync', 'stop', 'kill', 'arm', 'cut', 'mend', 'skew', 'full', 'room', 'unmount', 'mount', 'deny'],
  ...['backup', 'old-database', 'old-device', 'clone', 'lose-database', 'removal', 'answer'],
  ...['server-crash', 'server-arm', 'server-restore', 'upkeep', 'rest'],
  ...['pair', 'meddle', 'days', 'twins'],
] as const

export type Deed = string
export type StepKind = string

export interface Step {
  /** Its number in the plan it was drawn for. */
  readonly n: number
  readonly what: StepKind
  /** Which device. */
  readonly who: number
  readonly seed: number
  /** Milliseconds since the step before. */
  readonly after: number
}

/** What a run stresses and what it leaves out, drawn once, so that no fault hides what others would show. */
export interface Switches {
  readonly devices: number
  /** How many of them stay in sync by a process that goes on. */
  readonly live: number
  readonly weather: Weather
  /** What the watch and the live channel do not tell, 0 to 1. */
  readonly hintsLost: number
  /** Milliseconds that a write of the server takes at most. */
  readonly serverWriteMs: number
  readonly caseInsensitive: boolean
  readonly names: 'plain' | 'few' | 'odd' | 'twins'
  readonly powerLoss: boolean
}

export interface Plan {
  readonly seed: number
  readonly switches: Switches
  readonly steps: readonly Step[]
}

/** How often each thing happens where it happens at all. */
const WEIGHTS: Readonly<Record<string, number>> = {
  create: 8,
  edit: 8,
  append: 3,
  insert: 3,
  empty: 1,
  same: 2,
  copy: 2,
  old: 1,
  big: 1,
  many: 2,
  folder: 4,
  move: 6,
  rename: 3,
  swap: 2,
  into: 2,
  chain: 1,
  remove: 5,
  clear: 2,
  link: 1.5,
  attributes: 2,
  turn: 2,
  usb: 0.3,
  hold: 2,
  pair: 5,
  meddle: 4,
  busy: 2,
  days: 0.7,
  sync: 30,
  stop: 1,
  kill: 2,
  arm: 5,
  cut: 2,
  mend: 4,
  skew: 1,
  full: 1,
  room: 3,
  unmount: 1.5,
  mount: 3,
  deny: 1,
  backup: 3,
  'old-database': 1.5,
  'old-device': 1.5,
  clone: 2,
  'lose-database': 1,
  removal: 1,
  answer: 1,
  'server-crash': 2,
  'server-arm': 4,
  'server-restore': 1,
  upkeep: 1.5,
}

/** Whatever is not here is in every run. */
const SHARES: Readonly<Record<string, number>> = {
  ...{ same: 0.5, copy: 0.5, old: 0.3, empty: 0.5, big: 0.4, many: 0.35, swap: 0.6, into: 0.6, chain: 0.5 },
  ...{ append: 0.7, insert: 0.5, remove: 0.8, clear: 0.5, link: 0.5, attributes: 0.6, turn: 0.5, usb: 0.2 },
  ...{ move: 0.85, rename: 0.6, folder: 0.9 },
  ...{ stop: 0.5, kill: 0.35, arm: 0.5, cut: 0.35, skew: 0.35, full: 0.25, unmount: 0.2, deny: 0.2 },
  ...{
    backup: 0.3,
    'old-database': 0.6,
    'old-device': 0.6,
    clone: 0.2,
    'lose-database': 0.25,
    removal: 0.25,
  },
  ...{ hold: 0.5, pair: 0.7, meddle: 0.5, busy: 0.35, days: 0.3 },
  ...{ 'server-crash': 0.3, 'server-arm': 0.4, 'server-restore': 0.25, upkeep: 0.3 },
}

/** What makes no sense without another. */
const NEEDS: Readonly<Record<string, string>> = {
  mend: 'cut',
  room: 'full',
  mount: 'unmount',
  'old-database': 'backup',
  'old-device': 'backup',
  answer: 'clear',
  clear: 'many',
}

/** The plan of this seed: always the same. */
export function planOf(seed: number): Plan {
  const chance = chanceOf(seed)
  const switches = drawSwitches(chance)
  const kinds = drawKinds(chance)
  const most = chance.pick([15, 25, 40, 60, 90])
  const steps: Step[] = []
  const hurried = chance.pick([0.2, 0.6, 0.9])
  const soloShare = chance.pick([0, 0.3, 0.6])
  let phase = { left: 0, solo: -1 }
  for (let n = 0; n < most; n++) {
    if (phase.left-- <= 0) {
      phase = {
        left: 6 + chance.below(25),
        solo: chance.happens(soloShare) ? chance.below(switches.devices) : -1,
      }
      if (n > 0) steps.push({ n: steps.length, what: 'rest', who: 0, seed: chance.seed(), after: 0 })
    }
    const what = drawKind(chance, kinds)
    const isDeed = (DEEDS as readonly string[]).includes(what)
    const who = isDeed && phase.solo >= 0 ? phase.solo : chance.below(switches.devices)
    const after = chance.happens(hurried)
      ? chance.below(60)
      : chance.below(chance.pick([1_000, 20_000, 400_000]))
    steps.push({ n: steps.length, what, who, seed: chance.seed(), after })
  }
  return { seed, switches, steps: withTwins(seed, steps) }
}

/**
 * Whoever runs an image of a device beside it goes on there with what they were at. These steps are drawn apart from all others
 * and numbered after them, so that nothing else of a plan changes by them.
 */
function withTwins(seed: number, steps: readonly Step[]): Step[] {
  const chance = chanceOf(seed ^ 0x7135)
  let n = steps.length
  return steps.flatMap((step) => {
    if (step.what !== 'clone') return [step]
    return [step, { n: n++, what: 'twins', who: step.who, seed: chance.seed(), after: chance.below(60) }]
  })
}

function drawSwitches(chance: Chance): Switches {
  const devices = chance.pick([1, 2, 2, 2, 2, 3, 3, 4, 6])
  const bad = (share: number, most: number) => (chance.happens(share) ? most * chance.fraction() : 0)
  return {
    devices,
    live: chance.happens(0.45) ? 1 + chance.below(devices) : 0,
    weather: {
      delayMs: chance.happens(0.7) ? chance.pick([5, 30, 300]) : 0,
      lostRequest: bad(0.3, 0.06),
      lostAnswer: bad(0.3, 0.06),
      late: bad(0.3, 0.05),
      doubled: bad(0.3, 0.3),
      cutAnswer: bad(0.15, 0.05),
      cutOff: false,
      mute: false,
    },
    hintsLost: bad(0.3, 0.5),
    serverWriteMs: chance.happens(0.3) ? chance.pick([2, 20]) : 0,
    caseInsensitive: chance.happens(0.2),
    names: chance.pick(['plain', 'few', 'few', 'odd', 'twins']),
    powerLoss: chance.happens(0.6),
  }
}

function drawKinds(chance: Chance): Map<string, number> {
  const kinds = new Map<string, number>()
  for (const [kind, weight] of Object.entries(WEIGHTS)) {
    const here = chance.happens(SHARES[kind] ?? 1)
    const needed = NEEDS[kind]
    if (here && (needed === undefined || kinds.has(needed))) kinds.set(kind, weight)
  }
  return kinds
}

function drawKind(chance: Chance, kinds: ReadonlyMap<string, number>): string {
  let total = 0
  for (const weight of kinds.values()) total += weight
  let left = total * chance.fraction()
  for (const [kind, weight] of kinds) {
    left -= weight
    if (left <= 0) return kind
  }
  return 'sync'
}
