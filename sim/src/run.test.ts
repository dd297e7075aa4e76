import { describe, expect, it } from 'vitest'
import { run } from './run.ts'
import { chanceOf } from './world/random.ts'
import { createHome } from './world/world.ts'

const SEEDS = Number(process.env.PILEUS_SIM_SEEDS ?? 100)
const FROM = Number(process.env.PILEUS_SIM_FROM ?? 1)

describe('the whole system', async () => {
  const home = await createHome(chanceOf(1), 4)

  it(`converges and loses nothing in ${SEEDS} seeds`, async () => {
    let steps = 0
    for (let seed = FROM; seed < FROM + SEEDS; seed++) steps += (await run(home, seed)).steps
    expect(steps).toBeGreaterThan(0)
  }, 240_000)

  it('does the same again for the same seed', async () => {
    const hashes = []
    for (let n = 0; n < 2; n++) hashes.push((await run(await createHome(chanceOf(1), 4), 42)).traceHash)
    expect(hashes[1]).toBe(hashes[0])
  })
})
