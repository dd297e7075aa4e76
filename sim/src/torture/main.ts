/**
 * `npm run torture [-- --kills N] [--seed S] [--minutes M] [--files N]`: two devices that stay in sync through a server,
 * people who edit on both, and all three killed in turn: so often each, or for so long.
 */
import { parseArgs } from 'node:util'
import { summaryOf } from './summary.ts'
import { type TortureReport, torture } from './torture.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '100' },
    minutes: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    files: { type: 'string', default: '2000' },
    verbose: { type: 'boolean', default: false },
  },
})

/** Throws a sentence where this is no whole number. */
function whole(name: 'kills' | 'minutes' | 'seed' | 'files', text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new Error(`--${name} is ${JSON.stringify(text)}, expected a whole number`)
}

async function main(): Promise<void> {
  const kills = whole('kills', values.kills)
  const files = whole('files', values.files)
  const until = values.minutes && performance.now() + whole('minutes', values.minutes) * 60_000
  for (let seed = whole('seed', values.seed); ; seed++) {
    console.log(`seed ${seed}: ${kills} kills each of two devices and the server …`)
    const started = performance.now()
    const haunted = { doing: 'both', kills } as const
    const report: TortureReport = await torture({
      seed,
      devices: ['laptop', 'desktop'],
      begin: (person) => person.fill(files),
      stages: [{ devices: { laptop: haunted, desktop: haunted }, serverKills: kills }],
      editing: 0.5,
      ...(values.verbose && { say: (line) => console.log(line) }),
    })
    console.log(summaryOf(report, performance.now() - started))
    if (until === undefined || performance.now() > Number(until)) return
  }
}

try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
