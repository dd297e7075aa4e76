/** Devices that lost their state, are restored from a backup or cloned: scenario 8, R7. */
import { memoryFiles } from '@pileus/client/files/memory'
import { memoryStore } from '@pileus/client/store/memory'
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { copyOf } from './image.ts'
import { noise, setScene } from './scene.ts'

const home = await createHome(chanceOf(15), 3)
let seed = 0
const scene = () => setScene(home, ++seed)

describe('a device that lost its state (scenario 8)', () => {
  it('its database deleted: it links by union, moves no content, deletes nothing', async () => {
    const { sites, settle, again } = await scene()
    const [a, b] = sites
    for (let n = 0; n < 30; n++) a.write(`d/${n}`, noise(n + 1, 5_000))
    a.makeLink('l', 'd')
    await settle(a, b)
    const before = a.show()
    const reborn = again(b, { store: memoryStore() })
    expect(await reborn.sync()).toMatchObject({ pushed: 0, bytesSent: 0, bytesReceived: 0, conflicts: [] })
    await settle(reborn, a)
    expect(reborn.show()).toEqual(before)
    expect(a.show()).toEqual(before)
  })

  it('its database deleted while it had edits: they are kept beside what the others did', async () => {
    const { sites, settle, again } = await scene()
    const [a, b] = sites
    for (const name of ['same', 'mine', 'theirs', 'both', 'gone there']) a.put(name, 'old')
    await settle(a, b)
    b.put('mine', 'from b')
    a.put('theirs', 'from a')
    a.put('both', 'from a')
    b.put('both', 'from b')
    a.remove('gone there')
    b.put('new', 'new')
    await a.sync()
    const reborn = again(b, { store: memoryStore() })
    await settle(reborn, a)
    expect(reborn.show()).toEqual(a.show())
    const contents = Object.values(a.show())
    for (const content of ['from a', 'from b', 'new', 'old']) expect(contents).toContain(content)
  })

  // Which of them is planned first goes by their ids, where names are composed in another way than keys of names.
  it.each([1, 2, 3, 4])(
    'its database deleted after a folder took the name of a file: what is in there does not go and come again (%s)',
    async () => {
      const { sites, settle, again } = await scene()
      const [a, b] = sites
      const name = 'cafe\u0301'
      a.put(name, 'a file')
      await a.sync()
      b.put(`${name}/c`, 'in a folder')
      await settle(b, a)
      const folder = Object.keys(b.show()).find((path) => path.endsWith('/'))!
      b.remove(name)
      b.move(folder.slice(0, -1), name)
      const { identity } = b.files.folder.stat(`${name}/c`)!
      const reborn = again(b, { store: memoryStore() })
      await settle(reborn, a)
      expect(reborn.show()).toEqual({ [name]: 'a file', [folder]: '', [`${folder}c`]: 'in a folder' })
      expect(reborn.files.folder.stat(`${folder}c`)!.identity).toBe(identity)
      expect(a.show()).toEqual(reborn.show())
    },
  )

  it('its folder and database deleted: it downloads all and deletes nothing', async () => {
    const { sites, settle, join } = await scene()
    const [a, b] = sites
    for (let n = 0; n < 30; n++) a.put(`d/${n}`, `${n}`)
    await settle(a, b)
    const reborn = join(1)
    expect(await reborn.sync()).toMatchObject({ pushed: 0, heldDeletions: 0 })
    expect(reborn.show()).toEqual(a.show())
  })

  it('restored from an old copy of its database while its files are newer: union, nothing lost or doubled', async () => {
    const { sites, settle, again } = await scene()
    const [a, b] = sites
    b.put('edited', 'one')
    b.put('moved', 'm')
    b.put('gone', 'g')
    await settle(b, a)
    const backup = copyOf(b.device.store)
    b.put('edited', 'two')
    await settle(b, a)
    b.put('edited', 'three')
    b.move('moved', 'elsewhere')
    b.remove('gone')
    b.put('added', 'a')
    await settle(b, a)
    const shown = b.show()
    const restored = again(b, { store: backup })
    restored.put('after', 'the restore')
    await settle(restored, a)
    expect(restored.show()).toEqual({ ...shown, after: 'the restore' })
    expect(a.show()).toEqual(restored.show())
    restored.put('edited', 'four')
    a.put('after', 'edited at a')
    await settle(restored, a)
    expect(a.show()).toEqual({ ...shown, edited: 'four', after: 'edited at a' })
    expect(restored.show()).toEqual(a.show())
  })

  it('restored from an old copy with edits that were pending then: what came later keeps the name', async () => {
    const { sites, settle, again } = await scene()
    const [a, b] = sites
    a.put('n', 'base')
    await settle(a, b)
    // The push is lost on the way; the copy is taken with the edit in the outbox.
    b.put('n', 'pending')
    b.device.through = (calls) => ({
      call: (name, input) => (name === 'push' ? Promise.reject(new Error('cut')) : calls.call(name, input)),
    })
    await expect(b.sync()).rejects.toThrow('cut')
    delete b.device.through
    const backup = copyOf(b.device.store)
    await b.sync()
    b.put('n', 'later')
    await settle(b, a)
    const restored = again(b, { store: backup })
    await settle(restored, a)
    // What was pending then may have been a clone's: it is kept, beside what came later.
    expect(a.text('n')).toBe('later')
    expect(Object.keys(a.show()).length).toBeLessThanOrEqual(2)
    expect(restored.show()).toEqual(a.show())
  })

  it('files and database restored from an old backup together: what was done since comes back', async () => {
    const { sites, settle, again } = await scene()
    const [a, b] = sites
    b.put('edited', 'one')
    b.put('gone', 'g')
    await settle(b, a)
    const backup = copyOf(b.device.store)
    b.put('edited', 'two')
    b.remove('gone')
    b.put('added', 'x')
    await settle(b, a)
    const shown = a.show()
    // A restored disk has new inodes; only contents and times are the old ones.
    const files = memoryFiles({ clock: () => home.clock.now })
    const restored = again(b, { store: backup, files })
    restored.write('.pileus', b.read('.pileus'))
    restored.put('edited', 'one')
    restored.put('gone', 'g')
    await settle(restored, a)
    expect(a.show()).toEqual(shown)
    expect(restored.show()).toEqual(shown)
  })

  it('cloned: two devices with one database and one key edit on, and nothing is lost', async () => {
    const { sites, settle, again } = await scene()
    const [a, b] = sites
    a.put('n.bin', 'base')
    a.put('m.bin', 'base')
    await settle(a, b)
    const files = memoryFiles({ clock: () => home.clock.now })
    const clone = again(b, { store: copyOf(b.device.store), files })
    for (const [path, seen] of b.tree()) if (seen.type === 'file') clone.write(path, seen.content)
    await clone.sync()
    b.put('n.bin', 'from b')
    clone.put('n.bin', 'from the clone')
    clone.put('new', 'by the clone')
    b.put('new', 'by b')
    await settle(b, clone, a)
    expect(a.show()).toEqual(b.show())
    expect(clone.show()).toEqual(b.show())
    expect(Object.values(a.show()).sort()).toEqual([
      'base',
      'by b',
      'by the clone',
      'from b',
      'from the clone',
    ])
    b.put('m.bin', 'b again')
    clone.put('m.bin', 'clone again')
    await settle(clone, b, a)
    expect(Object.values(a.show())).toEqual(expect.arrayContaining(['b again', 'clone again']))
    expect(clone.show()).toEqual(b.show())
    expect(a.show()).toEqual(b.show())
  })
})
