/** The short form of `npm run fuzz`, and that it would find what it looks for. */
import { describe, expect, it } from 'vitest'
import { allTargets } from './all.ts'
import { fuzz } from './run.ts'
import { ofBytes, type Target } from './target.ts'

it('everything that reads refuses bad inputs by its own errors, soon, and keeps nothing of them', async () => {
  await using all = await allTargets()
  const report = await fuzz({ inputs: 12_000, seed: 2, targets: all.targets })
  expect(report.failures).toEqual([])
  expect(report.inputs).toBe(12_000)
  // Changed samples that are still good show that the changes are not all nonsense.
  expect(report.tallies.reduce((sum, { accepted }) => sum + accepted, 0)).toBeGreaterThan(100)
}, 60_000)

describe('the fuzzer', () => {
  const sample = new TextEncoder().encode('{"a":[1,2,3]}')
  const json = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes))
  const run = (targets: readonly Target[], seed = 1) => fuzz({ inputs: 500, seed, targets })

  it('tells of an error that is no refusal, with the input', async () => {
    expect((await run([ofBytes('json', [sample], ['SyntaxError'], json)])).failures).toEqual([])
    const { failures, tallies } = await run([ofBytes('json', [sample], ['OtherError'], json)])
    expect(failures).toHaveLength(2)
    expect(tallies[0]!.failed).toBeGreaterThan(100)
    expect(() => json(failures[0]!.input)).toThrow(SyntaxError)
  })

  it('tells of memory that is kept', async () => {
    const kept: object[] = []
    const hoard = ofBytes('hoard', [sample], [], () => {
      kept.push(Array.from({ length: 20_000 }, (_, n) => ({ n })))
    })
    expect((await run([hoard])).failures).toMatchObject([{ target: 'memory' }])
    expect(kept.length).toBe(500)
  })

  it('makes the same inputs of the same seed', async () => {
    const seen: Record<number, string[]> = { 1: [], 2: [], 3: [] }
    for (const [n, seed] of [
      [1, 7],
      [2, 7],
      [3, 8],
    ] as const) {
      const note = (bytes: Uint8Array) => seen[n]!.push(Buffer.from(bytes).toString('hex'))
      await run([ofBytes('a', [sample], [], note), ofBytes('b', [sample], [], note)], seed)
    }
    expect(seen[1]).toEqual(seen[2])
    expect(seen[1]).not.toEqual(seen[3])
  })
})
