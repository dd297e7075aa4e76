/** Test helper: a small disk of its own, which fills, is made larger, and is made read-only. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

export interface Volume {
  /** Where it is mounted. */
  readonly path: string
  resize(megabytes: number): void
  readOnly(is: boolean): void
  /** Takes it away, with all that is on it. */
  unmount(): void
}

/**
 * Mounts an empty file system (tmpfs) of this size at `folder`/`name`. Throws where this user may not mount, or the
 * system has none.
 */
export function mountVolume(folder: string, name: string, megabytes: number): Volume {
  const path = join(folder, name)
  mkdirSync(path, { recursive: true })
  const mount = (options: string) =>
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'pileus-test', path], { stdio: 'pipe' })
  mount(`size=${megabytes}m`)
  return {
    path,
    resize: (size) => mount(`remount,size=${size}m`),
    readOnly: (is) => mount(`remount,${is ? 'ro' : 'rw'}`),
    unmount() {
      execFileSync('umount', ['-l', path], { stdio: 'pipe' })
      rmSync(path, { recursive: true, force: true })
    },
  }
}

/** Null when volumes can be mounted here; else why not, in one line. */
export function cannotMount(folder: string): string | null {
  try {
    mountVolume(folder, 'trial', 1).unmount()
    return null
  } catch (error) {
    const [line] = String((error as { stderr?: unknown }).stderr ?? error).split('\n')
    return `no small disks can be mounted here, so nothing is shown about full and read-only ones: ${line}`
  }
}
