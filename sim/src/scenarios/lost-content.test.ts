/** Servers set back behind contents that are nowhere here any more, beside what is: scenario 8, R8. */
import { removeDevice } from '@pileus/client/account/devices'
import { FileError } from '@pileus/client/files/files'
import type { Calls } from '@pileus/client/remote/calls'
import { Unreachable } from '@pileus/client/remote/remote'
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { type Site, saveUntold, setScene, signInAs } from './scene.ts'
import { backedUpZones } from './server.ts'

const kept = backedUpZones()
const home = await createHome(chanceOf(71), 3, { zones: kept.zones })
let seed = 0
const scene = () => setScene(home, ++seed)

/** The device hears what there is, and can bring no file to its disk. */
async function hearOnly({ files, sync }: Site) {
  const { transfer } = files
  files.transfer = () => {
    throw new FileError('denied', 'move', 'any')
  }
  await sync()
  files.transfer = transfer
}

/** A sync of which so many pushes reach the server, and no more. */
async function syncTelling({ device, sync }: Site, pushes: number) {
  let left = pushes
  device.through = (calls): Calls => ({
    call: (name, input) =>
      name === 'push' && left-- <= 0
        ? Promise.reject(new Unreachable('no way to the server'))
        : calls.call(name, input),
  })
  try {
    return await sync()
  } finally {
    delete device.through
  }
}

const contentsOf = (site: Site) => new Set(Object.values(site.show()))

describe('a device knows a newer version without its content, and the server that is set back lost both', () => {
  it.each([
    ['the version that it shows too', true],
    ['not the first version', false],
  ])('and %s: what it shows is told, and stays', async (_, all) => {
    const { sites, settle, join } = await scene()
    const [a, b] = sites
    a.put('kept', 'k')
    if (!all) a.put('f', 'one')
    await settle(a, b)
    const backup = kept.backUp()
    if (all) a.put('f', 'one')
    await settle(a, b)
    a.put('f', 'two')
    await settle(a, b)
    a.put('f', 'three')
    await a.sync()
    await hearOnly(b)
    await kept.restore(backup)
    await settle(b)
    expect(b.show()).toEqual({ kept: 'k', f: 'two' })
    const c = join(2)
    await settle(c)
    expect(c.show()).toEqual(b.show())
    await settle(a, b, c)
    expect(contentsOf(a)).toEqual(new Set(['k', 'two', 'three']))
    expect(b.show()).toEqual(a.show())
    expect(c.show()).toEqual(a.show())
  })

  it('and renamed what it shows: the name is told with it', async () => {
    const { sites, settle, join } = await scene()
    const [a, b] = sites
    a.put('f', 'one')
    await settle(a, b)
    const backup = kept.backUp()
    a.put('f', 'two')
    await a.sync()
    await hearOnly(b)
    b.move('f', 'renamed')
    await saveUntold(b, 'other', 'o')
    await kept.restore(backup)
    await settle(b)
    expect(b.show()).toEqual({ other: 'o', renamed: 'one' })
    const c = join(2)
    await settle(c)
    expect(c.show()).toEqual(b.show())
    await settle(a, b, c)
    expect(contentsOf(a).has('two')).toBe(true)
    expect(b.show()).toEqual(a.show())
  })

  it.each(['f.txt', 'f.bin'])(
    'and another edited %s on the restored server: all edits are kept',
    async (name) => {
      const { sites, settle, join } = await scene()
      const [a, b] = sites
      const c = join(2)
      a.put('kept', 'k')
      await settle(a, b, c)
      const backup = kept.backUp()
      a.put(name, 'one\n')
      await settle(a, b, c)
      a.put(name, 'two\n')
      await a.sync()
      await hearOnly(b)
      await kept.restore(backup)
      c.put(name, 'by c\n')
      await settle(c)
      await settle(b, c)
      expect(c.show()).toEqual({ kept: 'k', [name]: 'by c\n' })
      expect(b.show()).toEqual(c.show())
      await settle(a, b, c)
      expect(contentsOf(a)).toEqual(new Set(['k', 'two\n', 'by c\n']))
      expect(b.show()).toEqual(a.show())
      expect(c.show()).toEqual(a.show())
    },
  )
})

it('a merged text whose chunks the server lost before the push: both texts are kept, and all come to rest', async () => {
  const { sites, settle } = await scene()
  const [a, b] = sites
  a.put('f.txt', '1\n2\n3\n')
  await settle(a, b)
  a.put('f.txt', '1 by a\n2\n3\n')
  await a.sync()
  const backup = kept.backUp()
  await saveUntold(b, 'f.txt', '1\n2\n3 by b\n')
  await kept.restore(backup)
  await settle(b, a)
  expect(contentsOf(a)).toEqual(new Set(['1 by a\n2\n3\n', '1\n2\n3 by b\n']))
  expect(b.show()).toEqual(a.show())
})

describe('a conflict copy is not told yet, and its content came to be needed no more', () => {
  it.each([
    [
      'an edit of it, taken up before that was heard, where another side of the conflict is lost',
      true,
      false,
    ],
    ['an edit of it, taken up when that is heard', false, false],
    ['a new name of it, taken up when that is heard', false, true],
  ])('%s, stays', async (_, before, isMove) => {
    const { sites, settle, join } = await scene()
    const [a, b] = sites
    const c = join(2)
    a.put('f.txt', '1\n')
    await settle(a, b, c)
    a.put('f.txt', '1 by a\n')
    await settle(a, c)
    const backup = kept.backUp()
    await saveUntold(b, 'f.txt', '1 by b\n')
    // The chunks that b has sent are lost, so its copy of a's text comes to its disk before it is told.
    await kept.restore(backup)
    await expect(syncTelling(b, 1)).rejects.toThrow('no way to the server')
    const copy = Object.keys(b.show()).find((path) => path !== 'f.txt')!
    expect(b.text(copy)).toBe('1 by a\n')
    if (isMove) b.move(copy, 'mine')
    else b.put(copy, 'edited by b\n')
    if (before) await expect(syncTelling(b, 0)).rejects.toThrow('no way to the server')
    const withEdit = kept.backUp()
    c.put('f.txt', '1 by c\n')
    await c.sync()
    await expect(syncTelling(b, 0)).rejects.toThrow('no way to the server')
    if (before) await kept.restore(withEdit)
    await settle(b)
    const stays = isMove ? '1 by a\n' : 'edited by b\n'
    expect(b.text(isMove ? 'mine' : copy)).toBe(stays)
    await settle(a, b, c)
    expect(contentsOf(a)).toEqual(new Set(['1 by c\n', '1 by b\n', stays]))
    expect(b.show()).toEqual(a.show())
    expect(c.show()).toEqual(a.show())
  })
})

it.each([
  ['an edit made without that does not replace it', false],
  ['nor does it go where that edit is lost, too', true],
])('a conflict copy that is not told yet, of what the server lost by then: %s', async (_, isLost) => {
  const { sites, settle, join } = await scene()
  const [a, b] = sites
  const c = join(2)
  a.put('f.txt', '1\n')
  await settle(a, b, c)
  const backup = kept.backUp()
  a.put('f.txt', '1 by a\n')
  await a.sync()
  const withEdit = kept.backUp()
  await saveUntold(b, 'f.txt', '1 by b\n')
  // The chunks that b has sent are lost, so its copy of a's text comes to its disk before it is told.
  await kept.restore(withEdit)
  await expect(syncTelling(b, 1)).rejects.toThrow('no way to the server')
  expect(contentsOf(b)).toEqual(new Set(['1 by a\n', '1 by b\n']))
  await kept.restore(backup)
  c.put('f.txt', '1 by c\n')
  await c.sync()
  if (isLost) {
    await expect(syncTelling(b, 0)).rejects.toThrow('no way to the server')
    await kept.restore(backup)
  }
  // The first device does not come again.
  await settle(b, c)
  expect(contentsOf(c)).toEqual(new Set(['1 by a\n', '1 by b\n', '1 by c\n']))
  expect(b.show()).toEqual(c.show())
})

it('two saves whose conflict copies are not told yet, and the server that is set back lost both: the second, which is on the disk, stays', async () => {
  const { sites, settle } = await scene()
  const [a, b] = sites
  a.put('f.bin', 'one')
  await settle(a, b)
  a.put('f.bin', 'by a')
  await a.sync()
  const backup = kept.backUp()
  for (const content of ['by b', 'by b, again']) {
    b.put('f.bin', content)
    await expect(syncTelling(b, 0)).rejects.toThrow('no way to the server')
  }
  await kept.restore(backup)
  b.move('f.bin', 'renamed')
  await settle(b, a)
  expect(contentsOf(a)).toEqual(new Set(['by a', 'by b, again']))
  expect(b.show()).toEqual(a.show())
})

it('set back while a device is taken out and another pushes: the sync goes on', async () => {
  const home = await createHome(chanceOf(72), 3, { zones: kept.zones })
  const { sites, settle } = await setScene(home, 1, 3)
  const [a, b, c] = sites
  a.put('f', 'f')
  await settle(a, b)
  const backup = kept.backUp()
  a.put('g', 'g')
  await settle(a, b)
  b.put('h', 'h')
  let isSetBack = false
  b.device.through = (calls): Calls => ({
    async call(name, input) {
      if (name === 'push' && !isSetBack) {
        isSetBack = true
        await kept.restore(backup)
        await removeDevice(signInAs(home, a.device.account), c!.device.account.device.id)
        await a.sync()
      }
      return calls.call(name, input)
    },
  })
  await b.sync()
  await settle(a, b)
  expect(a.show()).toEqual({ f: 'f', g: 'g', h: 'h' })
  expect(b.show()).toEqual(a.show())
})
