/** One image of a device on two machines, which are at work at the same time: scenario 8, R5. */
import { memoryFiles } from '@pileus/client/files/memory'
import type { Calls } from '@pileus/client/remote/calls'
import { Unreachable } from '@pileus/client/remote/remote'
import { expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { copyOf } from './image.ts'
import { setScene } from './scene.ts'

const home = await createHome(chanceOf(41), 2)

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

it('one that saved twice without a server does not replace unseen what the other saved once', async () => {
  const { sites, settle, again } = await setScene(home, 2)
  const [a, b] = sites
  a.put('n.bin', 'base')
  await settle(a, b)
  const files = memoryFiles({ clock: () => home.clock.now, firstInode: 100_000 })
  const clone = again(b, { store: copyOf(b.device.store), files })
  for (const [path, seen] of b.tree()) if (seen.type === 'file') clone.write(path, seen.content)
  files.asPerson(() => files.folder.setModified('n.bin', b.files.folder.stat('n.bin')!.mtime))
  expect(await clone.sync()).toMatchObject({ pushed: 0, pulled: 0 })
  clone.device.through = (calls): Calls => ({
    call: (name, input) =>
      name === 'push' ? Promise.reject(new Unreachable('no way to the server')) : calls.call(name, input),
  })
  for (const text of ['from the clone', 'from the clone, again']) {
    clone.put('n.bin', text)
    await expect(clone.sync()).rejects.toThrow('no way to the server')
  }
  delete clone.device.through
  b.put('n.bin', 'from b')
  await b.sync()
  await settle(clone, b, a)
  expect(Object.values(a.show()).sort()).toEqual(['from b', 'from the clone, again'])
  expect(b.show()).toEqual(a.show())
  expect(clone.show()).toEqual(a.show())
})

it('whoever saved twice, the first time without hearing of it, has made no conflict with themselves', async () => {
  const { sites, settle } = await setScene(home, 3)
  const [a, b] = sites
  a.put('n.bin', 'base')
  await settle(a, b)
  b.put('n.bin', 'first')
  b.device.through = (calls): Calls => ({
    async call(name, input) {
      const answer = await calls.call(name, input)
      if (name === 'push') throw new Unreachable('the answer was lost')
      return answer
    },
  })
  await expect(b.sync()).rejects.toThrow('the answer was lost')
  b.put('n.bin', 'second')
  delete b.device.through
  await settle(b, a)
  expect(a.show()).toEqual({ 'n.bin': 'second' })
  expect(b.show()).toEqual(a.show())
})
