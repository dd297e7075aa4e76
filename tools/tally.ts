/** Counts what a vitest JSON report says, so that nothing that went wrong is left out of the sum. */

/** Of why a test failed, in its summary; the whole stands where it ran. */
const REASON_LINES = 12

export interface Tally {
  readonly passed: number
  readonly failed: number
  /** Names of tests and files that failed, each with the first lines of why. */
  readonly failures: readonly string[]
  readonly skipped: readonly string[]
  /** The engines that each port's contract suite ran on and passed whole: 'accounts: memory, SQLite'. */
  readonly contracts: readonly string[]
}

interface Report {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages?: readonly string[]
      /** Titles of the suites around it, outermost first. */
      readonly ancestorTitles?: readonly string[]
    }[]
  }[]
}

/**
 * Sums a report. A file that failed without a failed test (it does not load, a hook threw) counts as one
 * failure; so does a run that ended badly although every test in it passed, or left no report.
 */
export function count(report: string | null, exitedWell: boolean): Tally {
  let passed = 0
  const failures: string[] = []
  const skipped: string[] = []
  const contracts = new Contracts()
  for (const file of parse(report)) {
    const before = failures.length
    for (const { fullName, status, ancestorTitles, failureMessages } of file.assertionResults) {
      contracts.note(file.name, ancestorTitles?.[0], status)
      const name = `${file.name}  ${fullName.trim()}`
      if (status === 'passed') passed++
      else if (status === 'failed') failures.push([name, ...reason(failureMessages)].join('\n'))
      else skipped.push(name)
    }
    if (file.status === 'failed' && failures.length === before)
      failures.push(`${file.name}  ${file.message ?? ''}`.trim())
  }
  if (!exitedWell && failures.length === 0) failures.push('the test run ended badly: see above')
  if (passed + failures.length + skipped.length === 0) failures.push('no test ran')
  return { passed, failed: failures.length, failures, skipped, contracts: contracts.lines() }
}

/** Whoever sees the summary alone can tell what happened. */
function reason(messages: readonly string[] = []): string[] {
  const lines = messages.flatMap((message) => message.split('\n'))
  return lines.slice(0, REASON_LINES).map((line) => `         ${line.trimEnd()}`.trimEnd())
}

/** A contract suite is called 'PORT on ENGINE', in the port's own test file. */
class Contracts {
  readonly #passed = new Map<string, Map<string, boolean>>()

  note(file: string, suite: string | undefined, status: string): void {
    const port = /server\/src\/(\w+)\/\1\.test\.ts$/.exec(file)?.[1]
    if (port === undefined || !suite?.startsWith(`${port} on `)) return
    const engine = suite.slice(`${port} on `.length)
    const engines = this.#passed.get(port) ?? new Map<string, boolean>()
    this.#passed.set(port, engines.set(engine, (engines.get(engine) ?? true) && status === 'passed'))
  }

  lines(): string[] {
    return [...this.#passed].sort().map(([port, engines]) => {
      const whole = [...engines].flatMap(([engine, passed]) => (passed ? [engine] : []))
      return `${port}: ${whole.join(', ') || 'none'}`
    })
  }
}

function parse(report: string | null): Report['testResults'] {
  if (report === null) return []
  return (JSON.parse(report) as Report).testResults
}
