/** Folders that vanish, empty themselves or cannot be read: R11 and scenario 9. */
import { FileError } from '@pileus/client/files/files'
import { FolderLost, MARKER } from '@pileus/client/folder/marker'
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { noise, type Site, setScene } from './scene.ts'

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

  it('an empty folder takes its place while it is being looked at: nothing is taken for a deletion', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    for (const name of ['1', '2', '3']) a.put(`d/${name}`, name)
    await settle(a, b)
    const list = a.files.folder.list.bind(a.files.folder)
    a.files.folder.list = (path) => {
      const listing = list(path)
      if (path !== '') return listing
      a.move(MARKER, 'aside')
      return { names: [], undecodable: [] }
    }
    await expect(a.sync({ heldDeletions: 'accept' })).rejects.toThrow(FolderLost)
    a.files.folder.list = list
    a.move('aside', MARKER)
    await settle(a, b)
    expect(b.show()).toEqual({ 'd/': '', 'd/1': '1', 'd/2': '2', 'd/3': '3' })
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
    a.move('d', 'e')
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

  it('what is held stays held when so many files come that it is no longer most of everything', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    for (let n = 0; n < 24; n++) a.put(`d/${n}`, `${n}`)
    await settle(a, b)
    b.remove('d')
    for (let n = 0; n < 60; n++) a.put(`more/${n}`, `${n}`)
    await a.sync()
    expect(await b.sync()).toMatchObject({ heldDeletions: 25 })
    expect(await b.sync()).toMatchObject({ heldDeletions: 25, pushed: 0 })
    expect(await a.sync()).toMatchObject({ pulled: 0 })
    expect(await b.sync({ heldDeletions: 'accept' })).toMatchObject({ heldDeletions: 0, pushed: 25 })
  })

  it('what lost its name to what is held may go, too: nothing is said to be in the way', async () => {
    const { a, b, settle } = await filled(40)
    a.remove('d')
    a.put('d', 'a file now')
    await a.sync()
    const [aside] = Object.keys(a.show())
    expect(aside).toMatch(/^d \(.*conflicted copy/)
    // Another takes that name, so what had it would show a third one, if it were there.
    a.remove(aside!)
    a.files.asPerson(() => a.files.folder.makeLink(aside!, 'elsewhere'))
    expect(await a.sync()).toMatchObject({ problems: [], heldDeletions: 42 })
    expect(await a.sync({ everything: true })).toMatchObject({ problems: [], heldDeletions: 42, applied: 0 })
    expect(a.show()).toEqual({ [aside!]: '→elsewhere' })
    expect(await a.sync({ heldDeletions: 'accept' })).toMatchObject({ problems: [], heldDeletions: 0 })
    await settle(a, b)
    expect(b.show()).toEqual({ [aside!]: '→elsewhere' })
  })

  it('what lost its name to what is held, and went, comes back with it', async () => {
    const { a, b, settle } = await filled(40)
    const before = a.show()
    a.remove('d')
    a.put('d', 'a file now')
    await a.sync()
    const [aside] = Object.keys(a.show())
    a.remove(aside!)
    expect(await a.sync()).toMatchObject({ problems: [], heldDeletions: 42 })
    await a.sync({ heldDeletions: 'undo' })
    await settle(a, b)
    expect(a.show()).toEqual({ ...before, [aside!]: 'a file now' })
    expect(b.show()).toEqual(a.show())
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
