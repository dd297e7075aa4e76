/** Chunks that a server lost or mangled: said by path, never written into a file. */
import type { Calls } from '@pileus/client/remote/calls'
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { noise, saveUntold, setScene } from './scene.ts'
import { brittleBlobs } from './server.ts'

const brittle = brittleBlobs()
const home = await createHome(chanceOf(6), 2, { blobs: brittle.blobs })
let seed = 0
const scene = () => setScene(home, ++seed)

describe('chunks that are not what they were', () => {
  it('a corrupt chunk is reported by path and never written; the other files sync', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('d/good', 'good')
    await a.sync()
    brittle.damage(2)
    a.write('d/bad', noise(1, 50_000))
    await a.sync()
    brittle.damage(0.5)
    a.put('d/later', 'later')
    await a.sync()
    const report = await b.sync()
    expect(report.problems).toEqual([{ path: 'd/bad', problem: expect.stringContaining('damaged') }])
    expect(b.show()).toEqual({ 'd/': '', 'd/good': 'good', 'd/later': 'later' })
    // Said again as long as it is so; and it comes when the server can give it.
    expect((await b.sync()).problems).toHaveLength(1)
    brittle.mend()
    await settle(b)
    expect(b.show()).toEqual(a.show())
  })

  it('a new version that is corrupt leaves the old one on the disk', async () => {
    const { sites } = await scene()
    const [a, b] = sites
    a.put('n', 'old')
    await a.sync()
    await b.sync()
    brittle.damage(2)
    a.write('n', noise(2, 50_000))
    await a.sync()
    brittle.damage(0.5)
    expect((await b.sync()).problems).toMatchObject([{ path: 'n' }])
    expect(b.text('n')).toBe('old')
    b.put('other', 'x')
    expect(await b.sync()).toMatchObject({ pushed: 1 })
    brittle.mend()
  })

  it('a chunk the server lost is reported by path; the other files sync', async () => {
    const { sites } = await scene()
    const [a, b] = sites
    a.put('good', 'good')
    await a.sync()
    brittle.damage(2)
    a.write('lost', noise(3, 50_000))
    await a.sync()
    await brittle.lose()
    const report = await b.sync()
    expect(report.problems).toMatchObject([{ path: 'lost' }])
    expect(b.show()).toEqual({ good: 'good' })
  })

  it.each([
    ['before its push', true],
    ['after it looked at its disk', false],
  ])('a text that was edited here too, %s: both are kept, and the rest syncs', async (_, untold) => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    const middle = Array.from({ length: 5_000 }, (_, line) => `${line}\n`).join('')
    const [byA, byB] = [`by a\n${middle}`, `${middle}by b\n`]
    a.put('n.txt', middle)
    await settle(a, b)
    if (untold) await saveUntold(b, 'n.txt', byB)
    brittle.damage(2)
    a.put('n.txt', byA)
    await a.sync()
    brittle.damage(0.5)
    a.put('later', 'later')
    await a.sync()
    if (!untold) b.put('n.txt', byB)
    expect((await b.sync()).problems).toEqual([
      { path: expect.stringContaining('conflicted copy'), problem: expect.stringContaining('damaged') },
    ])
    expect(b.show()).toEqual({ later: 'later', 'n.txt': byB })
    brittle.mend()
    await settle(b, a)
    expect(new Set(Object.values(b.show()))).toEqual(new Set(['later', byA, byB]))
    expect(a.show()).toEqual(b.show())
  })

  it('a server that sends other bytes than it was given is caught on the device', async () => {
    const { sites } = await scene()
    const [a, b] = sites
    a.put('good', 'good')
    a.write('forged', noise(4, 50_000))
    await a.sync()
    b.device.through = (calls): Calls => ({
      async call(name, input) {
        const answer = await calls.call(name, input)
        if (name !== 'fetch' && name !== 'chunk') return answer
        return forged(answer as AsyncIterable<Uint8Array>) as unknown as typeof answer
      },
    })
    const report = await b.sync()
    expect(report.problems).toMatchObject([{ path: 'forged' }])
    expect(b.show()).toEqual({ good: 'good' })
  })
})

describe('a chunk that is bad only among others', () => {
  it('is asked for again alone, and the files come whole', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.write('d/one', noise(5, 50_000))
    a.write('d/two', noise(6, 60_000))
    await a.sync()
    const asked: number[] = []
    b.device.through = (calls): Calls => ({
      async call(name, input) {
        const answer = await calls.call(name, input)
        if (name !== 'fetch') return answer
        const { ids } = (input as unknown as { body: { ids: readonly string[] } }).body
        asked.push(ids.length)
        return ids.length === 1
          ? answer
          : (forged(answer as AsyncIterable<Uint8Array>) as unknown as typeof answer)
      },
    })
    expect((await b.sync()).problems).toEqual([])
    expect(b.show()).toEqual(a.show())
    // Both were bad.
    expect(asked).toEqual([2, 1, 1])
    await settle(a, b)
  })
})

/** Flips bits all over large pieces, of which one may hold several chunks. */
async function* forged(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    const bytes = piece.slice()
    if (bytes.length > 10_000) for (let at = 5_000; at < bytes.length; at += 30_000) bytes[at]! ^= 1
    yield bytes
  }
}
