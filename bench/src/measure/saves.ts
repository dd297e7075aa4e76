/** Saving small new files one after another, and seeing how soon each shows on the other side. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Live, Pair } from '../contenders/contender.ts'
import { since } from './live-carry.ts'
import { sleep, until } from './waiting.ts'

/** Between two saves: long enough that nobody gathers them. */
const PAUSE_MS = 1_100

export interface Saves {
  readonly milliseconds: readonly number[]
  /** User and system time of each process for one save and the pause after it, in seconds. */
  readonly processor: Readonly<Record<string, number>>
}

/** Nobody is told to look: both sides notice by themselves. `name` must not have been used in this pair. */
export async function timeSaves(pair: Pair, live: Live, name: string, count: number): Promise<Saves> {
  const save = async (file: string): Promise<number> => {
    const start = performance.now()
    writeFileSync(join(pair.a, file), 'x'.repeat(100))
    await until(`B shows ${file}`, () => existsSync(join(pair.b, file)), { everyMs: 1, withinMs: 60_000 })
    const milliseconds = performance.now() - start
    await sleep(PAUSE_MS)
    return milliseconds
  }
  // The first only shows that both sides are awake.
  await save(`${name} first.txt`)
  const before = live.processor()
  const milliseconds: number[] = []
  for (let turn = 0; turn < count; turn++) milliseconds.push(await save(`${name} ${turn}.txt`))
  const all = Object.entries(since(before, live.processor()))
  return {
    milliseconds,
    processor: Object.fromEntries(all.map(([process, seconds]) => [process, seconds / count])),
  }
}
