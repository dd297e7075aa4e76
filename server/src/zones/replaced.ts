/** Which versions of a commit take the place of another. */
import type { Commit, StoredVersion } from './zones.ts'

/** The versions whose record had one before, whether that one is still kept or not. */
export function replacing({ versions, steps }: Commit): StoredVersion[] {
  const first = new Set(steps.filter(({ oldLeaf }) => oldLeaf === null).map(({ sequence }) => sequence))
  return versions.filter(({ sequence }) => !first.has(sequence))
}
