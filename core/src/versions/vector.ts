/**
 * Version vectors: {writer → counter}, the version of a record (Parker et al., 1983).
 * A missing writer counts as 0; counters are positive safe integers.
 */
import type { WriterId } from '../ids/ids.ts'

export type VersionVector = Readonly<Record<WriterId, number>>

/** How one vector stands to another. */
export type Order = 'equal' | 'before' | 'after' | 'concurrent'

/** The version before the first. */
export const NO_VERSION: VersionVector = {}

/** How `a` stands to `b`: 'before' when b knows all that a knows and more. */
export function compareVectors(a: VersionVector, b: VersionVector): Order {
  let less = false
  let more = false
  for (const writer of Object.keys(a) as WriterId[]) {
    const other = b[writer] ?? 0
    if (a[writer]! < other) less = true
    if (a[writer]! > other) more = true
  }
  for (const writer of Object.keys(b) as WriterId[]) {
    if (!(writer in a) && b[writer]! > 0) less = true
  }
  if (less && more) return 'concurrent'
  if (less) return 'before'
  return more ? 'after' : 'equal'
}

/** True when `a` knows all that `b` knows and more. */
export function dominates(a: VersionVector, b: VersionVector): boolean {
  return compareVectors(a, b) === 'after'
}

/** The least vector that knows what both know. */
export function joinVectors(a: VersionVector, b: VersionVector): VersionVector {
  const joined: Record<WriterId, number> = { ...a }
  for (const writer of Object.keys(b) as WriterId[]) {
    joined[writer] = Math.max(joined[writer] ?? 0, b[writer]!)
  }
  return joined
}

/** The next version this writer makes after having seen `seen` and sealed up to `sealed` itself. */
export function nextVector(seen: VersionVector, writer: WriterId, sealed = 0): VersionVector {
  return { ...seen, [writer]: Math.max(seen[writer] ?? 0, sealed) + 1 }
}

/** One text per vector, whatever the order its entries were written in: `writer:counter,…`. */
export function vectorKey(vector: VersionVector): string {
  const writers = Object.keys(vector) as WriterId[]
  // Most records have one writer, and this is asked for all the time.
  if (writers.length === 1) return `${writers[0]}:${vector[writers[0]!]}`
  return entries(vector)
    .map(([writer, counter]) => `${writer}:${counter}`)
    .join(',')
}

/** The vector with this key; `NO_VERSION` for ''. */
export function vectorOfKey(key: string): VersionVector {
  const parts = key === '' ? [] : key.split(',')
  return Object.fromEntries(
    parts.map((part) => {
      const [writer, counter] = part.split(':')
      return [writer!, Number(counter)]
    }),
  )
}

/** The entries in canonical order, by writer id. */
export function entries(vector: VersionVector): [WriterId, number][] {
  return (Object.keys(vector) as WriterId[]).sort().map((writer) => [writer, vector[writer]!])
}
