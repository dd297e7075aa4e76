/** Doing one thing as often as asked, each time with fresh folders, and putting the answers together. */
import { spawnSync } from 'node:child_process'
import type { Carried, Contender, Pair } from '../contenders/contender.ts'
import type { Bench, Measured } from '../question.ts'
import { median } from './statistics.ts'

/** Opens a pair in a fresh folder, lets `work` use it, closes it, removes the folder. */
export async function withPair<T>(
  bench: Bench,
  contender: Contender,
  work: (pair: Pair) => Promise<T>,
): Promise<T> {
  const root = bench.folder(contender.name.replaceAll(' ', '-'))
  try {
    const pair = await contender.open(root)
    try {
      return await work(pair)
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
  const parts: Record<string, number> = {}
  for (const name of Object.keys(carried[0]?.parts ?? {}))
    parts[name] = median(carried.map((one) => one.parts[name] ?? 0))
  const moved = carried.flatMap(({ movedBytes }) => (movedBytes === null ? [] : [movedBytes]))
  return {
    kind: 'measured',
    unit: 's',
    samples: carried.map(({ seconds }) => seconds),
    parts,
    movedBytes: moved.length > 0 ? Math.max(...moved) : null,
    peaks: highest(peaks),
    notes,
  }
}

function highest(peaks: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const top: Record<string, number> = {}
  for (const one of peaks)
    for (const [name, bytes] of Object.entries(one)) top[name] = Math.max(top[name] ?? 0, bytes)
  return top
}
