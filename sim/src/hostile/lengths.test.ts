/** Attack class 12: whoever has the stored chunks tries to recognise a file that it knows by their lengths or ids. */
import { expect, it } from 'vitest'
import { noise, setScene } from '../scenarios/scene.ts'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'

const home = await createHome(chanceOf(12), 2)

/** The chunks that the server stores of one file, in a zone of its own. */
async function stored(seed: number, content: Uint8Array): Promise<{ id: string; length: number }[]> {
  const { sites, zone } = await setScene(home, seed)
  sites[0].write('known', content)
  await sites[0].sync()
  const { zones } = home.environment.engines
  const [version] = (await zones.changes(zone, 0, 10, 1e9))!.versions
  const places = await zones.locate(zone, version!.record.refs.ids)
  return [...places.values()].map(({ chunk, length }) => ({ id: chunk, length }))
}

it('the same file in two zones has other cuts, other lengths and no chunk in common', async () => {
  const content = noise(12, 12_000_000)
  const [one, two] = [await stored(1, content), await stored(2, content)]
  const lengths = (chunks: typeof one) => chunks.map(({ length }) => length).join()
  expect(one.length).toBeGreaterThan(3)
  expect(lengths(one)).not.toBe(lengths(two))
  const ids = new Set(one.map(({ id }) => id))
  expect(two.filter(({ id }) => ids.has(id))).toEqual([])
})

it('files of like sizes are stored in equal lengths', async () => {
  const sizes = [98_400, 99_000, 100_000]
  const lengths = new Set<number>()
  for (const [n, size] of sizes.entries())
    for (const { length } of await stored(10 + n, noise(size, size))) lengths.add(length)
  expect(lengths.size).toBe(1)
})
