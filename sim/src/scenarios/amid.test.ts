/** What a program writes to a file right after the client brought it to its place, before its row is written: R10, R12. */
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { type Site, setScene } from './scene.ts'

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
})
