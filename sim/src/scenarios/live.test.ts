/** Live syncing (R14): rounds that look only where they were told to. The loop around them: staying.test.ts. */
import type { Calls } from '@pileus/client/remote/calls'
import type { Announcement } from '@pileus/core/protocol/live'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { Ledger } from '../oracles/ledger.ts'
import { checkConverged, checkNothingLost, checkQuiet } from '../oracles/oracles.ts'
import { act, restartContents } from '../steps/person.ts'
import { type Moment, momentOf, scopeBetween } from '../world/hints.ts'
import { chanceOf } from '../world/random.ts'
import { createHome, createWorld, type Home, type World } from '../world/world.ts'
import { listen, type Site, setScene, type Scene as TestScene } from './scene.ts'
import { backedUpZones } from './server.ts'

let home: Home
beforeAll(async () => {
  home = await createHome(chanceOf(31), 3)
})

const NOTHING = { announcements: [], ask: false } as const
const scopeOf = (...paths: string[]) => {
  const scope = new Map<string, Set<string>>()
  for (const path of paths) {
    const slash = path.lastIndexOf('/')
    const folder = path.slice(0, Math.max(0, slash))
    scope.set(folder, (scope.get(folder) ?? new Set()).add(path.slice(slash + 1)))
  }
  return scope
}
const hinted = async ({ world }: TestScene, site: Site, ...paths: string[]) =>
  (await world.drive(site.device)).syncHinted({ ...NOTHING, scope: scopeOf(...paths) })

describe('a round that looks only where it was told', () => {
  test('sends a saved file, and looks at nothing else', async () => {
    const scene = await setScene(home, 1)
    const [a, b] = scene.sites
    for (let n = 0; n < 50; n++) a.put(`folder ${n % 5}/${n}`, `${n}`)
    await scene.settle(a, b)
    a.put('folder 3/13', 'edited')
    const looked = vi.spyOn(a.files.folder, 'stat')
    const listed = vi.spyOn(a.files.folder, 'list')
    expect(await hinted(scene, a, 'folder 3/13')).toMatchObject({ pushed: 1, incomplete: false })
    expect(looked.mock.calls.length).toBeLessThan(12)
    expect(listed).not.toHaveBeenCalled()
    await b.sync()
    expect(b.text('folder 3/13')).toBe('edited')
  })

  test('takes a folder that was told by two spellings, on a disk that ignores case, for one: nothing in it is doubled or deleted', async () => {
    const scene = await setScene(home, 61)
    const [b] = scene.sites
    const a = scene.join(1, { caseInsensitive: true })
    a.put('folder/file', 'content')
    await scene.settle(a, b)
    a.move('folder', 'Folder')
    a.put('Folder/more', 'more')
    await hinted(scene, a, 'folder', 'Folder', 'folder/more')
    await scene.settle(a, b)
    expect(b.show()).toEqual({ 'Folder/': '', 'Folder/file': 'content', 'Folder/more': 'more' })
    expect(a.show()).toEqual(b.show())
  })

  test('finds a move between two folders it was told of as a move, of files and of folders', async () => {
    const scene = await setScene(home, 2)
    const [a, b] = scene.sites
    a.put('x/file', 'content')
    a.put('y/sub/other', 'other')
    await scene.settle(a, b)
    a.move('x/file', 'y/file')
    a.move('y/sub', 'x/sub')
    const report = await hinted(scene, a, 'x/file', 'x/sub', 'y/file', 'y/sub')
    expect(report).toMatchObject({ pushed: 2, bytesSent: 0, incomplete: false })
    expect(await b.sync()).toMatchObject({ applied: 2, bytesReceived: 0 })
    expect(b.show()).toEqual(a.show())
  })

  test('finds a move out of a folder nobody told it of', async () => {
    const scene = await setScene(home, 3)
    const [a, b] = scene.sites
    a.put('x/file', 'content')
    a.makeFolder('y')
    await scene.settle(a, b)
    a.move('x/file', 'y/file')
    expect(await hinted(scene, a, 'y/file')).toMatchObject({ pushed: 1, bytesSent: 0 })
  })

  test('deletes nothing: what is gone may be where nobody looked', async () => {
    const scene = await setScene(home, 4)
    const [a, b] = scene.sites
    a.put('x/file', 'content')
    a.put('x/gone', 'gone')
    a.makeFolder('y')
    await scene.settle(a, b)
    a.move('x/file', 'y/file')
    a.remove('x/gone')
    expect(await hinted(scene, a, 'x/file', 'x/gone')).toMatchObject({ pushed: 0, incomplete: true })
    expect(await a.sync()).toMatchObject({ pushed: 2 })
    await scene.settle(a, b)
    expect(b.show()).toEqual({ 'x/': '', 'y/': '', 'y/file': 'content' })
  })

  test('looks at everything in a folder that is new, moved, or another one than before', async () => {
    const scene = await setScene(home, 5)
    const [a, b] = scene.sites
    a.put('old/deep/file', '1')
    a.put('replaced/one', '1')
    await scene.settle(a, b)
    a.move('old', 'moved')
    a.put('moved/deep/file', 'edited after')
    a.put('moved/deep/new', 'new')
    a.move('replaced', 'away')
    a.put('replaced/two', '2')
    // A hint below a folder that has no such place any more leads to the nearest that has.
    await hinted(scene, a, 'old/deep/file', 'moved', 'replaced', 'away')
    await b.sync()
    expect(b.show()).toEqual(a.show())
  })
})

describe('an announcement', () => {
  /** What the server announces when `write` was synced by a. */
  async function announcementOf(scene: TestScene, write: () => void): Promise<Announcement> {
    const { remote, zone } = await scene.world.reader()
    const { incarnation, sequence, chain } = (await remote.changes(zone.zone, null)).head
    const after = { incarnation, sequence, chain }
    write()
    await scene.sites[0].sync()
    const { changes, batches, head } = await remote.changes(zone.zone, after)
    return { head, news: { after, changes, batches } }
  }

  test('that follows the cursor is applied without asking the server', async () => {
    const scene = await setScene(home, 6)
    const [a, b] = scene.sites
    await scene.settle(a, b)
    const announcement = await announcementOf(scene, () => a.makeFolder('new'))
    const calls = listen(b.device)
    const drive = await scene.world.drive(b.device)
    calls.clear()
    const report = await drive.syncHinted({ ...NOTHING, announcements: [announcement], scope: new Map() })
    expect(report).toMatchObject({ pulled: 1, applied: 1 })
    expect([...calls]).toEqual([])
    expect(b.show()).toEqual({ 'new/': '' })
    // Again, and late: nothing.
    expect(
      await drive.syncHinted({ ...NOTHING, announcements: [announcement], scope: new Map() }),
    ).toMatchObject({ pulled: 0, applied: 0 })
  })

  test('after a gap is not applied: the server is asked for all there is', async () => {
    const scene = await setScene(home, 7)
    const [a, b] = scene.sites
    await scene.settle(a, b)
    await announcementOf(scene, () => a.makeFolder('missed'))
    const later = await announcementOf(scene, () => a.makeFolder('later'))
    const drive = await scene.world.drive(b.device)
    expect(await drive.syncHinted({ ...NOTHING, announcements: [later], scope: new Map() })).toMatchObject({
      pulled: 2,
    })
    expect(b.show()).toEqual({ 'later/': '', 'missed/': '' })
  })

  test('of a server that is set back while it is taken is given up: the server is asked', async () => {
    const kept = backedUpZones()
    const scene = await setScene(await createHome(chanceOf(32), 3, { zones: kept.zones }), 1, 3)
    const [a, b, c] = scene.sites
    await scene.settle(a, b, c!)
    const { remote } = await scene.world.reader()
    const backup = kept.backUp()
    a.put('one', '1')
    await a.sync()
    c!.put('three', '3')
    let { head: after } = await remote.changes(scene.zone, null)
    c!.device.through = (calls): Calls => ({
      async call(name, input) {
        // It has read a state of the zone that b, which reads past it, has to ask for.
        if (name === 'push' && !('two' in a.show())) {
          a.put('two', '2')
          await a.sync()
          await b.sync()
          after = (await remote.changes(scene.zone, null)).head
        }
        return calls.call(name, input)
      },
    })
    await c!.sync()
    const { changes, batches, head } = await remote.changes(scene.zone, after)
    let isSetBack = false
    b.device.through = (calls): Calls => ({
      async call(name, input) {
        if (name === 'steps' && !isSetBack) {
          isSetBack = true
          await kept.restore(backup)
        }
        return calls.call(name, input)
      },
    })
    const drive = await scene.world.drive(b.device)
    const announcements = [{ head, news: { after, changes, batches } }]
    await drive.syncHinted({ ...NOTHING, announcements, scope: new Map() })
    expect(isSetBack).toBe(true)
    await scene.settle(a, b, c!)
    expect(b.show()).toEqual({ one: '1', two: '2', three: '3' })
    expect(a.show()).toEqual(b.show())
  })
})

test('random lives with hints that are sometimes lost converge and lose nothing', {
  timeout: 60_000,
}, async () => {
  for (let seed = 0; seed < 12; seed++) await randomLife(seed)
})

async function randomLife(seed: number): Promise<void> {
  const chance = chanceOf(10_000 + seed)
  restartContents()
  const world = await createWorld(home, chance, 3)
  const ledger = new Ledger()
  const trace: string[] = []
  const seen = new Map<string, Moment>()
  try {
    for (let step = 0; step < 40; step++) {
      world.clock.now += chance.below(60_000)
      const device = chance.pick(world.devices)
      for (let n = chance.below(4); n > 0; n--)
        trace.push(`${device.name}: ${act(device.files, chance, ledger, device.name)}`)
      const scope = new Map(scopeBetween(seen.get(device.name) ?? new Map(), momentOf(device.files)))
      // A watcher that lost events.
      if (chance.happens(0.1))
        for (const folder of scope.keys()) if (chance.happens(0.5)) scope.delete(folder)
      const drive = await world.drive(device)
      const report = await drive.syncHinted({ scope, announcements: [], ask: chance.happens(0.7) })
      trace.push(`${device.name}: hinted ${JSON.stringify([...scope.keys()])} ${JSON.stringify(report)}`)
      if (report.incomplete && chance.happens(0.7)) await world.sync(device)
      seen.set(device.name, momentOf(device.files))
    }
    await comeToRest(world)
    checkConverged(world)
    await checkNothingLost(world, ledger)
    await checkQuiet(world)
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : error}\n${trace.join('\n')}`)
  }
}

async function comeToRest(world: World): Promise<void> {
  for (let round = 0; round < 12; round++) {
    let busy = false
    for (const device of world.devices) {
      const { pushed, pulled, applied } = await world.sync(device)
      busy ||= pushed + pulled + applied > 0
    }
    if (!busy) return
  }
  throw new Error('the devices did not come to rest')
}
