/** Changes that happen in one moment, and seeing them arrive at little cost. */
import { existsSync, readdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Change, Pair } from '../contenders/contender.ts'

/** Contenders keep times to the microsecond or better; the rest is how a double holds them. */
const TIME_TOLERANCE_MS = 0.002

interface File {
  readonly path: string
  readonly size: number
  readonly mtimeMs: number
}

/** What lies at `aside` (a file or a folder) is moved to `name` in A's folder, over what may be there. */
export function moveIn(pair: Pair, aside: string, name: string): Change {
  return {
    make: () => renameSync(aside, join(pair.a, name)),
    isThere: arrival(aside, join(pair.b, name)),
  }
}

/** `from` in A's folder gets the name `to`. */
export function rename(pair: Pair, from: string, to: string): Change {
  const arrived = arrival(join(pair.a, from), join(pair.b, to))
  return {
    make: () => renameSync(join(pair.a, from), join(pair.a, to)),
    isThere: () => !existsSync(join(pair.b, from)) && arrived(),
  }
}

/**
 * Looks whether all files of `source`, as they are now, are at `place` with their sizes and times. A file that was seen is
 * not looked at again, and a look ends at the first that is missing: all looks together cost one `stat` for each file.
 */
export function arrival(source: string, place: string): () => boolean {
  const files = list(source, '')
  let next = 0
  return () => {
    for (; next < files.length; next++) {
      const { path, size, mtimeMs } = files[next]!
      const found = statSync(path === '' ? place : `${place}/${path}`, { throwIfNoEntry: false })
      if (found?.size !== size || Math.abs(found.mtimeMs - mtimeMs) > TIME_TOLERANCE_MS) return false
    }
    return true
  }
}

function list(root: string, path: string): File[] {
  const found = statSync(join(root, path))
  if (!found.isDirectory()) return [{ path, size: found.size, mtimeMs: found.mtimeMs }]
  return readdirSync(join(root, path)).flatMap((name) => list(root, path === '' ? name : `${path}/${name}`))
}
