/** Paths that could not be synced when they were last looked at, kept so that they can be told of at any time. */
import type { PathProblem } from '../folder/scan.ts'
import { tables } from '../replica/tables.ts'
import type { StoreReader, StoreWriter } from '../store/store.ts'

/** Replaces what was said of the path before. */
export function noteProblem(tx: StoreWriter, { path, problem, leftOut }: PathProblem): void {
  tables.problem.put(tx, path, problem)
  if (leftOut) tables.leftOut.put(tx, path, '')
  else tables.leftOut.delete(tx, path)
}

export function forgetProblem(tx: StoreWriter, path: string): void {
  tables.problem.delete(tx, path)
  tables.leftOut.delete(tx, path)
}

export function hasProblem(from: StoreReader, path: string): boolean {
  return tables.problem.get(from, path) !== undefined
}

/** By path, so many of them. */
export function problemsIn(from: StoreReader, most = Number.POSITIVE_INFINITY): PathProblem[] {
  const problems: PathProblem[] = []
  for (const [path, problem] of tables.problem.entries(from)) {
    if (problems.length >= most) break
    const isLeftOut = tables.leftOut.get(from, path) !== undefined
    problems.push({ path, problem, ...(isLeftOut ? { leftOut: true as const } : {}) })
  }
  return problems
}
