/** Names that change and are taken again: scenarios 4, 11 and 13. */
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { setScene } from './scene.ts'

const home = await createHome(chanceOf(14), 3)
let seed = 0
const scene = () => setScene(home, ++seed)

describe('renames', () => {
  it('scenario 13: a folder of 1,000 files renamed is one record, no chunk, one rename on the other disk', async () => {
    const { sites } = await scene()
    const [a, b] = sites
    for (let n = 0; n < 1_000; n++) a.put(`many/${n}`, `${n}`)
    await a.sync()
    await b.sync()
    a.move('many', 'lots')
    expect(await a.sync()).toMatchObject({ pushed: 1, bytesSent: 0 })
    const done: string[] = []
    const transfer = b.files.transfer.bind(b.files)
    b.files.transfer = (mode, from, to) => {
      done.push(`${mode} ${from.path} ${to.path}`)
      transfer(mode, from, to)
    }
    expect(await b.sync()).toMatchObject({ pulled: 1, applied: 1, bytesReceived: 0 })
    expect(done).toEqual(['rename many lots'])
    expect(Object.keys(b.show())).toHaveLength(1_001)
  })

  it('scenario 13: A renamed to B and A made again are two things', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('A/1', 'old')
    a.put('a.bin', 'old file')
    await settle(a, b)
    a.move('A', 'B')
    a.put('A/2', 'new')
    a.move('a.bin', 'b.bin')
    a.put('a.bin', 'new file')
    await settle(a, b)
    expect(b.show()).toEqual({
      'A/': '',
      'A/2': 'new',
      'B/': '',
      'B/1': 'old',
      'a.bin': 'new file',
      'b.bin': 'old file',
    })
    expect(a.show()).toEqual(b.show())
  })

  it.each(['folder', 'file'])('a %s removed and another moved to its name: the other lives', async (kind) => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    const inside = kind === 'folder' ? '/in' : ''
    a.put(`A${inside}`, 'old')
    a.put(`C${inside}`, 'new')
    await settle(a, b)
    a.remove('A')
    a.move('C', 'A')
    const shown = a.show()
    await settle(a, b)
    expect(a.show()).toEqual(shown)
    expect(b.show()).toEqual(shown)
  })

  it('scenario 13: A to B and C to A in one breath are two renames', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('A/1', 'was A')
    a.put('C/1', 'was C')
    await settle(a, b)
    a.move('A', 'B')
    a.move('C', 'A')
    expect(await a.sync()).toMatchObject({ pushed: 2, bytesSent: 0 })
    await b.sync()
    expect(b.show()).toEqual({ 'A/': '', 'A/1': 'was C', 'B/': '', 'B/1': 'was A' })
  })

  it('scenario 4: a file moved here and replaced by a folder there', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('n', 'n')
    await settle(a, b)
    a.move('n', 'd/n')
    b.remove('n')
    b.put('n/in', 'in')
    await settle(a, b)
    expect(a.show()).toEqual({ 'd/': '', 'd/n': 'n', 'n/': '', 'n/in': 'in' })
    expect(b.show()).toEqual(a.show())
  })

  it('scenario 13: A and B swapped, files and folders, send no content', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('p/in p', 'p')
    a.put('q/in q', 'q')
    a.put('r', 'was r')
    a.put('s', 'was s')
    await settle(a, b)
    for (const [x, y] of [
      ['p', 'q'],
      ['r', 's'],
    ] as const) {
      a.move(x, 'aside')
      a.move(y, x)
      a.move('aside', y)
    }
    expect(await a.sync()).toMatchObject({ bytesSent: 0 })
    await b.sync()
    expect(b.show()).toEqual({ 'p/': '', 'p/in q': 'q', 'q/': '', 'q/in p': 'p', r: 'was s', s: 'was r' })
    expect(a.show()).toEqual(b.show())
  })

  it('scenario 13: a move and a rename right after it arrive as what came of them', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('f', 'x')
    a.makeFolder('d/e')
    await settle(a, b)
    a.move('f', 'd/e/f')
    a.move('d/e/f', 'd/e/g')
    a.move('d/e', 'e')
    expect(await a.sync()).toMatchObject({ pushed: 2, bytesSent: 0 })
    await b.sync()
    expect(b.show()).toEqual({ 'd/': '', 'e/': '', 'e/g': 'x' })
  })

  it('scenario 11: saves by a new file renamed over the old are versions of one node, and go to no trash', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('t.bin', 'one')
    await settle(a, b)
    a.save('t.bin', new TextEncoder().encode('two'))
    expect(await a.sync()).toMatchObject({ pushed: 1 })
    // The other way editors save: the old is put aside and comes back as a backup.
    a.move('t.bin', 't.bin~')
    a.put('t.bin.new', 'three')
    a.move('t.bin.new', 't.bin')
    a.remove('t.bin~')
    expect(await a.sync()).toMatchObject({ pushed: 1 })
    await settle(a, b)
    expect(b.show()).toEqual({ 't.bin': 'three' })
  })
})
