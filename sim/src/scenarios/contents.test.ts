/** Contents that meet: R4, R5, R8, R9, the conflict policies and scenarios 14 and 15. */
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { bytes, noise, type Site, saveUntold, setScene } from './scene.ts'

const home = await createHome(chanceOf(3), 3)
let seed = 0
const scene = (devices = 2) => setScene(home, ++seed, devices)

const LINES = ['one', 'two', 'three', 'four', 'five', 'six']
const text = (...changes: [number, string][]) => {
  const lines = [...LINES]
  for (const [at, line] of changes) lines[at] = line
  return `${lines.join('\n')}\n`
}

/** The same file on both, then one content here and another there. */
async function editBoth(name: string, base: string, mine: string, theirs: string) {
  const { sites, settle, world } = await scene()
  const [a, b] = sites
  a.put(name, base)
  await settle(a, b)
  a.put(name, mine)
  world.clock.now += 5_000
  b.put(name, theirs)
  await a.sync()
  const report = await b.sync()
  await settle(a, b)
  expect(a.show()).toEqual(b.show())
  return { a, b, report, settle, world }
}

const day = (site: Site, now: number, name: string, extension: string) =>
  `${name} (${site.device.name}'s conflicted copy ${new Date(now).toISOString().slice(0, 10)})${extension}`

describe('both sides edit one file', () => {
  it('scenario 14 (R8): text in different places merges, in one version, with no conflict', async () => {
    const { a, report } = await editBoth('notes.txt', text(), text([0, 'ONE']), text([5, 'SIX']))
    expect(a.show()).toEqual({ 'notes.txt': text([0, 'ONE'], [5, 'SIX']) })
    expect(report.conflicts).toEqual([])
  })

  it('scenario 14: the same change on both sides is no conflict', async () => {
    const same = text([2, 'THREE'])
    const { a, report } = await editBoth('notes.txt', text(), same, same)
    expect(a.show()).toEqual({ 'notes.txt': same })
    expect(report.conflicts).toEqual([])
  })

  it('scenario 14 (R9): text in the same place: the resolving device keeps the name, the copy is named and listed', async () => {
    const { a, report, world } = await editBoth('notes.txt', text(), text([2, 'A']), text([2, 'B']))
    const copy = day(a, world.clock.now, 'notes', '.txt')
    expect(a.show()).toEqual({ 'notes.txt': text([2, 'B']), [copy]: text([2, 'A']) })
    expect(report.conflicts).toEqual([copy])
    expect((await a.sync()).conflicts).toEqual([copy])
  })

  it('R9: a conflict that the person deals with is listed no more, on either device', async () => {
    const { a, b, report, settle } = await editBoth('notes.txt', text(), text([2, 'A']), text([2, 'B']))
    a.move(report.conflicts[0]!, 'mine.txt')
    await settle(a, b)
    expect((await a.sync()).conflicts).toEqual([])
    expect((await b.sync()).conflicts).toEqual([])
    expect(b.text('mine.txt')).toBe(text([2, 'A']))
  })

  it('R9: conflict copies of one day are numbered', async () => {
    const { a, b, settle, world } = await editBoth('n.txt', text(), text([2, 'A']), text([2, 'B']))
    a.put('n.txt', text([2, 'A2']))
    b.put('n.txt', text([2, 'B2']))
    await a.sync()
    await settle(b, a)
    const copies = Object.keys(a.show()).filter((path) => path !== 'n.txt')
    const first = day(a, world.clock.now, 'n', '.txt')
    expect(copies.sort()).toEqual([first.replace(').txt', ' 2).txt'), first].sort())
    expect(b.show()).toEqual(a.show())
  })

  it('text that is no UTF-8 is not merged but kept twice', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    const latin = (...end: number[]) => Uint8Array.of(0xe9, 0x0a, 0x0a, 0x0a, ...end)
    a.write('l.txt', latin(1))
    await settle(a, b)
    a.write('l.txt', latin(1, 2))
    b.write('l.txt', Uint8Array.of(0x41, ...latin(1)))
    await settle(a, b)
    expect(Object.keys(a.show())).toHaveLength(2)
    expect(a.show()).toEqual(b.show())
  })

  it('document policy (R1): the later modification keeps the name, whichever side resolves', async () => {
    const { a, world, report } = await editBoth('paper.odt', 'base', 'earlier', 'later')
    const copy = day(a, world.clock.now, 'paper', '.odt')
    expect(a.show()).toEqual({ 'paper.odt': 'later', [copy]: 'earlier' })
    expect(report.conflicts).toEqual([copy])
    const other = await scene()
    const [c, d] = other.sites
    c.put('paper.odt', 'base')
    await other.settle(c, d)
    d.put('paper.odt', 'earlier')
    other.world.clock.now += 5_000
    c.put('paper.odt', 'later')
    await c.sync()
    await other.settle(d, c)
    expect(c.text('paper.odt')).toBe('later')
    expect(Object.values(c.show()).sort()).toEqual(['earlier', 'later'])
  })

  it.each(['p.jpg', 'thing.bin', 'no extension'])(
    'photo and other policy: both are kept of %s',
    async (name) => {
      const { a, report } = await editBoth(name, 'base', 'from a', 'from b')
      expect(a.text(name)).toBe('from a')
      expect(Object.values(a.show()).sort()).toEqual(['from a', 'from b'])
      expect(report.conflicts).toHaveLength(1)
    },
  )

  it('R8: three devices edit one file: every content is kept, once, and all agree', async () => {
    const { sites, settle } = await scene(3)
    const [a, b, c] = sites
    a.put('n.bin', 'base')
    await settle(...sites)
    a.put('n.bin', 'a')
    b.put('n.bin', 'b')
    c!.put('n.bin', 'c')
    await settle(...sites)
    expect(Object.values(a.show()).sort()).toEqual(['a', 'b', 'c'])
    expect(b.show()).toEqual(a.show())
    expect(c!.show()).toEqual(a.show())
  })

  it('R8: the conflict copy is made once, whatever crashes while it is made', async () => {
    for (let call = 1; call <= 12; call++) {
      const { sites, settle } = await scene()
      const [a, b] = sites
      a.put('n.bin', 'base')
      await settle(a, b)
      a.put('n.bin', 'from a')
      b.put('n.bin', 'from b')
      await a.sync()
      if (call % 2 === 0) b.files.failAfter(call / 2)
      else b.device.store.failAfter((call + 1) / 2)
      await b.sync().catch(() => undefined)
      b.files.crash('all')
      b.device.store.crash('all')
      await settle(b, a)
      expect(Object.values(a.show()).sort(), `stopped at ${call}`).toEqual(['from a', 'from b'])
      expect(b.show()).toEqual(a.show())
    }
  })

  it('scenario 7: an update that crashed before it was noted gives no old version back as a conflict', async () => {
    for (let commit = 1; commit <= 6; commit++) {
      const { sites, settle } = await scene()
      const [a, b] = sites
      a.put('n.bin', 'old')
      a.put('gone.bin', 'gone')
      a.makeLink('l', 'old')
      await settle(a, b)
      a.put('n.bin', 'new')
      a.remove('gone.bin')
      a.remove('l')
      a.makeLink('l', 'new')
      await a.sync()
      b.device.store.failAfter(commit)
      await b.sync().catch(() => undefined)
      b.files.crash('all')
      b.device.store.crash('all')
      await settle(b, a)
      await settle(b, a)
      expect(b.show(), `stopped at commit ${commit}`).toEqual({ 'n.bin': 'new', l: '→new' })
    }
  })

  it('edits of the mode and of the content both hold (R2)', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('run.bin', 'old')
    await settle(a, b)
    a.files.asPerson(() => a.files.folder.setExecutable('run.bin', true))
    b.put('run.bin', 'new')
    await settle(a, b)
    for (const site of [a, b]) {
      expect(site.text('run.bin')).toBe('new')
      expect(site.files.folder.stat('run.bin')!.executable).toBe(true)
    }
  })

  it('both point one link elsewhere: both targets are kept', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.makeLink('l', 'base')
    await settle(a, b)
    for (const [site, target] of [
      [a, 'from a'],
      [b, 'from b'],
    ] as const) {
      site.remove('l')
      site.makeLink('l', target)
    }
    await settle(a, b)
    expect(a.show()).toEqual(b.show())
    expect(Object.values(a.show()).sort()).toEqual(['→from a', '→from b'])
  })
})

describe('the same on both sides before they met (scenario 15)', () => {
  it('R4, R5: the same new file is adopted: one record, nothing pushed or sent twice', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('d/same', 'same content')
    b.put('d/same', 'same content')
    expect(await a.sync()).toMatchObject({ pushed: 2 })
    expect(await b.sync()).toMatchObject({
      pushed: 0,
      pulled: 2,
      bytesSent: 0,
      bytesReceived: 0,
      conflicts: [],
    })
    await settle(a, b)
    expect(a.show()).toEqual({ 'd/': '', 'd/same': 'same content' })
    expect(b.show()).toEqual(a.show())
  })

  it('R4: an edit or deletion of an adopted file is one for both', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    for (const site of [a, b]) for (const name of ['edited', 'deleted', 'moved']) site.put(name, name)
    await settle(a, b)
    b.put('edited', 'anew')
    b.remove('deleted')
    b.move('moved', 'elsewhere')
    await settle(b, a)
    expect(a.show()).toEqual({ edited: 'anew', elsewhere: 'moved' })
    expect(b.show()).toEqual(a.show())
  })

  it('R4: the same new folder made on both sides while both are offline is one folder', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('d/e/from a', 'a')
    b.put('d/e/from b', 'b')
    await settle(a, b)
    const both = { 'd/': '', 'd/e/': '', 'd/e/from a': 'a', 'd/e/from b': 'b' }
    expect(a.show()).toEqual(both)
    expect(b.show()).toEqual(both)
  })

  it('R4: folders with aliases made by a race are one, and are renamed and deleted as one', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    // Each takes up its own before it hears of the other's: b's push comes while a is between pull and push.
    a.put('d/from a', 'a')
    b.put('d/from b', 'b')
    let raced = false
    a.device.through = (calls) => ({
      async call(name, input) {
        if (name === 'push' && !raced) {
          raced = true
          await b.sync()
        }
        return calls.call(name, input)
      },
    })
    await settle(a, b)
    expect(raced).toBe(true)
    expect(a.show()).toEqual({ 'd/': '', 'd/from a': 'a', 'd/from b': 'b' })
    expect(b.show()).toEqual(a.show())
    a.move('d', 'e')
    await settle(a, b)
    expect(b.show()).toEqual({ 'e/': '', 'e/from a': 'a', 'e/from b': 'b' })
    b.remove('e')
    await settle(b, a)
    expect(a.show()).toEqual({})
  })

  it('scenario 15: same name, other content: both are kept', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('n.txt', 'from a')
    b.put('n.txt', 'from b')
    await settle(a, b)
    expect(Object.values(a.show()).sort()).toEqual(['from a', 'from b'])
    expect(a.text('n.txt')).toBe('from a')
    expect(b.show()).toEqual(a.show())
  })

  it('scenario 15: linking a folder that already holds a full copy moves no content and makes no record', async () => {
    const { sites } = await scene()
    const [a, b] = sites
    const contents = Array.from({ length: 40 }, (_, n) => noise(n + 1, 5_000 + n))
    for (const site of [a, b]) {
      for (const [n, content] of contents.entries()) site.write(`tree/${n % 5}/${n}`, content)
      site.makeFolder('tree/empty')
      site.makeLink('tree/link', '0')
    }
    await a.sync()
    const report = await b.sync()
    expect(report).toMatchObject({ pushed: 0, bytesSent: 0, bytesReceived: 0, problems: [], conflicts: [] })
    expect(await b.sync()).toMatchObject({ pushed: 0, pulled: 0, applied: 0 })
    expect(b.show()).toEqual(a.show())
  })

  it('scenario 15: linking a folder with most of a copy fetches and sends only what differs', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    for (const site of [a, b]) for (let n = 0; n < 10; n++) site.write(`f/${n}`, noise(n + 1, 10_000))
    a.write('f/only a', noise(50, 3_000))
    b.write('f/only b', noise(51, 4_000))
    b.write('f/3', noise(52, 5_000))
    await a.sync()
    const report = await b.sync()
    expect(report.bytesReceived).toBeLessThan(3_500 + 11_500)
    expect(report.bytesSent).toBeLessThan(4_500 + 5_500)
    // In what travelled, the contents are told to the byte.
    expect(report).toMatchObject({ contentReceived: 3_000 + 10_000, contentSent: 4_000 + 5_000 })
    await settle(a, b)
    expect(a.show()).toEqual(b.show())
    expect(Object.keys(a.show())).toHaveLength(1 + 10 + 2 + 1)
  })
})

describe('quiet', () => {
  it('R5: a second sync pushes, pulls and changes nothing', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('d/n.txt', 'x')
    a.makeLink('l', 'd')
    await settle(a, b)
    for (const site of [a, b]) {
      const before = site.files.changes
      const report = await site.sync({ everything: true })
      expect(report).toMatchObject({ pushed: 0, pulled: 0, applied: 0, bytesSent: 0, bytesReceived: 0 })
      expect(site.files.changes).toBe(before)
    }
  })

  it('R5: a file touched without a change is one version of its time and no content', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.write('n', noise(1, 100_000))
    await settle(a, b)
    a.files.asPerson(() => a.files.folder.setModified('n', 1_234_567))
    expect(await a.sync()).toMatchObject({ pushed: 1, bytesSent: 0 })
    expect(await b.sync()).toMatchObject({ bytesReceived: 0 })
    expect(b.files.folder.stat('n')!.mtime).toBe(1_234_567)
  })

  it('a file edited there and back says nothing but its time', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('n', 'x')
    await settle(a, b)
    const { mtime } = a.files.folder.stat('n')!
    a.put('n', 'other')
    a.put('n', 'x')
    a.files.asPerson(() => a.files.folder.setModified('n', mtime))
    expect(await a.sync()).toMatchObject({ pushed: 0, bytesSent: 0 })
    expect(bytes('x')).toEqual(b.read('n'))
  })

  it('R9: what is settled and not told yet keeps both contents when the other is renamed meanwhile', async () => {
    const { sites, settle } = await scene(2)
    const [a, c] = sites
    a.put('n.md', 'base')
    await settle(a, c)
    a.put('n.md', 'by a')
    await a.sync()
    await saveUntold(c, 'n.md', 'by c')
    a.move('n.md', 'm.md')
    await settle(a, c)
    expect(Object.values(a.show()).sort()).toEqual(['by a', 'by c'])
    expect(c.show()).toEqual(a.show())
  })

  it('R9: three edits of one file, two of which are settled while a third waits: each content is there once', async () => {
    const { sites, settle, world } = await scene(3)
    const [a, b, c] = sites
    a.put('n.md', 'base')
    await settle(a, b, c!)
    a.put('n.md', 'by a')
    await a.sync()
    await saveUntold(c!, 'n.md', 'by c')
    // By another day, so that two copies of one content would have two names.
    world.clock.now += 86_400_000
    b.put('n.md', 'by b')
    await settle(b, a)
    await settle(c!, a, b)
    expect(Object.values(a.show()).sort()).toEqual(['by a', 'by b', 'by c'])
    expect(b.show()).toEqual(a.show())
    expect(c!.show()).toEqual(a.show())
  })
})
