/** When to kill: drawn from a seed, and spread over everything that a sync does. */
import type { Chance } from '../world/random.ts'
import type { Call, Listener, Part, Passing } from './tap.ts'

export type Moment =
  /** So long after the process began. */
  | { readonly kind: 'time'; readonly milliseconds: number }
  /** When a call passes for the n-th time, so many bytes of it were seen, and then a little later perhaps. */
  | {
      readonly kind: 'call'
      readonly call: Call
      readonly part: Part
      readonly nth: number
      readonly bytes: number
      readonly later: number
    }

/** What the one to be killed mostly does: its calls, each as often as it stands here; null is any time. */
const CALLS = {
  sending: [null, null, 'pull', 'missing', 'missing', 'pack', 'pack', 'pack', 'push', 'push'],
  receiving: [null, null, 'pull', 'fetch', 'fetch', 'fetch', 'fetch', 'fetch', 'missing', 'push'],
  both: [null, null, 'pull', 'missing', 'pack', 'pack', 'push', 'push', 'fetch', 'fetch'],
} as const satisfies Record<string, readonly (Call | null)[]>

export type Doing = keyof typeof CALLS

/** Longest after the beginning of a process: a start takes about a second where others work too. */
const TIME_MAX_MS = 2_500
const SOON_MAX_MS = 600
/** Nothing of the kind may come any more; a loaded machine is slow. */
const PATIENCE_MS = 15_000
const LATER_MAX_MS = 250
const MIDWAY_MAX_BYTES = 8 * 1024 * 1024

/**
 * So many moments, in which every kind has its share. Where one device sends and another receives, what comes early in
 * that comes early here: or all would have arrived before the first kill in the middle of it.
 */
export function drawMoments(chance: Chance, doing: Doing, count: number): Moment[] {
  const calls: readonly (Call | null)[] = CALLS[doing]
  const drawn: (Call | null)[] = []
  while (drawn.length < count) drawn.push(...shuffled(chance, calls))
  const chosen = drawn.slice(0, count)
  if (doing !== 'both') chosen.sort((a, b) => calls.indexOf(a) - calls.indexOf(b))
  // The first of each kind kills in the very step, and in the first such one, so that every kind is met for certain.
  return chosen.map((call, index) => drawMoment(chance, call, chosen.indexOf(call) < index))
}

function shuffled<T>(chance: Chance, from: readonly T[]): T[] {
  const left = [...from]
  return from.map(() => left.splice(chance.below(left.length), 1)[0]!)
}

/** A moment that comes before a sync with nothing to do has ended, mostly. */
export function soon(chance: Chance): Moment {
  return { kind: 'time', milliseconds: chance.below(SOON_MAX_MS) }
}

function drawMoment(chance: Chance, call: Call | null, isRepeated: boolean): Moment {
  if (call === null) return { kind: 'time', milliseconds: chance.below(TIME_MAX_MS) }
  const part = chance.pick<Part>(
    call === 'pack' || call === 'fetch'
      ? ['asked', 'midway', 'midway', 'acted', 'answered']
      : ['asked', 'acted', 'answered'],
  )
  const nth = call === 'push' ? 1 : 1 + chance.below(call === 'pack' || call === 'fetch' ? 3 : 2)
  return {
    kind: 'call',
    call,
    part,
    nth: isRepeated ? nth : 1,
    bytes: chance.below(MIDWAY_MAX_BYTES),
    later: chance.happens(0.5) && isRepeated ? chance.below(LATER_MAX_MS) : 0,
  }
}

/**
 * Does `act` at this moment, in the very step in which it is seen; when `idle` resolves or patience ends before it
 * came, then. Nothing is done when `ended` resolves first.
 */
export function at(
  moment: Moment,
  listen: (listener: Listener) => () => void,
  { ended, idle }: { readonly ended: Promise<unknown>; readonly idle: Promise<unknown> },
  act: () => void,
): Promise<'came' | 'tired' | 'ended'> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout
    let isOver = false
    const settle = (how: 'came' | 'tired' | 'ended') => {
      if (isOver) return
      isOver = true
      clearTimeout(timer)
      silence()
      if (how !== 'ended') act()
      resolve(how)
    }
    const after = (milliseconds: number, how: 'came' | 'tired') => {
      clearTimeout(timer)
      timer = setTimeout(() => settle(how), milliseconds)
    }
    let passed = 0
    const isIt = (passing: Passing): boolean => {
      if (moment.kind !== 'call' || passing.call !== moment.call) return false
      if (passing.part === 'asked') passed++
      if (passed < moment.nth) return false
      // An answer ends what had fewer bytes than were waited for.
      if (moment.part === 'midway')
        return (passing.part === 'midway' && passing.bytes >= moment.bytes) || passed > moment.nth
      return passing.part === moment.part
    }
    const silence = listen((passing) => {
      if (!isIt(passing)) return
      silence()
      if (moment.kind === 'call' && moment.later > 0) after(moment.later, 'came')
      else settle('came')
    })
    ended.then(() => settle('ended'))
    if (moment.kind === 'time') after(moment.milliseconds, 'came')
    else {
      idle.then(() => settle('tired'))
      after(PATIENCE_MS, 'tired')
    }
  })
}
