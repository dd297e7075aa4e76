/**
 * Short plans that once failed, kept as they were when they were shrunk: what a seed draws changes with the simulator, and
 * these do not. `npm run sim -- --story NAME` runs one.
 */
import type { Plan, Step, Switches } from './plan.ts'

const CALM: Switches = {
  devices: 2,
  live: 0,
  weather: {
    ...{ delayMs: 0, lostRequest: 0, lostAnswer: 0, late: 0, doubled: 0, cutAnswer: 0 },
    ...{ cutOff: false, mute: false },
  },
  hintsLost: 0,
  serverWriteMs: 0,
  caseInsensitive: false,
  names: 'twins',
  powerLoss: false,
}

type Told = readonly [n: number, what: string, who: number, seed: number, after: number]

const story = (seed: number, switches: Partial<Switches>, told: readonly Told[]): Plan => ({
  seed,
  switches: { ...CALM, ...switches },
  steps: told.map(([n, what, who, seed, after]): Step => ({ n, what, who, seed, after })),
})

export const STORIES: Readonly<Record<string, Plan>> = {
  /** It made a record with an empty list of chunks, which no device could read. */
  'long-file-moved-and-deleted': story(5176, {}, [
    [10, 'big', 0, 3982620654, 246],
    [11, 'sync', 0, 1736358545, 44],
    [16, 'sync', 1, 2720937405, 30],
    [17, 'move', 0, 1688604175, 52],
    [22, 'remove', 1, 701730520, 56],
    [23, 'sync', 1, 403838271, 23],
  ]),
  /** What was held stood for ever in a folder that had become one with another of its name, and was said to be in the way. */
  'held-in-a-folder-that-became-another': story(1138, {}, [
    [23, 'folder', 0, 4149067617, 231],
    [29, 'create', 0, 2828909764, 280099],
    [30, 'rest', 0, 131419876, 0],
    [34, 'clear', 0, 2127607492, 194],
    [37, 'many', 0, 3398838069, 19858],
    [53, 'meddle', 1, 362554644, 57355],
    [56, 'sync', 0, 2905733918, 4116],
    [62, 'big', 0, 3307453159, 14875],
    [63, 'turn', 0, 666356233, 11],
    [76, 'clear', 0, 3207277110, 43134],
    [78, 'folder', 0, 1495493872, 36],
  ]),
  /** Files beside it kept the conflict names that they had only because of what is elsewhere now, on one device. */
  'one-of-two-folders-goes-elsewhere': story(2296, { live: 1 }, [
    [2, 'many', 0, 3528729547, 140028],
    [4, 'sync', 0, 484332689, 343],
    [17, 'many', 0, 1692385234, 17120],
    [18, 'meddle', 1, 3421496824, 188594],
    [22, 'pair', 0, 1032765653, 16055],
    [35, 'folder', 0, 317983363, 184],
    [63, 'meddle', 1, 1694703254, 16407],
    [86, 'pair', 1, 3758109960, 9154],
  ]),
  /** While the version before it was given back to a server that had lost it, and its content, an edit was dropped. */
  'edit-while-what-it-was-made-from-is-given-back': story(42427, { names: 'few' }, [
    [20, 'create', 1, 2305942076, 27],
    [21, 'create', 1, 3585628697, 18334],
    [22, 'sync', 1, 3945985681, 1],
    [50, 'edit', 1, 21697393, 398671],
    [51, 'edit', 1, 3008013073, 3],
    [57, 'server-restore', 1, 2878281123, 58],
    [60, 'edit', 1, 3680956253, 48],
  ]),
  /** A rename of a file that waited named chunks that the server had lost, not those that were sent under the new key of the zone. */
  'renamed-file-lost-under-an-earlier-key': story(40331, { devices: 3, names: 'few' }, [
    [3, 'busy', 2, 2655746922, 13],
    [4, 'arm', 1, 4252479819, 9280],
    [5, 'folder', 1, 3557675134, 42],
    [20, 'move', 2, 3631414515, 37],
    [21, 'sync', 2, 497240822, 12],
    [22, 'edit', 2, 1357335925, 272612],
    [23, 'sync', 0, 1887012104, 45],
    [38, 'rest', 0, 4208588790, 0],
    [57, 'server-restore', 0, 18856987, 961],
    [58, 'removal', 2, 254787729, 9],
  ]),
}

/** Throws RangeError for a name that no story has. */
export function storyOf(name: string): Plan {
  const found = STORIES[name]
  if (!found)
    throw new RangeError(
      `there is no story ${JSON.stringify(name)}: choose among ${Object.keys(STORIES).join(', ')}`,
    )
  return found
}
