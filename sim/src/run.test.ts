/** The simulator in processes of its own, as the command runs it, because it loads the product with stand-ins. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const SEEDS = Number(process.env.PILEUS_SIM_SEEDS ?? 200)
const FROM = Number(process.env.PILEUS_SIM_FROM ?? 1)
const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))

/** What the command prints; rejects with it when the command fails. */
async function sim(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, ...args], { maxBuffer: 1 << 26 })
  return stdout
}

describe('the whole system', () => {
  it(`converges and loses nothing in ${SEEDS} seeds`, async () => {
    const said = await sim('--seeds', `${SEEDS}`, '--from', `${FROM}`, '--jobs', '1')
    expect(said).toContain('none failed')
  }, 300_000)

  it('does the same again for the same seed', async () => {
    const traces = await Promise.all([sim('--replay', '42'), sim('--replay', '42')])
    const [first, second] = traces.map((said) => /^trace ([0-9a-f]{64})$/m.exec(said)?.[1])
    expect(first).toBeDefined()
    expect(second).toBe(first)
  }, 60_000)
})
