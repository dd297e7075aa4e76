/** A path that turns from one kind of thing into another: scenario 4. */
import { Crash } from '@pileus/client/files/memory-area'
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { type Site, setScene } from './scene.ts'

const home = await createHome(chanceOf(12), 3)
let seed = 0
const scene = () => setScene(home, ++seed)

describe('one path, another kind (scenario 4)', () => {
  const KINDS = {
    file: (site: Site) => site.put('it', 'a file'),
    folder: (site: Site) => site.put('it/inside', 'in a folder'),
    link: (site: Site) => site.makeLink('it', 'elsewhere'),
  }
  const kinds = Object.keys(KINDS) as (keyof typeof KINDS)[]
  const swaps = kinds.flatMap((from) => kinds.filter((to) => to !== from).map((to) => [from, to] as const))

  it.each(swaps)('a %s that becomes a %s is one on the other disk', async (from, to) => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    KINDS[from](a)
    await settle(a, b)
    a.remove('it')
    KINDS[to](a)
    const shown = a.show()
    await settle(a, b)
    expect(a.show()).toEqual(shown)
    expect(b.show()).toEqual(shown)
  })

  it.each(swaps)('a %s that becomes a %s while the other side edits: both are kept', async (from, to) => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    KINDS[from](a)
    await settle(a, b)
    a.remove('it')
    KINDS[to](a)
    if (from === 'file') b.put('it', 'edited there')
    else if (from === 'folder') b.put('it/inside', 'edited there')
    else {
      b.remove('it')
      b.makeLink('it', 'edited there')
    }
    const mine = Object.values(a.show()).filter(Boolean)
    await settle(a, b)
    expect(b.show()).toEqual(a.show())
    const kept = Object.values(a.show()).filter(Boolean)
    for (const content of mine) expect(kept).toContain(content)
    expect(kept.some((content) => content.endsWith('edited there'))).toBe(true)
  })

  it.each(swaps)(
    'a %s that becomes a %s, with the process killed at every change of the disk: no half state',
    async (from, to) => {
      for (let call = 1; call <= 30; call++) {
        const { sites, settle } = await scene()
        const [a, b] = sites
        KINDS[from](a)
        a.put('beside', 'b')
        await settle(a, b)
        a.remove('it')
        KINDS[to](a)
        const after = a.show()
        await a.sync()
        b.files.failAfter(call)
        const ended = await b.sync().then(
          () => true,
          (error: unknown) => {
            expect(error).toBeInstanceOf(Crash)
            return false
          },
        )
        const survives = call % 2 === 0 ? 'all' : 'none'
        b.files.crash(survives)
        b.device.store.crash(survives)
        await settle(b, a)
        expect(b.show(), `killed at change ${call}`).toEqual(after)
        expect(a.show(), `killed at change ${call}`).toEqual(after)
        if (ended) return
      }
      throw new Error('the sync never came to its end')
    },
  )
})
