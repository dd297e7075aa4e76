/**
 * `npm test`: every check, then every test. `npm run check` is the same with `--checks`: the checks alone.
 * The last line of the output is `N passed, N failed`; skipped tests are named above it.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { count, type Tally } from './tally.ts'

const root = join(import.meta.dirname, '..')
const CHECKS: readonly (readonly [name: string, file: string, ...args: string[]])[] = [
  ['types', 'node_modules/typescript/bin/tsc'],
  ['lint and format', 'node_modules/@biomejs/biome/bin/biome', 'check', '.'],
  ['layers', 'tools/layers.ts'],
]

/** Runs a script under this Node, its output going where ours goes. Resolves with whether it exited with 0. */
function run(file: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, file), ...args], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    child.on('error', (error) => {
      console.error(`cannot run ${file}: ${error.message}`)
      resolve(false)
    })
    child.on('exit', (code) => resolve(code === 0))
  })
}

async function timed(name: string, work: () => Promise<boolean>): Promise<boolean> {
  console.log(`\n── ${name}`)
  const start = performance.now()
  const passed = await work()
  console.log(
    `── ${name}: ${passed ? 'passed' : 'FAILED'} in ${((performance.now() - start) / 1000).toFixed(1)} s`,
  )
  return passed
}

async function runTests(filters: readonly string[]): Promise<Tally> {
  const folder = mkdtempSync(join(tmpdir(), 'pileus-test-'))
  const report = join(folder, 'report.json')
  try {
    const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters]
    const exitedWell = await timed('tests', () => run('node_modules/vitest/vitest.mjs', args))
    return count(reportText(report)?.replaceAll(`${root}/`, '') ?? null, exitedWell)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function reportText(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}

const args = process.argv.slice(2)
const checksOnly = args.includes('--checks')
let passed = 0
let failed = 0
const failures: string[] = []
for (const [name, file, ...rest] of CHECKS) {
  if (await timed(name, () => run(file, rest))) passed++
  else {
    failed++
    failures.push(name)
  }
}
if (!checksOnly) {
  const tally = await runTests(args)
  passed += tally.passed
  failed += tally.failed
  failures.push(...tally.failures)
  if (tally.skipped.length > 0) console.log(`\n${tally.skipped.length} SKIPPED:`)
  for (const name of tally.skipped) console.log(`SKIPPED  ${name}`)
  if (tally.contracts.length > 0) console.log('\nContract suites passed on')
  for (const line of tally.contracts) console.log(`  ${line}`)
}
for (const name of failures) console.log(`FAILED   ${name}`)
process.exitCode = failed > 0 ? 1 : 0
console.log(`\n${passed} passed, ${failed} failed`)
