/** `node sim/src/main.ts --seeds N --from S`: runs seeds until one fails, and says how fast. */
import { parseArgs } from 'node:util'
import { RunFailed, run } from './run.ts'
import { chanceOf } from './world/random.ts'
import { createHome } from './world/world.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
  },
})
const from = Number(values.from)
const count = Number(values.seeds)
const home = await createHome(chanceOf(1), 4)
const started = performance.now()
let steps = 0
let failed = 0
for (let seed = from; seed < from + count; seed++) {
  try {
    steps += (await run(home, seed)).steps
  } catch (error) {
    if (!(error instanceof RunFailed)) throw error
    failed++
    console.error(values.keep ? error.message.split('\n')[0] : error)
    if (!values.keep) break
  }
}
const seconds = (performance.now() - started) / 1000
console.log(`${count} seeds, ${steps} steps, ${failed} failed, ${(count / seconds).toFixed(1)} seeds/s`)
process.exitCode = failed > 0 ? 1 : 0
