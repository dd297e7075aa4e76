/** Many seeds, in several processes, and what came of them. */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Counts } from './system/system.ts'

/** Runs make much that soon is garbage. */
const EXEC = ['--max-semi-space-size=32']

/** What one seed came to, as it is told from process to process. */
export interface SeedReport {
  readonly seed: number
  readonly steps: number
  readonly milliseconds: number
  readonly counts: Counts
  readonly failure: string | null
}

export interface SeedsOptions {
  readonly from: number
  readonly seeds: number
  /** Processes that run beside each other. */
  readonly jobs: number
  /** The name of a planted bug. */
  readonly plant?: string | undefined
  /** Goes on after a failure. */
  readonly keep: boolean
}

/** Resolves with all that was run until the end, or until the first failure. `told` hears of each. */
export async function runSeeds(
  options: SeedsOptions,
  told: (report: SeedReport) => void,
): Promise<SeedReport[]> {
  const { from, seeds, keep, plant } = options
  const jobs = Math.min(options.jobs, seeds)
  const reports: SeedReport[] = []
  const children: ChildProcess[] = []
  const stop = () => {
    for (const child of children) child.kill()
  }
  let stopped = false
  const worker = (n: number) =>
    new Promise<void>((resolve, reject) => {
      const args = ['--worker', '--from', `${from + n}`, '--seeds', `${seeds - n}`, '--every', `${jobs}`]
      if (plant !== undefined) args.push('--plant', plant)
      const child = fork(fileURLToPath(new URL('main.ts', import.meta.url)), args, { execArgv: EXEC })
      children.push(child)
      child.on('message', (report: SeedReport) => {
        if (stopped) return
        reports.push(report)
        told(report)
        if (report.failure === null || keep) return
        stopped = true
        stop()
      })
      child.on('error', reject)
      child.on('exit', (code, signal) => {
        if (code === 0 || stopped) resolve()
        else reject(new Error(`a process of the simulator ended with ${signal ?? code}`))
      })
    })
  try {
    await Promise.all(Array.from({ length: jobs }, (_, n) => worker(n)))
  } finally {
    stop()
  }
  return reports
}

/** For people: how many, how fast, what happened in them, and what failed. */
export function summaryOf(reports: readonly SeedReport[], seconds: number): string {
  const counts: Counts = {}
  for (const report of reports) {
    for (const [what, times] of Object.entries(report.counts)) counts[what] = (counts[what] ?? 0) + times
  }
  const slowest = reports.reduce((slow, report) => (report.milliseconds > slow.milliseconds ? report : slow))
  const failed = reports.filter(({ failure }) => failure !== null)
  const steps = reports.reduce((sum, report) => sum + report.steps, 0)
  const happened = Object.entries(counts).sort(([, a], [, b]) => b - a)
  return [
    `${reports.length} seeds, ${steps} steps, ${seconds.toFixed(0)} s: ${(reports.length / seconds).toFixed(1)} seeds/s`,
    `slowest: seed ${slowest.seed}, ${(slowest.milliseconds / 1000).toFixed(1)} s`,
    ...happened.map(([what, times]) => `  ${what.padEnd(18)} ${times}`),
    failed.length === 0
      ? 'none failed'
      : `${failed.length} failed: ${failed.map(({ seed }) => seed).join(', ')}`,
  ].join('\n')
}
