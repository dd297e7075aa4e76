/** People who keep writing, and what stands in the way on a disk: R10, R12, R13, scenarios 3 and 10. */
import { Crash } from '@pileus/client/files/memory-area'
import { MARKER } from '@pileus/client/folder/marker'
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { bytes, noise, type Site, setScene } from './scene.ts'

const home = await createHome(chanceOf(11), 3)
let seed = 0
const scene = () => setScene(home, ++seed)

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

  it('a displaced file that was let go does not come back with a loss of power', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('n', 'old')
    await settle(a, b)
    a.put('n', 'new')
    await a.sync()
    await b.sync()
    // That it was displaced is on the disk; that it was let go is not, and the database knows of that.
    b.device.files.crash(() => 0)
    await b.sync()
    await b.sync()
    b.device.files.crash('none')
    b.device.store.crash('none')
    await settle(b, a)
    expect(b.show()).toEqual({ n: 'new' })
    expect(a.show()).toEqual({ n: 'new' })
  })

  it('a displaced file that is given back is given back once, where the sync is cut right then', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('n.bin', 'old')
    await settle(a, b)
    const handle = b.files.open('n.bin')
    a.put('n.bin', 'from a')
    await a.sync()
    await b.sync()
    handle.append(bytes(', written late'))
    // The link beside the file is a change of the disk, then it is made durable, then the stash lets go of it.
    b.device.files.failAfter(3)
    await expect(b.sync()).rejects.toThrow(Crash)
    b.device.files.crash('all')
    await settle(b, a)
    expect(Object.values(b.show()).sort()).toEqual(['from a', 'old, written late'])
    expect(a.show()).toEqual(b.show())
  })

  it('a file that is edited after a sync was cut that was about to replace it is not given back besides', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('n.bin', 'old')
    await settle(a, b)
    a.put('n.bin', 'from a')
    await a.sync()
    const { transfer } = b.files
    b.files.transfer = (mode, from, to) => {
      transfer.call(b.files, mode, from, to)
      if (mode === 'link' && to.area === 'work') throw new Crash(mode)
    }
    await expect(b.sync()).rejects.toThrow(Crash)
    b.files.transfer = transfer
    b.put('n.bin', 'from b')
    await settle(b, a)
    expect(Object.values(b.show()).sort()).toEqual(['from a', 'from b'])
    expect(a.show()).toEqual(b.show())
  })

  describe('a sync that was cut between an effect and its row (scenario 7)', () => {
    /** B is ended while it does what A did, at the n-th change of its disk. */
    async function cut(b: Site, change: number) {
      b.device.files.failAfter(change)
      await expect(b.sync()).rejects.toThrow(Crash)
      b.device.files.crash('all')
    }

    it('its own move is no wish of the person when the record has moved on', async () => {
      const { sites, settle } = await scene()
      const [a, b] = sites
      a.put('x', 'content')
      await settle(a, b)
      a.move('x', 'y')
      await a.sync()
      await cut(b, 2)
      expect(b.show()).toEqual({ y: 'content' })
      a.move('y', 'z')
      await a.sync()
      await settle(b, a)
      expect(a.show()).toEqual({ z: 'content' })
      expect(b.show()).toEqual(a.show())
    })

    it('a file that it had put into place does not come back after its deletion', async () => {
      const { sites, settle } = await scene()
      const [a, b] = sites
      a.put('first', '1')
      await settle(a, b)
      a.put('x', 'content')
      await a.sync()
      await cut(b, 6)
      expect(b.show()).toEqual({ first: '1', x: 'content' })
      a.remove('x')
      await a.sync()
      await settle(b, a)
      expect(a.show()).toEqual({ first: '1' })
      expect(b.show()).toEqual(a.show())
    })
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
    a.write('n', noise(1, 12_000_000))
    const read = a.files.folder.read.bind(a.files.folder)
    let reads = 0
    a.files.folder.read = (path) => {
      const reader = read(path)
      if (path !== 'n') return reader
      return {
        ...reader,
        read(into, position) {
          if (position > 0 && reads++ === 0) a.write('n', noise(2, 12_000_000))
          return reader.read(into, position)
        },
      }
    }
    await settle(a, b)
    expect(Buffer.compare(b.read('n'), noise(2, 12_000_000))).toBe(0)
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
