/** What a program writes to a file right after the client brought it to its place, before its row is written: R10, R12. */
import type { Calls } from '@pileus/client/remote/calls'
import { Unreachable } from '@pileus/client/remote/remote'
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { bytes, type Site, setScene } from './scene.ts'

const home = await createHome(chanceOf(31), 2)
let seed = 0

/** Lets the person write there once the engine has changed this path by this call. */
function writeAfter(site: Site, call: 'transfer' | 'setModified', path: string, text: string): void {
  let done = false
  const write = (changed: string) => {
    if (done || changed !== path) return
    done = true
    site.put(path, text)
  }
  const { files } = site
  if (call === 'transfer') {
    const transfer = files.transfer.bind(files)
    files.transfer = (mode, from, to) => {
      transfer(mode, from, to)
      if (to.area === 'folder') write(to.path)
    }
    return
  }
  const setModified = files.folder.setModified.bind(files.folder)
  files.folder.setModified = (at, microseconds) => {
    setModified(at, microseconds)
    write(at)
  }
}

/** Lets the person act once a file that is to be replaced was linked into the stash. */
function afterStashed({ files }: Site, act: () => void): void {
  const transfer = files.transfer.bind(files)
  files.transfer = (mode, from, to) => {
    transfer(mode, from, to)
    if (mode !== 'link' || to.area !== 'work') return
    files.transfer = transfer
    act()
  }
}

describe('what is written in the very moment', () => {
  it.each([
    ['a file was moved here', 'transfer', 'new place', (b: Site) => b.move('n', 'new place')],
    ['a new version came', 'transfer', 'n', (b: Site) => b.put('n', 'by b')],
    ['a file came', 'transfer', 'more', (b: Site) => b.put('more', 'by b')],
    [
      'a file was dated',
      'setModified',
      'n',
      (b: Site) => b.files.asPerson(() => b.files.folder.setModified('n', 1_000_000)),
    ],
  ] as const)('%s is taken up by the next sync', async (_, call, path, doing) => {
    const { sites, settle } = await setScene(home, ++seed)
    const [a, b] = sites
    a.put('n', 'text')
    await settle(a, b)
    doing(b)
    await b.sync()
    writeAfter(a, call, path, 'written meanwhile')
    await settle(a, b)
    expect(a.text(path)).toBe('written meanwhile')
    expect(b.show()).toEqual(a.show())
  })

  it('a folder came, and somebody moves it away and saves a file of its name: both are told', async () => {
    const { sites, settle } = await setScene(home, ++seed)
    const [a, b] = sites
    await settle(a, b)
    b.makeFolder('f')
    await b.sync()
    const makeDirectory = a.files.folder.makeDirectory.bind(a.files.folder)
    a.files.folder.makeDirectory = (path) => {
      makeDirectory(path)
      if (path !== 'f') return
      a.files.folder.makeDirectory = makeDirectory
      a.move('f', 'kept')
      a.put('f', 'by a')
    }
    await settle(a, b)
    expect(a.show()).toMatchObject({ f: 'by a' })
    expect(b.show()).toEqual(a.show())
  })

  it.each([
    ['saves another file under its name', ['by a', 'by b'], (a: Site) => a.save('n', bytes('by a'))],
    [
      'moves it and makes one of its name',
      ['by a', 'by b', 'text'],
      (a: Site) => {
        a.move('n', 'kept')
        a.put('n', 'by a')
      },
    ],
    ['moves it away', ['by b'], (a: Site) => a.move('n', 'kept')],
    ['removes it', ['by b'], (a: Site) => a.remove('n')],
  ])(
    'a new version is about to replace a file, and somebody %s: nothing is lost',
    async (_, texts, doing) => {
      const { sites, settle } = await setScene(home, ++seed)
      const [a, b] = sites
      a.put('n', 'text')
      await settle(a, b)
      b.put('n', 'by b')
      await b.sync()
      afterStashed(a, () => doing(a))
      await settle(a, b)
      expect(Object.values(a.show()).sort()).toEqual(texts)
      expect(b.show()).toEqual(a.show())
    },
  )

  it('two files change their names, and somebody saves one of the name that is free right then: nobody gets a name of ours', async () => {
    const { sites, settle } = await setScene(home, ++seed)
    const [a, b] = sites
    a.put('d/x', 'was x')
    a.put('d/y', 'was y')
    await settle(a, b)
    for (const [from, to] of [
      ['d/x', 'd/other'],
      ['d/y', 'd/x'],
      ['d/other', 'd/y'],
    ] as const) {
      b.move(from, to)
      await b.sync()
    }
    const { transfer } = a.files
    a.files.transfer = (mode, from, to) => {
      transfer.call(a.files, mode, from, to)
      if (!to.path.startsWith('parked/')) return
      a.files.transfer = transfer
      a.put(from.path, 'by a')
    }
    a.device.through = (calls): Calls => ({
      call: (name, input) =>
        name === 'putPack' ? Promise.reject(new Unreachable('no way')) : calls.call(name, input),
    })
    await expect(a.sync()).rejects.toThrow('no way')
    delete a.device.through
    await settle(a, b)
    expect(Object.values(a.show()).filter(Boolean).sort()).toEqual(['by a', 'was x', 'was y'])
    for (const path of Object.keys(a.show())) expect(path).toMatch(/^d\/([xy]( \(.*\))?)?$/)
    expect(b.show()).toEqual(a.show())
  })

  it.each([
    ['a link is about to come', false],
    ['a link is about to point elsewhere', true],
  ])('%s, and somebody saves a file under its name: nothing is lost', async (_, isThere) => {
    const { sites, settle } = await setScene(home, ++seed)
    const [a, b] = sites
    if (isThere) b.makeLink('n', 'here')
    await settle(a, b)
    if (isThere) b.remove('n')
    b.makeLink('n', 'there')
    await b.sync()
    const makeLink = a.files.work.makeLink.bind(a.files.work)
    a.files.work.makeLink = (path, target) => {
      makeLink(path, target)
      a.files.work.makeLink = makeLink
      if (isThere) a.remove('n')
      a.put('n', 'by a')
    }
    await settle(a, b)
    expect(Object.values(a.show())).toContain('by a')
    expect(b.show()).toEqual(a.show())
  })

  it('a link came, and somebody points it elsewhere right then: that is told', async () => {
    const { sites, settle } = await setScene(home, ++seed)
    const [a, b] = sites
    await settle(a, b)
    b.makeLink('n', 'there')
    await b.sync()
    const transfer = a.files.transfer.bind(a.files)
    a.files.transfer = (mode, from, to) => {
      transfer(mode, from, to)
      if (to.path !== 'n') return
      a.files.transfer = transfer
      a.remove('n')
      a.makeLink('n', 'elsewhere')
    }
    await settle(a, b)
    expect(a.show()).toEqual({ n: '→elsewhere' })
    expect(b.show()).toEqual(a.show())
  })

  it.each([
    ['one way', 'caf\u00e9', 'cafe\u0301'],
    ['the other way', 'cafe\u0301', 'caf\u00e9'],
  ])('of two files that are one, that composed %s is taken away: the other stays', async (_, goes, stays) => {
    const { sites, settle } = await setScene(home, ++seed)
    const [a, b] = sites
    await settle(a, b)
    for (const name of [goes, stays]) a.put(name, 'same')
    a.device.through = (calls): Calls => ({
      async call(name, input) {
        const answer = await calls.call(name, input)
        if (name === 'push') a.remove(goes)
        return answer
      },
    })
    await a.sync()
    delete a.device.through
    await settle(a, b)
    expect(Object.values(a.show())).toEqual(['same'])
    expect(b.show()).toEqual(a.show())
  })
})
