/** Oracle (g) where a deletion lets another file have its name. */
import { expect, it } from 'vitest'
import type { Seen } from '../world/disk-tree.ts'
import { Doings } from './doings.ts'

const LONG = `${'long'.repeat(62)}.txt`
const CUT = `${LONG.slice(0, 170)}~${'0123456789abcdef'.repeat(2)} (device-1's conflicted copy 2026-01-01).txt`

const file = (hash: string): Seen => ({ kind: 'file', hash, mtime: 1, executable: false })

/** One person deletes the long name while another makes a file, and it is there all the same. */
function afterDeletion(others: readonly string[]): string | null {
  const base = new Map([LONG, ...others].map((path): [string, Seen] => [path, file(path)]))
  const doings = new Doings(base)
  doings.remove('device-1', LONG, [])
  doings.touch('device-2', 'new.txt')
  return doings.check(base)
}

it('a file that had a conflict name, cut because it would be too long, may show its own once that is free', () => {
  expect(afterDeletion([CUT])).toBeNull()
})

it('what was deleted and had no namesake in its folder must be gone', () => {
  for (const others of [[], [`folder/${CUT}`], [CUT.replace('longlong', 'lonelong')], [LONG.slice(1)]])
    expect(afterDeletion(others)).toMatch(/^device-1 deleted .* it is there/)
})
