/** What the operating system says about a file. */
import type { Stat } from './files.ts'

export interface BigStats {
  readonly ino: bigint
  readonly size: bigint
  readonly mode: bigint
  readonly nlink: bigint
  readonly mtimeNs: bigint
  readonly ctimeNs: bigint
  readonly birthtimeNs: bigint
}

const FILE_TYPE = 0o170000
const TYPES: ReadonlyMap<number, Stat['type']> = new Map([
  [0o100000, 'file'],
  [0o040000, 'folder'],
  [0o120000, 'link'],
])

export function statOf(stats: BigStats): Stat {
  const mode = Number(stats.mode)
  const type = TYPES.get(mode & FILE_TYPE) ?? 'other'
  return {
    type,
    size: Number(stats.size),
    mtime: microseconds(stats.mtimeNs),
    executable: type === 'file' && (mode & 0o100) !== 0,
    // Device numbers are left out: some file systems get a new one at every mount.
    identity: identityOf(stats),
    signature: `${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`,
    links: Number(stats.nlink),
  }
}

/** `Stat.identity` of what this tells of. */
export function identityOf(stats: BigStats): string {
  return `${stats.ino}:${stats.birthtimeNs}`
}

/** Microseconds, rounded down, also before 1970 (bigint division rounds towards zero). */
export function microseconds(nanoseconds: bigint): number {
  const whole = Number(nanoseconds / 1000n)
  return nanoseconds < 0n && nanoseconds % 1000n !== 0n ? whole - 1 : whole
}
