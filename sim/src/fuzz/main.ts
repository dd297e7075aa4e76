/** `npm run fuzz -- [--inputs N] [--seed S]`: bad inputs for everything that reads, and a summary. */
import { parseArgs } from 'node:util'
import { allTargets } from './all.ts'
import { fuzz } from './run.ts'

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
  },
})
await using all = await allTargets()
const targets = all.targets.filter(({ name }) => name.includes(values.only))
const started = performance.now()
const report = await fuzz({
  inputs: Number(values.inputs),
  seed: Number(values.seed),
  targets,
  progress: (done) => process.stderr.isTTY && process.stderr.write(`\r${done} inputs`),
})
const seconds = (performance.now() - started) / 1_000
if (process.stderr.isTTY) process.stderr.write('\r')
for (const { name, inputs, accepted, slowestMs } of report.tallies) {
  const numbers = [`${inputs} inputs`, `${accepted} read`, `slowest ${slowestMs.toFixed(1)} ms`]
  console.log(`${name.padEnd(36)} ${numbers.map((text) => text.padStart(18)).join('')}`)
}
for (const { target, input, error } of report.failures) {
  console.error(`\n${target} fails on ${Buffer.from(input).toString('base64').slice(0, 4_000)}`)
  console.error(error)
}
const megabytes = (report.heapGrowthBytes / 2 ** 20).toFixed(1)
console.log(
  `\n${report.inputs} bad inputs for ${targets.length} readers in ${seconds.toFixed(0)} s (${(report.inputs / seconds).toFixed(0)}/s), ` +
    `${report.failures.length} failures, heap grown by ${megabytes} MiB`,
)
process.exitCode = report.failures.length > 0 ? 1 : 0
