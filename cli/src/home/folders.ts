/** Making folders, without Node's `recursive`: under a file system that makes none (/proc) it tries for ever. */
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/** Makes the folder and what is missing above it. Returns what it made, the outermost first. Throws the system's errors. */
export function makeFolders(path: string, mode: number): string[] {
  const missing: string[] = []
  for (let at = path; !existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.unshift(at)
  return missing.filter((at) => makeOne(at, mode))
}

/** False when another process made it first. */
function makeOne(path: string, mode: number): boolean {
  try {
    mkdirSync(path, { mode })
    return true
  } catch (error) {
    if (existsSync(path) && statSync(path).isDirectory()) return false
    throw error
  }
}
