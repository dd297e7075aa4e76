/** Syncs that end early, by a signal or a crash: scenario 7. */
import { Crash } from '@pileus/client/files/memory-area'
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { noise, type Site, setScene } from './scene.ts'

const home = await createHome(chanceOf(10), 3)
let seed = 0
const scene = () => setScene(home, ++seed)

describe('a sync that ends early', () => {
  it.each([1, 2, 4, 8])(
    'an aborted signal ends it with its reason after %d steps; the next sync goes on',
    async (after) => {
      const { sites, settle } = await scene()
      const [a, b] = sites
      for (let n = 0; n < 30; n++) a.write(`d/${n}`, noise(n + 1, 20_000))
      await a.sync()
      const controller = new AbortController()
      let steps = 0
      const stop = {
        signal: controller.signal,
        progress: () => ++steps >= after && controller.abort(new Error('enough')),
      }
      for (let n = 0; n < 5; n++) b.write(`e/${n}`, noise(n + 100, 20_000))
      await expect(b.sync(stop)).rejects.toThrow('enough')
      await settle(b, a)
      expect(b.show()).toEqual(a.show())
      expect(Object.keys(b.show())).toHaveLength(37)
    },
  )

  it('a signal aborted before the start changes nothing', async () => {
    const { sites } = await scene()
    const [a] = sites
    a.put('n', 'x')
    await expect(a.sync({ signal: AbortSignal.abort(new Error('never mind')) })).rejects.toThrow('never mind')
  })

  it('scenario 7: killed or without power at every single change of the disk, it converges and loses nothing', async () => {
    let stops = 0
    for (let call = 1; call <= 60; call++) {
      const { sites, settle } = await scene()
      const [a, b] = sites
      a.put('d/edited.bin', 'old')
      a.put('d/gone', 'g')
      a.put('x/in x', 'x')
      a.put('y', 'y')
      await settle(a, b)
      a.put('d/edited.bin', 'new')
      a.remove('d/gone')
      a.move('x', 'd/x')
      a.move('y', 'x')
      a.put('fresh/n', 'n')
      await a.sync()
      b.put('mine', 'mine')
      b.files.failAfter(call)
      const stopped = await b.sync().then(
        () => false,
        (error) => error instanceof Crash,
      )
      b.files.crash(call % 2 === 0 ? 'all' : 'none')
      b.device.store.crash(call % 2 === 0 ? 'all' : 'none')
      await settle(b, a)
      expect(b.show(), `stopped at change ${call}`).toEqual(a.show())
      expect(a.show(), `stopped at change ${call}`).toEqual({
        'd/': '',
        'd/edited.bin': 'new',
        'd/x/': '',
        'd/x/in x': 'x',
        'fresh/': '',
        'fresh/n': 'n',
        mine: 'mine',
        x: 'y',
      })
      if (!stopped) break
      stops++
    }
    expect(stops).toBeGreaterThan(8)
  })

  it('scenario 7: killed or without power at every commit of its database, on both sides', async () => {
    for (let commit = 1; commit <= 30; commit++) {
      const { sites, settle } = await scene()
      const [a, b] = sites
      a.put('d/edited.bin', 'old')
      a.put('d/gone', 'g')
      a.put('x/in x', 'x')
      a.put('y', 'y')
      await settle(a, b)
      a.put('d/edited.bin', 'new')
      a.remove('d/gone')
      a.move('x', 'd/x')
      a.move('y', 'x')
      a.put('fresh/n', 'n')
      b.put('mine', 'mine')
      b.put('d/edited.bin', 'clash')
      const power = commit % 2 === 0 ? 'all' : 'none'
      const crash = (s: Site) => {
        s.files.crash(power)
        s.device.store.crash(power)
      }
      a.device.store.failAfter(Math.ceil(commit / 2))
      const first = await a.sync().then(
        () => true,
        () => false,
      )
      crash(a)
      await a.sync()
      b.device.store.failAfter(Math.ceil(commit / 2))
      const second = await b.sync().then(
        () => true,
        () => false,
      )
      crash(b)
      await settle(b, a)
      expect(b.show(), `stopped at commit ${commit}`).toEqual(a.show())
      const shown = Object.values(a.show()).filter(Boolean).sort()
      expect(shown, `stopped at commit ${commit}`).toEqual(['clash', 'mine', 'n', 'new', 'x', 'y'])
      if (first && second) break
    }
  })
})
