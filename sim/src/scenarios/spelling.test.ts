/** Names that differ little, on disks that ignore case and others: R3, R4, scenarios 5 and 6. */
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { changesDuring, type Site, setScene } from './scene.ts'

const home = await createHome(chanceOf(13), 3)
let seed = 0
const scene = () => setScene(home, ++seed)

describe('names that differ little', () => {
  it('scenario 5 (R3, R4): folders that differ in case only are one where case is ignored, and lose nothing when it is renamed', async () => {
    const { sites, join, settle } = await scene()
    const [a] = sites
    const mac = join(1, { caseInsensitive: true })
    a.put('Docs/a', 'a')
    a.put('docs/b', 'b')
    a.put('docs/a', 'other a')
    await settle(a, mac)
    expect(Object.values(mac.show()).filter(Boolean).sort()).toEqual(['a', 'b', 'other a'])
    mac.put('Docs/new', 'new')
    await settle(mac, a)
    expect(Object.values(a.show()).filter(Boolean).sort()).toEqual(['a', 'b', 'new', 'other a'])
    mac.move('Docs', 'X')
    await settle(mac, a)
    expect(Object.values(a.show()).filter(Boolean).sort()).toEqual(['a', 'b', 'new', 'other a'])
    expect(Object.values(mac.show()).filter(Boolean).sort()).toEqual(['a', 'b', 'new', 'other a'])
  })

  it('scenario 5: a case-only rename is one rename on the other disk, and no deletion', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('Foo/in.txt', 'in')
    await settle(a, b)
    a.move('Foo', 'foo')
    await a.sync()
    const report = await b.sync()
    expect(report).toMatchObject({ pulled: 1, applied: 1, bytesReceived: 0 })
    expect(b.show()).toEqual({ 'foo/': '', 'foo/in.txt': 'in' })
  })

  it('scenario 5: a case-only rename comes to a disk that ignores case, and from it', async () => {
    const { sites, join, settle } = await scene()
    const [a] = sites
    const mac = join(1, { caseInsensitive: true })
    a.put('Foo', 'file')
    a.put('Bar/in', 'in')
    await settle(a, mac)
    a.move('Foo', 'foo')
    a.move('Bar', 'BAR')
    await settle(a, mac)
    expect(mac.show()).toEqual({ foo: 'file', 'BAR/': '', 'BAR/in': 'in' })
    mac.move('foo', 'FOO')
    mac.move('BAR', 'bar')
    const report = await mac.sync()
    expect(report).toMatchObject({ pushed: 2, bytesSent: 0, heldDeletions: 0 })
    await settle(a, mac)
    expect(a.show()).toEqual({ FOO: 'file', 'bar/': '', 'bar/in': 'in' })
    expect(mac.show()).toEqual(a.show())
  })

  it('scenario 5: it comes to a disk that keeps the old spelling when a name is changed into another of its own', async () => {
    const { sites, join, settle } = await scene()
    const [a] = sites
    const linux = join(1, { caseInsensitive: true })
    a.put('Foo', 'file')
    a.put('Bar/in', 'in')
    await settle(a, linux)
    const transfer = linux.files.transfer.bind(linux.files)
    linux.files.transfer = (mode, from, to) => {
      const oneName = from.area === to.area && from.path.toLowerCase() === to.path.toLowerCase()
      if (!oneName) transfer(mode, from, to)
    }
    a.move('Foo', 'foo')
    a.move('Bar', 'BAR')
    await a.sync()
    expect(await linux.sync()).toMatchObject({ pushed: 0, applied: 2, bytesReceived: 0 })
    expect(linux.show()).toEqual({ foo: 'file', 'BAR/': '', 'BAR/in': 'in' })
    await settle(a, linux)
    expect(a.show()).toEqual(linux.show())
  })

  it.each([
    ['file', (linux: Site) => linux.put('Foo', 'saved meanwhile'), ['file', 'saved meanwhile']],
    ['folder', (linux: Site) => linux.put('Foo/in', 'saved meanwhile'), ['file', 'saved meanwhile']],
  ])(
    'scenario 5 (R10): a %s that takes the name while a spelling is changed there is not replaced, and nothing is deleted',
    async (_, doing, texts) => {
      for (const path of ['Foo', 'Foo/in']) {
        const { sites, join, settle } = await scene()
        const [a] = sites
        const linux = join(1, { caseInsensitive: true })
        a.put(path, 'file')
        await settle(a, linux)
        const { transfer } = linux.files
        let isDone = false
        linux.files.transfer = (mode, from, to) => {
          const oneName = from.area === to.area && from.path.toLowerCase() === to.path.toLowerCase()
          if (!oneName) transfer.call(linux.files, mode, from, to)
          if (isDone || !to.path.startsWith('parked/')) return
          isDone = true
          doing(linux)
        }
        a.move('Foo', 'foo')
        await a.sync()
        await linux.sync()
        linux.files.transfer = transfer
        await settle(linux, a)
        const contents = Object.values(linux.show()).filter(Boolean).sort()
        expect(contents).toEqual(texts)
        expect(a.show()).toEqual(linux.show())
      }
    },
  )

  it('scenario 5: where case is ignored, a file gives way to another whose name is its own in another case', async () => {
    const { sites, join, settle } = await scene()
    const [a] = sites
    const mac = join(1, { caseInsensitive: true })
    a.put('d/foo', 'old')
    await settle(a, mac)
    a.remove('d/foo')
    a.put('d/Foo', 'new')
    await settle(a, mac)
    expect(mac.show()).toEqual({ 'd/': '', 'd/Foo': 'new' })
  })

  it('scenario 5 (R3): names that differ in case only both live; where case is ignored one shows a conflict name', async () => {
    const { sites, join, settle } = await scene()
    const [a] = sites
    const mac = join(1, { caseInsensitive: true })
    a.put('Readme', 'upper')
    a.put('readme', 'lower')
    await settle(a, mac)
    expect(Object.values(mac.show()).sort()).toEqual(['lower', 'upper'])
    expect(a.show()).toEqual({ Readme: 'upper', readme: 'lower' })
    // An edit of the one with the conflict name goes to the right file, and renames nothing.
    const odd = Object.keys(mac.show()).find((path) => path.includes('conflicted copy'))!
    const before = mac.text(odd)
    mac.put(odd, `${before}, edited`)
    await settle(mac, a)
    expect(a.show()).toEqual({
      Readme: before === 'upper' ? 'upper, edited' : 'upper',
      readme: before === 'lower' ? 'lower, edited' : 'lower',
    })
  })

  it('scenario 6 (R3): NFC and NFD twins of one disk both live, with their bytes, and nothing loops', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    const nfc = 'caf\u00e9'
    const nfd = 'cafe\u0301'
    a.put(nfc, 'composed')
    a.put(nfd, 'decomposed')
    await settle(a, b)
    expect(Object.values(a.show()).sort()).toEqual(['composed', 'decomposed'])
    expect(b.show()).toEqual(a.show())
    expect(await changesDuring(a, () => a.sync({ everything: true }))).toBe(0)
  })

  it('scenario 6: a lone NFD name keeps its bytes on the other disk', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('u\u0308ber/e\u0301', 'x')
    await settle(a, b)
    expect(b.show()).toEqual({ 'u\u0308ber/': '', 'u\u0308ber/e\u0301': 'x' })
  })

  it('scenario 6: a name spelled NFC here and NFD there, with equal contents, is one file', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('caf\u00e9', 'same')
    b.put('cafe\u0301', 'same')
    await settle(a, b)
    expect(Object.values(a.show())).toEqual(['same'])
    expect(a.show()).toEqual(b.show())
  })
})
