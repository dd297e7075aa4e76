/** One image of a device on two machines, which are at work at the same time: scenario 8, R5. */
import { memoryFiles } from '@pileus/client/files/memory'
import type { Calls } from '@pileus/client/remote/calls'
import { Unreachable } from '@pileus/client/remote/remote'
import { expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { copyOf } from './image.ts'
import { type Site, saveUntold, setScene } from './scene.ts'
import { backedUpZones } from './server.ts'

const kept = backedUpZones()
const home = await createHome(chanceOf(41), 2, { zones: kept.zones })

it('two that tell of one file at the same moment, under one counter, settle it without a word to anybody', async () => {
  const { sites, settle, again } = await setScene(home, 1)
  const [a, b] = sites
  a.put('n.bin', 'base')
  await settle(a, b)
  b.put('n.bin', 'once more, so that its writer has a counter')
  await settle(b, a)
  const files = memoryFiles({ clock: () => home.clock.now, firstInode: 100_000 })
  const clone = again(b, { store: copyOf(b.device.store), files })
  for (const [path, seen] of b.tree()) if (seen.type === 'file') clone.write(path, seen.content)
  files.asPerson(() => files.folder.setModified('n.bin', b.files.folder.stat('n.bin')!.mtime))
  expect(await clone.sync()).toMatchObject({ pushed: 0, pulled: 0 })
  b.put('n.bin', 'from b')
  clone.put('n.bin', 'from the clone')
  let first = true
  clone.device.through = (calls): Calls => ({
    async call(name, input) {
      if (name === 'push' && first) {
        first = false
        await b.sync()
      }
      return calls.call(name, input)
    },
  })
  expect(await clone.sync()).toMatchObject({ problems: [] })
  expect(first).toBe(false)
  await settle(b, clone, a)
  expect(Object.values(a.show()).sort()).toEqual(['from b', 'from the clone'])
  expect(b.show()).toEqual(a.show())
  expect(clone.show()).toEqual(a.show())
})

/** Another device, `a`, and two machines with one image of `b`, both with the file. */
async function twins(seed: number) {
  const { sites, settle, again } = await setScene(home, seed)
  const [a, b] = sites
  a.put('n.bin', 'base')
  await settle(a, b)
  const files = memoryFiles({ clock: () => home.clock.now, firstInode: 100_000 })
  const clone = again(b, { store: copyOf(b.device.store), files })
  for (const [path, seen] of b.tree()) if (seen.type === 'file') clone.write(path, seen.content)
  files.asPerson(() => files.folder.setModified('n.bin', b.files.folder.stat('n.bin')!.mtime))
  expect(await clone.sync()).toMatchObject({ pushed: 0, pulled: 0 })
  return { a, b, clone, settle }
}

/** It arrives, and no answer does. */
async function saveUnanswered(site: Site, text: string): Promise<void> {
  site.device.through = (calls): Calls => ({
    async call(name, input) {
      const answer = await calls.call(name, input)
      if (name === 'push') throw new Unreachable('the answer was lost')
      return answer
    },
  })
  site.put('n.bin', text)
  await expect(site.sync()).rejects.toThrow('the answer was lost')
  delete site.device.through
}

it('one that saved twice without a server does not replace unseen what the other saved once', async () => {
  const { a, b, clone, settle } = await twins(2)
  await saveUntold(clone, 'n.bin', 'from the clone')
  await saveUntold(clone, 'n.bin', 'from the clone, again')
  b.put('n.bin', 'from b')
  await b.sync()
  await settle(clone, b, a)
  expect(Object.values(a.show()).sort()).toEqual(['from b', 'from the clone, again'])
  expect(b.show()).toEqual(a.show())
  expect(clone.show()).toEqual(a.show())
})

it('one that saved again what was settled with what the other told under the same counter replaces nothing unseen', async () => {
  const { a, b, clone, settle } = await twins(20)
  await saveUntold(clone, 'n.bin', 'from the clone')
  b.put('n.bin', 'from b')
  await b.sync()
  await saveUntold(clone, 'besides.bin', 'settles the two, and does not arrive either')
  clone.put('n.bin', 'from the clone, again')
  await settle(clone, b, a)
  expect(Object.values(a.show())).toEqual(expect.arrayContaining(['from b', 'from the clone, again']))
  expect(b.show()).toEqual(a.show())
  expect(clone.show()).toEqual(a.show())
})

/** At the first push of this one the other tells, and what `then` does happens once the push has arrived. */
function meetAtPush(site: Site, other: Site, then: () => Promise<unknown> = async () => {}): void {
  let first = true
  site.device.through = (calls): Calls => ({
    async call(name, input) {
      if (name !== 'push' || !first) return calls.call(name, input)
      first = false
      await other.sync()
      const answer = await calls.call(name, input)
      await then()
      return answer
    },
  })
}

it('one that saved twice without a server tells after the other did, before it hears of that: both are kept', async () => {
  const { a, b, clone, settle } = await twins(10)
  await saveUntold(clone, 'n.bin', 'from the clone')
  clone.put('n.bin', 'from the clone, again')
  b.put('n.bin', 'from b')
  meetAtPush(clone, b)
  await settle(clone, b, a)
  expect(Object.values(a.show()).sort()).toEqual(['from b', 'from the clone, again'])
  expect(b.show()).toEqual(a.show())
  expect(clone.show()).toEqual(a.show())
})

it('so they are where the answer to that is lost, and it saves once more', async () => {
  const { a, b, clone, settle } = await twins(11)
  await saveUntold(clone, 'n.bin', 'from the clone')
  clone.put('n.bin', 'from the clone, again')
  b.put('n.bin', 'from b')
  let first = true
  clone.device.through = (calls): Calls => ({
    async call(name, input) {
      if (name !== 'push') return calls.call(name, input)
      if (first) {
        first = false
        await b.sync()
        await calls.call(name, input)
      }
      throw new Unreachable('the answer was lost')
    },
  })
  await expect(clone.sync()).rejects.toThrow('the answer was lost')
  await saveUntold(clone, 'n.bin', 'from the clone, a third time')
  await settle(clone, b, a)
  expect(Object.values(a.show()).sort()).toEqual(['from b', 'from the clone, a third time'])
  expect(b.show()).toEqual(a.show())
  expect(clone.show()).toEqual(a.show())
})

it('so they are where another has gone on from that before it hears of it', async () => {
  const { a, b, clone, settle } = await twins(12)
  await saveUntold(clone, 'n.bin', 'from the clone')
  clone.put('n.bin', 'from the clone, again')
  b.put('n.bin', 'from b')
  meetAtPush(clone, b, async () => {
    await a.sync()
    a.put('n.bin', 'from a, after the clone')
    await a.sync()
  })
  await settle(clone, b, a)
  expect(Object.values(a.show()).sort()).toEqual(['from a, after the clone', 'from b'])
  expect(b.show()).toEqual(a.show())
  expect(clone.show()).toEqual(a.show())
})

it('one that saved what another told does not replace unseen what the other made of that', async () => {
  const { a, b, clone, settle } = await twins(13)
  const sameTime = home.clock.now * 1_000
  for (const site of [clone, a]) {
    if (site === clone) await saveUntold(site, 'n.bin', 'one thought')
    else site.put('n.bin', 'one thought')
    site.files.asPerson(() => site.files.folder.setModified('n.bin', sameTime))
  }
  await a.sync()
  await clone.sync()
  await saveUntold(clone, 'n.bin', 'from the clone')
  await b.sync()
  b.put('n.bin', 'from b')
  await b.sync()
  await settle(clone, b, a)
  expect(Object.values(a.show()).sort()).toEqual(['from b', 'from the clone'])
  expect(b.show()).toEqual(a.show())
  expect(clone.show()).toEqual(a.show())
})

it('one that saved without a server is not taken for seen by who has seen what the other saved', async () => {
  const { a, b, clone, settle } = await twins(4)
  await saveUntold(clone, 'n.bin', 'from the clone')
  b.put('n.bin', 'from b')
  await settle(b, a)
  a.put('n.bin', 'from a, after b')
  await a.sync()
  await settle(clone, b, a)
  expect(Object.values(a.show()).sort()).toEqual(['from a, after b', 'from the clone'])
  expect(b.show()).toEqual(a.show())
  expect(clone.show()).toEqual(a.show())
})

it('one that heard what the other told under the same counter, and saves again before it tells, has not gone on from that', async () => {
  const { a, b, clone, settle } = await twins(14)
  await saveUntold(clone, 'n.bin', 'from the clone')
  for (const text of ['from b', 'from b, again']) {
    b.put('n.bin', text)
    await b.sync()
  }
  await saveUntold(clone, 'n.bin', 'from the clone, again')
  clone.put('n.bin', 'from the clone, a third time')
  await settle(clone, b, a)
  const texts = Object.values(a.show())
  expect(texts).toContain('from b, again')
  expect(texts).toContain('from the clone, a third time')
  expect(b.show()).toEqual(a.show())
  expect(clone.show()).toEqual(a.show())
})

it('what was saved without hearing that it arrived is no conflict with what others made of it', async () => {
  const { sites, settle } = await setScene(home, 5)
  const [a, b] = sites
  a.put('n.bin', 'base')
  await settle(a, b)
  await saveUnanswered(b, 'from b')
  await a.sync()
  a.put('n.bin', 'from a, after b')
  await a.sync()
  await settle(b, a)
  expect(a.show()).toEqual({ 'n.bin': 'from a, after b' })
  expect(b.show()).toEqual(a.show())
})

it('whoever saved twice, the first time without hearing of it, has made no conflict with themselves', async () => {
  const { sites, settle } = await setScene(home, 3)
  const [a, b] = sites
  a.put('n.bin', 'base')
  await settle(a, b)
  await saveUnanswered(b, 'first')
  b.put('n.bin', 'second')
  await settle(b, a)
  expect(a.show()).toEqual({ 'n.bin': 'second' })
  expect(b.show()).toEqual(a.show())
})

it.each([
  ['was told', [], ['from b', 'from the clone']],
  ['went on', ['from b, later'], ['from b, later', 'from the clone']],
])(
  'one %s before the server was set back, and the other tells under the same counter: both are kept',
  async (_, later, texts) => {
    const { a, b, clone, settle } = await twins(6 + later.length)
    const backup = kept.backUp()
    b.put('n.bin', 'from b')
    await b.sync()
    for (const text of later) await saveUntold(b, 'n.bin', text)
    await kept.restore(backup)
    clone.put('n.bin', 'from the clone')
    await settle(clone, b, a)
    expect(new Set(Object.values(a.show()))).toEqual(new Set(texts))
    expect(b.show()).toEqual(a.show())
    expect(clone.show()).toEqual(a.show())
  },
)
