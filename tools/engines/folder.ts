/** A temporary folder of one engine. */
import { execFileSync } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Folders of engines that were not removed, for the case that this process ends before they are. */
const present = new Set<string>()
process.on('exit', () => {
  for (const path of present) rmSync(path, { recursive: true, force: true, maxRetries: 3 })
})

/** Makes one, which belongs to `user` where this process is root. */
export function engineFolder(engine: string, user?: string): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), `pileus-${engine}-`))
  if (user !== undefined && process.getuid?.() === 0) chownSync(path, idOf('-u', user), idOf('-g', user))
  present.add(path)
  return {
    path,
    remove() {
      rmSync(path, { recursive: true, force: true, maxRetries: 3 })
      present.delete(path)
    },
  }
}

function idOf(which: '-u' | '-g', user: string): number {
  return Number(execFileSync('id', [which, user], { encoding: 'utf8' }))
}
