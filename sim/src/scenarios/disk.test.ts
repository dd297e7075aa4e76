/** Disks that misbehave and people who keep writing: R10, R11, R12, R13, scenarios 3, 7, 9, 10. */

import { FileError } from '@pileus/client/files/files'
import { Crash } from '@pileus/client/files/memory-area'
import { FolderLost, MARKER } from '@pileus/client/folder/marker'
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { bytes, noise, type Site, setScene } from './scene.ts'

const home = await createHome(chanceOf(5), 3)
let seed = 0
const scene = () => setScene(home, ++seed)

describe('the guard of the folder (R11, scenario 9)', () => {
  it.each([
    [
      'the disk is not mounted',
      (a: Site) => (a.files.unmounted = true),
      (a: Site) => (a.files.unmounted = false),
    ],
    ['the marker is missing', (a: Site) => a.move(MARKER, 'aside'), (a: Site) => a.move('aside', MARKER)],
  ])('while %s nothing is deleted anywhere, and afterwards all goes on', async (_, lose, giveBack) => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('d/n', 'x')
    await settle(a, b)
    lose(a)
    await expect(a.sync({ heldDeletions: 'accept' })).rejects.toThrow(FolderLost)
    b.put('more', 'y')
    await settle(b)
    expect(b.show()).toEqual({ 'd/': '', 'd/n': 'x', more: 'y' })
    giveBack(a)
    await settle(a, b)
    expect(a.show()).toEqual(b.show())
  })

  it('the folder goes away in the middle of a sync: nothing is taken for a deletion', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    for (let n = 0; n < 5; n++) a.put(`d/${n}`, `${n}`)
    await settle(a, b)
    const list = a.files.folder.list.bind(a.files.folder)
    a.files.folder.list = (path) => {
      if (path === 'd') a.files.unmounted = true
      return list(path)
    }
    await expect(a.sync({ heldDeletions: 'accept' })).rejects.toThrow()
    a.files.folder.list = list
    a.files.unmounted = false
    await settle(b, a)
    expect(Object.keys(b.show())).toHaveLength(6)
    expect(a.show()).toEqual(b.show())
  })

  it('a folder that cannot be read is named, and nothing below it is deleted', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('locked/in/n', 'x')
    a.put('open/n', 'y')
    await settle(a, b)
    a.files.denied.add('locked')
    a.put('open/more', 'z')
    const report = await a.sync()
    expect(report.problems).toEqual([
      { path: 'locked', problem: expect.stringContaining('permission denied') },
    ])
    await settle(b)
    expect(b.show()).toEqual({
      'locked/': '',
      'locked/in/': '',
      'locked/in/n': 'x',
      'open/': '',
      'open/more': 'z',
      'open/n': 'y',
    })
    a.files.denied.clear()
    expect((await a.sync()).problems).toEqual([])
  })

  it('a file that cannot be read is named with its path, and the others sync', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('d/secret', 'x')
    a.put('d/plain', 'y')
    a.files.denied.add('d/secret')
    const report = await a.sync()
    expect(report.problems).toEqual([
      { path: 'd/secret', problem: expect.stringContaining('permission denied') },
    ])
    await settle(b)
    expect(b.show()).toEqual({ 'd/': '', 'd/plain': 'y' })
    a.files.denied.clear()
    await settle(a, b)
    expect(b.text('d/secret')).toBe('x')
  })

  it('a known file that can be read no longer keeps its last version elsewhere', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('n', 'first')
    await settle(a, b)
    a.put('n', 'second')
    a.files.denied.add('n')
    expect((await a.sync()).problems).toHaveLength(1)
    await settle(b)
    expect(b.text('n')).toBe('first')
    a.files.denied.clear()
    await settle(a, b)
    expect(b.text('n')).toBe('second')
  })

  const filled = async (count: number) => {
    const it = await scene()
    const [a, b] = it.sites
    for (let n = 0; n < count; n++) a.put(`d/${n}`, `${n}`)
    await it.settle(a, b)
    return { ...it, a, b }
  }

  it('more than half of everything deleted at once is held, said, and not done', async () => {
    const { a, b, settle } = await filled(40)
    for (let n = 0; n < 30; n++) a.remove(`d/${n}`)
    a.put('d/new', 'new')
    const report = await a.sync()
    expect(report).toMatchObject({ heldDeletions: 30 })
    await settle(b)
    expect(Object.keys(b.show())).toHaveLength(42)
    expect(b.text('d/new')).toBe('new')
    // Held as long as nobody answers.
    expect(await a.sync()).toMatchObject({ heldDeletions: 30, pushed: 0 })
  })

  it('held deletions that are accepted are made', async () => {
    const { a, b, settle } = await filled(40)
    for (let n = 0; n < 30; n++) a.remove(`d/${n}`)
    await a.sync()
    expect(await a.sync({ heldDeletions: 'accept' })).toMatchObject({ heldDeletions: 0, pushed: 30 })
    await settle(b, a)
    expect(Object.keys(b.show())).toHaveLength(11)
    expect(a.show()).toEqual(b.show())
  })

  it('held deletions that are undone come back whole', async () => {
    const { a, b, settle } = await filled(40)
    const before = a.show()
    a.remove('d')
    await a.sync()
    expect(await a.sync({ heldDeletions: 'undo' })).toMatchObject({ heldDeletions: 0, pushed: 0 })
    await settle(a, b)
    expect(a.show()).toEqual(before)
    expect(b.show()).toEqual(before)
  })

  it('held deletions whose files come back by themselves are held no more', async () => {
    const { a, b, settle } = await filled(40)
    const before = a.show()
    a.move('d', '../d'.slice(3) && 'e')
    a.files.asPerson(() =>
      a.files.transfer('rename', { area: 'folder', path: 'e' }, { area: 'work', path: 'e' }),
    )
    expect(await a.sync()).toMatchObject({ heldDeletions: 41 })
    a.files.asPerson(() =>
      a.files.transfer('rename', { area: 'work', path: 'e' }, { area: 'folder', path: 'd' }),
    )
    expect(await a.sync()).toMatchObject({ heldDeletions: 0, pushed: 0, bytesSent: 0 })
    await settle(a, b)
    expect(b.show()).toEqual(before)
  })

  it('an edit elsewhere of what is held comes through the hold without harm', async () => {
    const { a, b, settle } = await filled(40)
    for (let n = 0; n < 30; n++) a.remove(`d/${n}`)
    await a.sync()
    b.put('d/0', 'edited')
    b.put('d/39', 'edited')
    await b.sync()
    const report = await a.sync()
    expect(a.text('d/39')).toBe('edited')
    expect(report.heldDeletions).toBeGreaterThanOrEqual(29)
    await a.sync({ heldDeletions: 'accept' })
    await settle(b, a)
    expect(b.text('d/0')).toBe('edited')
    expect(a.show()).toEqual(b.show())
  })

  it('what others add to a folder whose deletion is held comes, with the folder, and the rest stays held', async () => {
    const { a, b, settle } = await filled(40)
    a.remove('d')
    await a.sync()
    b.put('d/new', 'new')
    b.put('d/sub/newer', 'newer')
    b.put('elsewhere', 'x')
    b.move('d/7', 'seven')
    await b.sync()
    expect(await a.sync()).toMatchObject({ heldDeletions: 39 })
    expect(a.show()).toEqual({
      'd/': '',
      'd/new': 'new',
      'd/sub/': '',
      'd/sub/newer': 'newer',
      elsewhere: 'x',
      seven: '7',
    })
    b.move('elsewhere', 'd/moved in')
    await b.sync()
    expect(await a.sync()).toMatchObject({ heldDeletions: 39 })
    expect(a.text('d/moved in')).toBe('x')
    await a.sync({ heldDeletions: 'accept' })
    await settle(b, a)
    expect(Object.keys(a.show())).toHaveLength(6)
    expect(b.show()).toEqual(a.show())
  })

  it('what is held and deleted elsewhere is held no more', async () => {
    const { a, b } = await filled(40)
    for (let n = 0; n < 30; n++) a.remove(`d/${n}`)
    await a.sync()
    b.remove('d/0')
    await b.sync()
    expect(await a.sync()).toMatchObject({ heldDeletions: 29 })
  })

  it('renaming a folder of everything is no deletion', async () => {
    const { a, b, settle } = await filled(40)
    a.move('d', 'e')
    expect(await a.sync()).toMatchObject({ heldDeletions: 0, pushed: 1 })
    await settle(b)
    expect(Object.keys(b.show())).toHaveLength(41)
  })

  it('a full disk stops a download with its reason, half-writes nothing, and the next sync finishes it', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.write('big', noise(1, 3_000_000))
    a.put('small', 'x')
    await a.sync()
    const create = b.files.work.create.bind(b.files.work)
    b.files.work.create = (path) => {
      const writer = create(path)
      b.files.full = true
      return writer
    }
    await expect(b.sync()).rejects.toThrow(FileError)
    await expect(b.sync()).rejects.toThrow('the disk is full; make room and sync again')
    expect(Object.keys(b.show()).filter((path) => path === 'big')).toEqual([])
    b.files.work.create = create
    b.files.full = false
    await settle(b)
    expect(b.show()).toEqual(a.show())
    expect(await a.sync()).toMatchObject({ pulled: 0, applied: 0 })
  })
})

describe('people who keep writing', () => {
  /** Lets the person act when the engine first calls this method of an area for this path. */
  function when(
    site: Site,
    area: 'folder' | 'work',
    method: 'read' | 'create',
    act: (path: string) => void,
  ): void {
    const target = site.files[area]
    const original = target[method].bind(target) as (path: string) => never
    let done = false
    target[method] = (path: string) => {
      if (!done && path !== MARKER) {
        done = true
        act(path)
      }
      return original(path)
    }
  }

  it('scenario 3 (R10): an edit while a deletion arrives survives', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('n', 'old')
    a.put('other', 'o')
    await settle(a, b)
    a.remove('n')
    a.put('other', 'o2')
    await a.sync()
    // The scan has passed; the new version of the other file is being assembled.
    when(b, 'work', 'create', () => b.put('n', 'being written'))
    await settle(b, a)
    expect(a.show()).toEqual({ n: 'being written', other: 'o2' })
    expect(b.show()).toEqual(a.show())
  })

  it('R10: an edit while a new version arrives is no victim: both contents are kept', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('n.bin', 'old')
    await settle(a, b)
    a.put('n.bin', 'from a')
    await a.sync()
    when(b, 'work', 'create', () => b.put('n.bin', 'from b'))
    await settle(b, a)
    expect(Object.values(a.show()).sort()).toEqual(['from a', 'from b'])
    expect(b.show()).toEqual(a.show())
  })

  it('R10: a program that goes on writing to a displaced file finds its words beside it', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('n.bin', 'old')
    await settle(a, b)
    a.put('n.bin', 'from a')
    await a.sync()
    // Opened before, written after the new version took the name: the displaced inode changes.
    const transfer = b.files.transfer.bind(b.files)
    b.files.transfer = (mode, from, to) => {
      transfer(mode, from, to)
      if (mode === 'rename' && to.path === 'n.bin') {
        const stashed = b.files.work.list('stash').names[0]!
        b.files.asPerson(() => {
          transfer(
            'link',
            { area: 'work', path: `stash/${stashed}` },
            { area: 'folder', path: 'open handle' },
          )
          b.files.overwrite('open handle', bytes('written late'))
          b.files.folder.removeFile('open handle')
        })
      }
    }
    await settle(b, a)
    expect(Object.values(a.show()).sort()).toEqual(['from a', 'written late'])
    expect(b.show()).toEqual(a.show())
  })

  it('a file made while one of its name arrives: both are kept', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('n.bin', 'from a')
    await a.sync()
    when(b, 'work', 'create', () => b.put('n.bin', 'from b'))
    await settle(b, a)
    expect(Object.values(a.show()).sort()).toEqual(['from a', 'from b'])
    expect(b.show()).toEqual(a.show())
  })

  it('a file put into a folder while its deletion arrives keeps the folder', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('f/n', 'x')
    a.put('other', 'o')
    await settle(a, b)
    a.remove('f')
    a.put('other', 'o2')
    await a.sync()
    when(b, 'work', 'create', () => b.put('f/late', 'late'))
    await settle(b, a)
    expect(a.show()).toEqual({ 'f/': '', 'f/late': 'late', other: 'o2' })
    expect(b.show()).toEqual(a.show())
  })

  it('R12: a file that changes while it is read is read again, and what is pushed is one whole state', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.write('n', noise(1, 6_000_000))
    const read = a.files.folder.read.bind(a.files.folder)
    let reads = 0
    a.files.folder.read = (path) => {
      const reader = read(path)
      if (path !== 'n') return reader
      return {
        ...reader,
        read(into, position) {
          if (position > 0 && reads++ === 0) a.write('n', noise(2, 6_000_000))
          return reader.read(into, position)
        },
      }
    }
    await settle(a, b)
    expect(Buffer.compare(b.read('n'), noise(2, 6_000_000))).toBe(0)
  })

  it('R12, scenario 10: a file that never rests is reported, not pushed half; the others sync', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('busy', 'start')
    a.put('calm', 'x')
    const read = a.files.folder.read.bind(a.files.folder)
    let touched = 0
    a.files.folder.read = (path) => {
      const reader = read(path)
      if (path !== 'busy') return reader
      return {
        ...reader,
        read(into, position) {
          a.write('busy', noise(++touched, 50))
          return reader.read(into, position)
        },
      }
    }
    const report = await a.sync()
    expect(report.problems).toEqual([{ path: 'busy', problem: expect.stringContaining('kept changing') }])
    await settle(b)
    expect(b.show()).toEqual({ calm: 'x' })
    a.files.folder.read = read
    await settle(a, b)
    expect(b.show()).toEqual(a.show())
  })

  it('R13: no program ever sees a partial file, a temporary name, or a replaced file absent', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    const versions = [noise(1, 700_000), noise(2, 900_000), noise(3, 5_000)]
    a.write('d/n', versions[0]!)
    a.write('d/m', versions[1]!)
    await settle(a, b)
    const whole = new Set(
      [...versions, bytes('late')].map((v) => Buffer.from(v).toString('base64').slice(0, 60) + v.length),
    )
    const look = () => {
      const names = b.files.folder.list('d').names
      for (const name of names) expect(['n', 'm', 'new', 'moved']).toContain(name)
      for (const name of ['n']) expect(names).toContain(name)
      for (const name of names) {
        const seen = b.read(`d/${name}`)
        expect(whole).toContain(Buffer.from(seen).toString('base64').slice(0, 60) + seen.length)
      }
    }
    a.write('d/n', versions[2]!)
    a.move('d/m', 'd/moved')
    a.write('d/new', bytes('late'))
    await a.sync()
    const transfer = b.files.transfer.bind(b.files)
    let looks = 0
    b.files.transfer = (mode, from, to) => {
      look()
      transfer(mode, from, to)
      look()
      looks++
    }
    await b.sync()
    expect(looks).toBeGreaterThan(2)
    expect(b.show()).toEqual(a.show())
  })
})

describe('what stands in the way', () => {
  it('a folder deleted elsewhere that holds what cannot be synced stays, is reported, and the sync ends', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('d/n', 'x')
    a.put('d/e/m', 'x')
    await settle(a, b)
    b.put('d/e/lone \ud800', 'cannot sync')
    await b.sync()
    a.remove('d')
    await a.sync()
    const report = await b.sync()
    expect(report.problems.length).toBeGreaterThan(0)
    expect(b.show()).toEqual({ 'd/': '', 'd/e/': '', 'd/e/lone \ud800': 'cannot sync' })
    const again = await b.sync()
    expect(again).toMatchObject({ pushed: 0, pulled: 0, applied: 0 })
    expect(a.show()).toEqual({})
    b.remove('d/e/lone \ud800')
    await settle(b, a)
    expect(b.show()).toEqual(a.show())
  })

  it('a file that comes where something lies that cannot be synced waits, and is reported', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    const stat = b.files.folder.stat.bind(b.files.folder)
    b.put('n', 'is a socket')
    b.files.folder.stat = (path) => {
      const s = stat(path)
      return path === 'n' && s ? { ...s, type: 'other' } : s
    }
    a.put('n', 'from a')
    a.put('m', 'from a')
    await a.sync()
    const report = await b.sync()
    expect(report.problems.map((p) => p.path)).toContain('n')
    expect(b.text('m')).toBe('from a')
    expect(b.text('n')).toBe('is a socket')
    b.files.folder.stat = stat
    await settle(b, a)
    expect(b.show()).toEqual(a.show())
  })

  it('R11: a folder deleted elsewhere that cannot be read here is left alone and reported; the others sync', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('d/n', 'x')
    a.put('other', 'y')
    await settle(a, b)
    b.files.denied.add('d')
    a.remove('d')
    a.put('other', 'z')
    await a.sync()
    const report = await b.sync()
    expect(report.problems.length).toBeGreaterThan(0)
    expect(b.text('other')).toBe('z')
    b.files.denied.clear()
    await settle(b, a)
    expect(b.show()).toEqual(a.show())
  })

  it('R10: an edit elsewhere of a file that cannot be read here waits; both contents are kept', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('n', 'x')
    await settle(a, b)
    b.put('n', 'mine')
    b.files.denied.add('n')
    a.put('n', 'theirs')
    a.put('m', 'm')
    await a.sync()
    const report = await b.sync()
    expect(report.problems.length).toBeGreaterThan(0)
    expect(b.text('m')).toBe('m')
    b.files.denied.clear()
    await settle(b, a)
    expect(b.show()).toEqual(a.show())
    expect(Object.values(a.show()).sort()).toEqual(['m', 'mine', 'theirs'])
  })

  it('R11: a name that is the marker where case is ignored does not take its place', async () => {
    const { sites, join } = await scene()
    const [a] = sites
    const mac = join(1, { caseInsensitive: true })
    a.put('.Pileus', 'x')
    a.put('n', 'n')
    await a.sync()
    await mac.sync()
    expect(mac.text('n')).toBe('n')
    expect(mac.text(MARKER)).not.toBe('x')
  })
})

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
    for (let commit = 1; commit <= 40; commit++) {
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
