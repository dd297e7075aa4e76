/** Servers that are set back to a backup: scenario 8, R7. */
import { removeDevice } from '@pileus/client/account/devices'
import { ServerUntrue } from '@pileus/client/drive/untrue'
import { FileError } from '@pileus/client/files/files'
import type { Calls } from '@pileus/client/remote/calls'
import { Unreachable } from '@pileus/client/remote/remote'
import type { ChangesPage } from '@pileus/core/protocol/changes'
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { noise, type Site, saveUntold, setScene, signInAs } from './scene.ts'
import { backedUpZones } from './server.ts'

const kept = backedUpZones()
const home = await createHome(chanceOf(15), 3, { zones: kept.zones })
let seed = 0
const scene = () => setScene(home, ++seed)

/** The account zone is read before. */
const ZONE_READ = 2

describe('a server set back to an earlier state (scenario 8)', () => {
  async function setBack(change: (a: Site, b: Site) => Promise<void>) {
    const it = await scene()
    const [a, b] = it.sites
    a.put('d/kept', 'kept')
    a.put('d/edited', 'one')
    a.put('d/gone', 'g')
    await it.settle(a, b)
    const backup = kept.backUp()
    await change(a, b)
    const [shownA, shownB] = [a.show(), b.show()]
    await kept.restore(backup)
    return { ...it, a, b, shownA, shownB }
  }

  it('the devices bring back what it lost: edits, new files with their chunks, deletions', async () => {
    const { a, b, shownA, settle } = await setBack(async (a, b) => {
      a.put('d/edited', 'two')
      a.remove('d/gone')
      a.write('d/new', noise(9, 30_000))
      await a.sync()
      await b.sync()
    })
    await settle(a, b)
    expect(a.show()).toEqual(shownA)
    expect(b.show()).toEqual(shownA)
    expect(await b.sync()).toMatchObject({ pushed: 0, pulled: 0, applied: 0 })
  })

  it('so it does when another device writes first to the restored server', async () => {
    const { a, b, settle } = await setBack(async (a) => {
      a.put('d/edited', 'two')
      a.put('d/new', 'new')
      await a.sync()
    })
    b.put('d/edited', 'b, not knowing')
    b.put('d/b', 'b')
    await b.sync()
    await settle(a, b)
    expect(a.show()).toEqual(b.show())
    const contents = Object.values(a.show())
    for (const content of ['kept', 'two', 'b, not knowing', 'new', 'b', 'g'])
      expect(contents).toContain(content)
  })

  it('a new device finds all that the others brought back', async () => {
    const { a, b, settle, join, shownA } = await setBack(async (a, b) => {
      a.put('d/edited', 'two')
      a.move('d/kept', 'kept elsewhere')
      await a.sync()
      await b.sync()
    })
    await settle(b, a)
    const c = join(2)
    await settle(c)
    expect(c.show()).toEqual(shownA)
    expect(a.show()).toEqual(shownA)
  })

  it('set back twice, it still ends with everything', async () => {
    const { a, b, settle } = await setBack(async (a) => {
      a.put('x', '1')
      await a.sync()
    })
    const backup = kept.backUp()
    await settle(a, b)
    b.put('y', '2')
    await settle(b, a)
    await kept.restore(backup)
    await settle(b, a)
    await settle(b, a)
    expect(a.show()).toEqual({ 'd/': '', 'd/edited': 'one', 'd/gone': 'g', 'd/kept': 'kept', x: '1', y: '2' })
    expect(b.show()).toEqual(a.show())
  })

  it('a device that knows a record without its content goes on where the server lost both', async () => {
    const { sites, settle, join } = await scene()
    const [a, b] = sites
    a.put('kept', 'k')
    await settle(a, b)
    const backup = kept.backUp()
    a.write('lost', noise(5, 30_000))
    await a.sync()
    const c = join(2)
    const { transfer } = c.files
    c.files.transfer = () => {
      throw new FileError('denied', 'move', 'lost')
    }
    await c.sync()
    c.files.transfer = transfer
    await kept.restore(backup)
    c.put('by c', 'c')
    await settle(c, b)
    expect(b.show()).toEqual({ kept: 'k', 'by c': 'c' })
    await settle(a, b, c)
    expect(Object.keys(c.show()).sort()).toEqual(['by c', 'kept', 'lost'])
    expect(b.show()).toEqual(c.show())
  })

  it('an edit that was under way to a record the server lost is told after all', async () => {
    const { a, b, settle } = await setBack(async (a, b) => {
      a.put('d/new', 'one')
      await a.sync()
      await b.sync()
      a.put('d/new', 'two')
      a.device.through = (calls): Calls => ({
        async call(name, input) {
          if (name === 'push') throw new Unreachable('the request was lost')
          return calls.call(name, input)
        },
      })
      await expect(a.sync()).rejects.toThrow(Unreachable)
      delete a.device.through
    })
    await settle(a, b)
    expect(a.show()).toEqual({ 'd/': '', 'd/edited': 'one', 'd/gone': 'g', 'd/kept': 'kept', 'd/new': 'two' })
    expect(b.show()).toEqual(a.show())
  })

  it('an edit of what the server lost follows what the others know: no conflict', async () => {
    const { a, b, settle } = await setBack(async (a, b) => {
      a.put('d/new', 'one')
      await a.sync()
      await b.sync()
    })
    b.put('d/new', 'two')
    await b.sync()
    await settle(a, b)
    expect(b.show()).toEqual({ 'd/': '', 'd/edited': 'one', 'd/gone': 'g', 'd/kept': 'kept', 'd/new': 'two' })
    expect(a.show()).toEqual(b.show())
  })

  it('a device whose held deletions are of what the server lost comes to rest, and another gives it back', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('kept', 'k')
    await settle(a, b)
    const backup = kept.backUp()
    for (let n = 0; n < 24; n++) a.put(`d/${n}`, `${n}`)
    await settle(a, b)
    const all = a.show()
    b.remove('d')
    expect(await b.sync()).toMatchObject({ heldDeletions: 25 })
    await kept.restore(backup)
    await b.sync()
    await settle(a, b)
    await b.sync({ heldDeletions: 'undo' })
    await settle(a, b)
    expect(a.show()).toEqual(all)
    expect(b.show()).toEqual(all)
  })

  it.each([
    ['the copy', 'n.txt'],
    ['the name', 'n.bin'],
  ])(
    'a conflict was settled, and the content that was to get %s is lost with the server: what is here is told',
    async (_, name) => {
      const { sites, settle, join } = await scene()
      const [a, b] = sites
      a.put(name, 'base\n')
      await settle(a, b)
      const backup = kept.backUp()
      b.put(name, 'by b\n')
      await b.sync()
      a.put(name, 'by a\n')
      a.device.through = (calls): Calls => ({
        async call(call, input) {
          if (call === 'push') throw new Unreachable('the request was lost')
          return calls.call(call, input)
        },
      })
      await expect(a.sync()).rejects.toThrow(Unreachable)
      delete a.device.through
      await kept.restore(backup)
      await a.sync()
      // Beside a name that went to the other, it may stand twice.
      expect(new Set(Object.values(a.show()))).toEqual(new Set(['by a\n']))
      expect(a.text(name)).toBe('by a\n')
      // Who has the other gives it back, whenever that is.
      await settle(b, a)
      expect(new Set(Object.values(a.show()))).toEqual(new Set(['by a\n', 'by b\n']))
      expect(a.show()).toEqual(b.show())
      const c = join(2)
      await settle(c)
      expect(c.show()).toEqual(a.show())
    },
  )

  it('set back while a device reads it, it is read again', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('x', '1')
    await a.sync()
    const backup = kept.backUp()
    for (const name of ['y', 'z']) {
      a.put(name, name)
      await a.sync()
    }
    let asked = 0
    b.device.through = (calls): Calls => ({
      async call(name, input) {
        if (name === 'steps' && ++asked === ZONE_READ) await kept.restore(backup)
        return calls.call(name, input)
      },
    })
    await b.sync()
    expect(asked).toBeGreaterThanOrEqual(ZONE_READ)
    await settle(a, b)
    expect(a.show()).toEqual({ x: '1', y: 'y', z: 'z' })
    expect(b.show()).toEqual(a.show())
  })

  it.each([
    ['nobody wrote to it since', () => {}],
    ['another wrote to it since', (a: Site) => a.put('x', 'by a, later')],
  ])(
    'what it accepted ahead of a cursor is lost, the cursor is not, and %s: it comes back',
    async (_, later) => {
      const { sites, settle } = await scene()
      const [a, b] = sites
      a.put('x', 'x')
      await settle(a, b)
      a.put('y', 'y')
      b.put('z', 'z')
      let backup = 0
      let isPushed = false
      b.device.through = (calls): Calls => ({
        async call(name, input) {
          if (isPushed) throw new Unreachable('the connection broke')
          if (name !== 'push') return calls.call(name, input)
          await a.sync()
          backup = kept.backUp()
          isPushed = true
          return calls.call(name, input)
        },
      })
      await expect(b.sync()).rejects.toThrow(Unreachable)
      delete b.device.through
      await kept.restore(backup)
      later(a)
      await settle(a, b)
      expect(Object.keys(a.show())).toEqual(['x', 'y', 'z'])
      expect(b.show()).toEqual(a.show())
    },
  )

  it('a server that hides records under an honest head is found out, and nothing here changes', async () => {
    const { sites, zone } = await scene()
    const [a, b] = sites
    a.put('one', '1')
    await a.sync()
    await b.sync()
    a.put('two', '2')
    a.put('three', '3')
    await a.sync()
    b.device.through = (calls): Calls => ({
      async call(name, input) {
        const answer = await calls.call(name, input)
        if (name !== 'changes' || (input as unknown as { params: { zone: string } }).params.zone !== zone)
          return answer
        const page = answer as ChangesPage
        return { ...page, changes: page.changes.slice(1) } as typeof answer
      },
    })
    const before = b.show()
    await expect(b.sync()).rejects.toThrow(ServerUntrue)
    expect(b.show()).toEqual(before)
  })
})

it('what a restored server lost comes back under the new key of a zone that one device was taken from', async () => {
  const kept = backedUpZones()
  const home = await createHome(chanceOf(16), 3, { zones: kept.zones })
  const { sites, settle } = await setScene(home, 1, 3)
  const [a, b, c] = sites
  await settle(...sites)
  const backup = kept.backUp()
  a.put('lost', 'text')
  await settle(...sites)
  await kept.restore(backup)
  await removeDevice(signInAs(home, a.device.account), c!.device.account.device.id)
  b.put('more', 'text of b')
  await settle(a, b)
  expect(a.show()).toEqual({ lost: 'text', more: 'text of b' })
  expect(b.show()).toEqual(a.show())
})

it('both sides of a conflict come back under the new key, where the server was set back before it was told', async () => {
  const kept = backedUpZones()
  const home = await createHome(chanceOf(17), 3, { zones: kept.zones })
  const { sites, settle } = await setScene(home, 1, 3)
  const [a, b, c] = sites
  a.put('n.jpg', 'first')
  await settle(...sites)
  const backup = kept.backUp()
  a.put('n.jpg', 'by a')
  await a.sync()
  await saveUntold(b, 'n.jpg', 'by b')
  await kept.restore(backup)
  await removeDevice(signInAs(home, a.device.account), c!.device.account.device.id)
  await settle(b, a)
  // A copy may come twice where the server was set back.
  expect(new Set(Object.values(a.show()))).toEqual(new Set(['by a', 'by b']))
  expect(b.show()).toEqual(a.show())
})

it('two records that are one file, renamed, come back under the new key, where the server lost them before that was told', async () => {
  const kept = backedUpZones()
  const home = await createHome(chanceOf(18), 3, { zones: kept.zones })
  const { sites, settle } = await setScene(home, 1, 3)
  const [a, b, c] = sites
  await settle(...sites)
  const backup = kept.backUp()
  await saveUntold(b, 'n', 'same')
  a.put('n', 'same')
  await settle(a, b)
  b.move('n', 'renamed')
  await saveUntold(b, 'more', 'm')
  await kept.restore(backup)
  await removeDevice(signInAs(home, a.device.account), c!.device.account.device.id)
  await b.sync()
  await settle(b, a)
  expect(b.show()).toEqual({ renamed: 'same', more: 'm' })
  expect(a.show()).toEqual(b.show())
})

it('deletions are undone of what a restored server lost, of which one was renamed and not told: another gives all back', async () => {
  const kept = backedUpZones()
  const home = await createHome(chanceOf(19), 2, { zones: kept.zones })
  const { sites, settle } = await setScene(home, 1)
  const [a, b] = sites
  await settle(a, b)
  const backup = kept.backUp()
  for (let n = 10; n < 40; n++) a.put(`d/${n}`, `${n}`)
  await settle(a, b)
  const before = a.show()
  b.move('d/10', 'renamed')
  await saveUntold(b, 'more', 'm')
  await kept.restore(backup)
  for (const path of Object.keys(b.show())) if (path !== 'more') b.remove(path)
  await b.sync({ heldDeletions: 'undo' })
  await settle(a, b)
  expect(a.show()).toEqual({ ...before, more: 'm' })
  expect(b.show()).toEqual(a.show())
})
