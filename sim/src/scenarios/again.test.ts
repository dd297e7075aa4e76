/** Contents that meet a second time: R8. */
import { expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { type Site, setScene } from './scene.ts'

const home = await createHome(chanceOf(24), 2)
let seed = 0

it.each([
  ['deleted', (a: Site, copy: string) => a.remove(copy)],
  ['edited', (a: Site, copy: string) => a.put(copy, 'edited')],
])(
  'R8: the same conflict once more, after its copy was %s: both contents are kept again',
  async (_, doing) => {
    const { sites, settle } = await setScene(home, ++seed)
    const [a, b] = sites
    const meet = async () => {
      a.put('switch', 'auto')
      await settle(a, b)
      a.put('switch', 'on')
      b.put('switch', 'off')
      await settle(a, b)
    }
    await meet()
    doing(a, Object.keys(a.show()).find((path) => path !== 'switch')!)
    await settle(a, b)
    await meet()
    expect(Object.values(a.show())).toEqual(expect.arrayContaining(['on', 'off']))
    expect(b.show()).toEqual(a.show())
  },
)
