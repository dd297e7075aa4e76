/** What the kernel knows of processes, from /proc. Everything is 0 for a process that has ended. */
import { readdirSync, readFileSync } from 'node:fs'

/** Ticks of a second in /proc, on every Linux. */
const TICKS = 100

export type MemoryField = 'VmHWM' | 'VmRSS'

/** Resident memory of the largest process in a tree, in bytes: some programs watch over the one that works. */
export function treeBytes(pid: number, field: MemoryField): number {
  return Math.max(...tree(pid).map((one) => statusBytes(one, field)))
}

/** User and system time of a tree of processes, in seconds, those included that ended in it. */
export function treeSeconds(pid: number): number {
  return sum(tree(pid).map((one) => sum(times(one))))
}

/** User and system time of all children of this process that have ended, in seconds. */
export function endedChildrenSeconds(): number {
  return sum(times(process.pid).slice(2))
}

function tree(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(tree)]
}

function childrenOf(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`)
    const lists = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8'))
    return lists.flatMap((list) =>
      list
        .split(' ')
        .filter((text) => text.trim() !== '')
        .map(Number),
    )
  } catch {
    return []
  }
}

function statusBytes(pid: number, field: MemoryField): number {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(read(`/proc/${pid}/status`))
  return Number(found?.[1] ?? 0) * 1024
}

/** Seconds: user, system, and both again of children that ended. */
function times(pid: number): number[] {
  const text = read(`/proc/${pid}/stat`)
  // The name stands in brackets and may hold anything, brackets and spaces too.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).map((ticks) => Number(ticks) / TICKS)
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It has ended, or this system has no /proc.
    return ''
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
