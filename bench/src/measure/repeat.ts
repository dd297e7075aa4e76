/** Doing one thing as often as asked, each time with fresh folders, and putting the answers together. */
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Carried, Contender, Pair } from '../contenders/contender.ts'
import type { Bench, Measured } from '../question.ts'
import { median } from './statistics.ts'

/**
 * Opens a pair in a fresh folder, lets `work` use it, closes it, removes the folder. `aside` is a folder on the disk of
 * A's, where a workload is prepared that is then moved in.
 */
export async function withPair<T>(
  bench: Bench,
  contender: Contender,
  work: (pair: Pair, aside: string) => Promise<T>,
  options = { countWire: false },
): Promise<T> {
  const root = bench.folder(contender.name.replaceAll(' ', '-'))
  const aside = join(root, 'aside')
  mkdirSync(aside)
  try {
    const pair = await contender.open(root, options)
    try {
      return await work(pair, aside)
    } finally {
      await pair.close()
    }
  } finally {
    bench.discard(root)
  }
}

/** What the workload left to be written reaches the disk before the clock starts. */
export function settleDisk(): void {
  spawnSync('sync')
}

/** The answer that these repetitions give together. */
export function together(
  carried: readonly Carried[],
  peaks: readonly Readonly<Record<string, number>>[],
  notes: readonly string[] = [],
): Measured {
  const wire = carried.flatMap(({ wireBytes }) => (wireBytes === null ? [] : [wireBytes]))
  const said = carried.flatMap((one) => (one.said === null ? [] : [one.said]))
  return {
    kind: 'measured',
    unit: 's',
    samples: carried.map(({ seconds }) => seconds),
    parts: medians(carried.map(({ parts }) => parts)),
    processor: medians(carried.map(({ processor }) => processor)),
    movedBytes: wire.length > 0 ? Math.max(...wire) : null,
    peaks: highest(peaks),
    notes,
    said,
  }
}

/** The median of each thing that the first names. */
export function medians(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const names = Object.keys(all[0] ?? {})
  return Object.fromEntries(names.map((name) => [name, median(all.map((one) => one[name] ?? 0))]))
}

function highest(peaks: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const top: Record<string, number> = {}
  for (const one of peaks)
    for (const [name, bytes] of Object.entries(one)) top[name] = Math.max(top[name] ?? 0, bytes)
  return top
}
