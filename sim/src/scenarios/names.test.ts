/** What people call their files and when they say they made them: R1, scenarios 12 and 16. */
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { setScene } from './scene.ts'

const home = await createHome(chanceOf(4), 3)
let seed = 0
const scene = () => setScene(home, ++seed)

const YEAR_MS = 365 * 86_400_000

describe('odd names (scenario 16)', () => {
  const NAMES = {
    'a newline': 'one\ntwo',
    'quotes of all kinds': `'"\`´’“„`,
    'a leading dash': '-rf',
    'leading and trailing blanks': '  x  ',
    'a trailing dot': 'x.',
    'only dots': '...',
    'a tab and a bell': 'a\tb\u0007',
    'a backslash': 'a\\b',
    'an emoji of several code points': '👩‍👩‍👧‍👦🏳️‍🌈.txt',
    'right-to-left marks': '\u202egpj.exe',
    'a name of another system': 'CON.txt',
    'percent signs and stars': '%00*?<>|:',
    'what looks like a conflict copy': "n (device-1's conflicted copy 2026-01-01).txt",
    '255 bytes of ASCII': 'x'.repeat(255),
    '255 bytes of three-byte characters': '語'.repeat(85),
    'a name of our own making': '__proto__',
  }

  it.each(Object.entries(NAMES))(
    '%s travels unchanged, as a file and as a folder, and back',
    async (_, name) => {
      const { sites, settle } = await scene()
      const [a, b] = sites
      a.put(`files/${name}`, 'content')
      a.put(`folders/${name}/${name}`, 'inside')
      a.makeLink('link', name)
      await settle(a, b)
      expect(b.show()).toEqual(a.show())
      expect(b.text(`folders/${name}/${name}`)).toBe('inside')
      b.put(`files/${name}`, 'edited')
      b.move(`folders/${name}`, 'plain')
      await settle(b, a)
      expect(a.text(`files/${name}`)).toBe('edited')
      expect(a.text(`plain/${name}`)).toBe('inside')
      expect(a.show()).toEqual(b.show())
    },
  )

  it('R3: names that are one name, and a conflict name beside its original, in folders that are new themselves', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    const copy = "n (device-1's conflicted copy 2026-01-01).txt"
    for (const folder of ['new', 'new/inner']) {
      a.put(`${folder}/caf\u00e9.txt`, 'composed')
      a.put(`${folder}/cafe\u0301.txt`, 'decomposed')
      a.put(`${folder}/n.txt`, 'original')
      a.put(`${folder}/${copy}`, 'copy')
      a.makeLink(`${folder}/link`, 'n.txt')
    }
    await settle(a, b)
    expect(a.show()).toEqual(b.show())
    const inNew = Object.keys(b.show()).filter((path) => path.startsWith('new/inner/'))
    expect(inNew).toHaveLength(6)
    expect(inNew.map((path) => b.show()[path]).sort()).toEqual(
      ['', 'composed', 'copy', 'decomposed', 'original', '→n.txt'].sort(),
    )
    expect(new Set(inNew.map((path) => path.normalize('NFC'))).size).toBe(6)
  })

  it('R9: the conflict copy of a name of 255 bytes is cut between characters and fits', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    const name = `${'語'.repeat(83)}.bin`
    a.put(name, 'base')
    await settle(a, b)
    a.put(name, 'from a')
    b.put(name, 'from b')
    await settle(a, b)
    expect(a.show()).toEqual(b.show())
    const copy = Object.keys(a.show()).find((path) => path !== name)!
    expect(new TextEncoder().encode(copy).length).toBeLessThanOrEqual(255)
    expect(copy).toMatch(/^語+ \(device-2's conflicted copy [\d-]+\)\.bin$/)
  })

  it('a name that is not UTF-8 is reported by path and skipped; the others sync', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('d/good', 'x')
    const list = a.files.folder.list.bind(a.files.folder)
    a.files.folder.list = (path) => ({ ...list(path), undecodable: path === 'd' ? ['caf\ufffd'] : [] })
    const report = await a.sync()
    expect(report.problems).toEqual([
      { path: 'd/caf\ufffd', problem: expect.stringContaining('not valid UTF-8') },
    ])
    await settle(b)
    expect(b.show()).toEqual({ 'd/': '', 'd/good': 'x' })
  })

  it('a path 200 folders deep travels, is renamed at its top, and goes away', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    const deep = Array.from({ length: 200 }, (_, n) => `level ${n}`).join('/')
    a.put(`${deep}/file`, 'deep down')
    await settle(a, b)
    expect(b.text(`${deep}/file`)).toBe('deep down')
    b.move('level 0', 'top')
    expect(await b.sync()).toMatchObject({ pushed: 1 })
    await settle(a)
    expect(a.text(`${deep.replace('level 0', 'top')}/file`)).toBe('deep down')
    a.remove('top')
    await a.sync({ heldDeletions: 'accept' })
    await settle(b)
    expect(b.show()).toEqual({})
  })

  it('names that begin alike do not run into each other in the index of names', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    for (const name of ['x', 'x0', 'x~', 'x\u{10ffff}', 'x\u2215x', 'xy']) a.put(`p/${name}`, name)
    a.put('p/x1/x', 'inside')
    await settle(a, b)
    expect(b.show()).toEqual(a.show())
  })

  it('empty folders, empty files, links that point nowhere and mode bits travel', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.makeFolder('empty/emptier')
    a.put('nothing', '')
    a.makeLink('broken', '../no/such/place')
    a.makeLink('to empty', 'empty')
    a.put('run', '#!/bin/sh')
    a.files.asPerson(() => a.files.folder.setExecutable('run', true))
    await settle(a, b)
    expect(b.show()).toEqual(a.show())
    expect(b.files.folder.stat('run')!.executable).toBe(true)
    expect(b.files.folder.stat('nothing')!.size).toBe(0)
  })

  it('a link to a folder is a link, and nothing behind it is followed', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('real/file', 'x')
    a.makeLink('real/loop', '.')
    a.makeLink('up', '..')
    await settle(a, b)
    expect(b.show()).toEqual({ 'real/': '', 'real/file': 'x', 'real/loop': '→.', up: '→..' })
  })
})

describe('hard links', () => {
  it('are files of their own elsewhere, and an edit through one is an edit of both', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('one', 'x')
    a.files.asPerson(() =>
      a.files.transfer('link', { area: 'folder', path: 'one' }, { area: 'folder', path: 'two' }),
    )
    await settle(a, b)
    expect(b.show()).toEqual({ one: 'x', two: 'x' })
    a.put('one', 'edited')
    await settle(a, b)
    expect(b.show()).toEqual({ one: 'edited', two: 'edited' })
    a.move('two', 'three')
    await settle(a, b)
    expect(b.show()).toEqual({ one: 'edited', three: 'edited' })
    b.put('one', 'only one')
    await settle(b, a)
    expect(a.show()).toEqual({ one: 'only one', three: 'edited' })
    a.remove('one')
    await settle(a, b)
    expect(b.show()).toEqual({ three: 'edited' })
  })
})

describe('clocks (scenario 12)', () => {
  const TIMES = [
    0, -1, -86_400_000_000, 1, 4_102_444_800_000_000, -2_208_988_800_123_456, 1_700_000_000_123_457,
  ]

  it.each(TIMES)(
    'R1: a modification time of %d µs is carried to the microsecond and decides nothing',
    async (mtime) => {
      const { sites, settle } = await scene()
      const [a, b] = sites
      a.put('n', 'x')
      a.makeLink('l', 'n')
      a.makeFolder('f')
      for (const path of ['n', 'l', 'f']) a.files.asPerson(() => a.files.folder.setModified(path, mtime))
      await settle(a, b)
      for (const path of ['n', 'l', 'f']) expect(b.files.folder.stat(path)!.mtime, path).toBe(mtime)
      b.put('n', 'edited')
      b.files.asPerson(() => b.files.folder.setModified('n', mtime))
      await settle(b, a)
      expect(a.text('n')).toBe('edited')
      expect(a.files.folder.stat('n')!.mtime).toBe(mtime)
    },
  )

  it.each([-YEAR_MS, YEAR_MS])('R1: a clock that is off by %d ms changes no outcome', async (off) => {
    const { sites, settle, world } = await scene()
    const [a, b] = sites
    /** b's clock and disk live in another year; the server's clock does not. */
    const asB = async (work: () => unknown) => {
      world.clock.now += off
      try {
        return await work()
      } finally {
        world.clock.now -= off
      }
    }
    a.put('edited', 'old')
    a.put('moved', 'm')
    a.put('gone', 'g')
    await settle(a, b)
    await asB(() => b.put('edited', 'by b'))
    await b.sync()
    await settle(a)
    expect(a.text('edited')).toBe('by b')
    a.put('edited', 'by a, after b')
    a.move('moved', 'elsewhere')
    await a.sync()
    await asB(() => b.remove('gone'))
    await settle(b, a)
    expect(a.show()).toEqual({ edited: 'by a, after b', elsewhere: 'm' })
    expect(b.show()).toEqual(a.show())
    await asB(() => b.put('edited', 'clash b'))
    a.put('edited', 'clash a')
    await settle(b, a)
    expect(Object.values(a.show()).sort()).toEqual(['clash a', 'clash b', 'm'])
    expect(a.text('edited')).toBe('clash b')
  })
})
