/** Scenario 18, with real processes: the form that fits into `npm test`. `npm run torture` is the long one. */
import { describe, expect, it } from 'vitest'
import { summaryOf } from './summary.ts'
import { type Stage, type TortureOptions, type TortureReport, torture } from './torture.ts'

const SEED = Number(process.env.PILEUS_TORTURE_SEED ?? 18)
/** Of each of the three, in each of the two tests. */
const KILLS = Number(process.env.PILEUS_TORTURE_KILLS ?? 15)
const FILES = 5_000
const LARGE_FILE_BYTES = 500_000_000

const UPLOADING = 'uploading|between packs'
const PUSHING = 'pushing|after a push'
const DOWNLOADING = 'downloading|applying'

/** First one device sends what it has, then the other receives it; the server is killed in both. */
const STAGES: readonly Stage[] = [
  { devices: { laptop: { doing: 'sending', kills: KILLS } }, serverKills: Math.floor(KILLS / 2) },
  { devices: { desktop: { doing: 'receiving', kills: KILLS } }, serverKills: Math.ceil(KILLS / 2) },
]

async function run(begin: TortureOptions['begin']): Promise<TortureReport> {
  const started = performance.now()
  const devices = ['laptop', 'desktop'] as const
  const report = await torture({ seed: SEED, devices, begin, stages: STAGES, editing: 0 })
  console.log(`seed ${SEED}: ${summaryOf(report, performance.now() - started)}`)
  return report
}

function expectKillsDuring(report: TortureReport, ...phases: string[]): void {
  const killed = [...report.kills.keys()]
  for (const phase of phases)
    expect(killed).toContainEqual(expect.stringMatching(new RegExp(`^(laptop|desktop) (${phase})$`)))
  for (const who of ['laptop', 'desktop', 'server']) {
    const kills = [...report.kills].filter(([what]) => what.startsWith(who))
    expect(kills.reduce((sum, [, count]) => sum + count, 0)).toBe(KILLS)
  }
}

describe('scenario 18: killed at random moments, again and again', { timeout: 600_000 }, () => {
  it(`a sync of ${FILES} files ends with both folders equal, and sends nothing that had arrived`, async () => {
    const report = await run((person) => person.fill(FILES))
    expectKillsDuring(report, 'scanning|reading', UPLOADING, PUSHING, DOWNLOADING)
  })

  it('so does a file of 500 MB, which goes on at the chunk', async () => {
    const report = await run((person) => person.fillOne(LARGE_FILE_BYTES))
    expectKillsDuring(report, UPLOADING, DOWNLOADING)
    expect(report.uploads.bytes + report.uploads.cutBytes).toBeGreaterThan(LARGE_FILE_BYTES)
  })
})
