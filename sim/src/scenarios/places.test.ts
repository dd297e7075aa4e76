/** Names and places: R2, R3, R6 and scenarios 1, 2, 5, 6, 11, 13 of the sync engine's rules. */
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { changesDuring, setScene } from './scene.ts'

const home = await createHome(chanceOf(2), 3)
let seed = 0
const scene = () => setScene(home, ++seed)

describe('moves apart', () => {
  it('scenario 1 (R3): two folders moved into each other are both whole, once, at the same place everywhere', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('x/in x', 'x')
    a.put('y/in y', 'y')
    await settle(a, b)
    a.move('x', 'y/x')
    b.move('y', 'x/y')
    await settle(a, b)
    expect(b.show()).toEqual(a.show())
    const texts = Object.entries(a.show()).filter(([path]) => !path.endsWith('/'))
    expect(texts.map(([, text]) => text).sort()).toEqual(['x', 'y'])
    expect(texts.map(([path]) => path.split('/').at(-1)).sort()).toEqual(['in x', 'in y'])
  })

  it('scenario 1 (R3): a ring of three folders moved into each other comes to the same tree everywhere', async () => {
    const { sites, settle } = await setScene(home, ++seed, 3)
    const [a, b, c] = sites
    for (const name of ['x', 'y', 'z']) a.put(`${name}/${name}.txt`, name)
    await settle(a, b, c!)
    a.move('x', 'y/x')
    b.move('y', 'z/y')
    c!.move('z', 'x/z')
    await settle(a, b, c!)
    expect(b.show()).toEqual(a.show())
    expect(c!.show()).toEqual(a.show())
    expect(Object.values(a.show()).filter(Boolean).sort()).toEqual(['x', 'y', 'z'])
  })

  it('R3: moved to two places, the record stands at one of them, with its contents, everywhere', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('f/1', 'one')
    a.makeFolder('p')
    a.makeFolder('q')
    await settle(a, b)
    a.move('f', 'p/f')
    b.move('f', 'q/f')
    await settle(a, b)
    expect(b.show()).toEqual(a.show())
    expect(Object.values(a.show()).filter(Boolean)).toEqual(['one'])
  })

  it('R3: two things that take one name keep both contents; who was first on the server keeps the name', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('one', '1')
    a.put('two', '2')
    await settle(a, b)
    a.move('one', 'same')
    b.move('two', 'same')
    await a.sync()
    await settle(b, a)
    expect(a.show()).toEqual(b.show())
    expect(a.text('same')).toBe('1')
    const other = Object.keys(a.show()).find((path) => path !== 'same')!
    expect(other).toMatch(/^same \(device-2's conflicted copy \d{4}-\d\d-\d\d\)$/)
    expect(a.text(other)).toBe('2')
  })

  it('R3: renaming the winner of a name away gives the name back to the other', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('n', 'a')
    b.put('n', 'b')
    await settle(a, b)
    expect(Object.keys(a.show())).toHaveLength(2)
    a.move('n', 'moved on')
    await settle(a, b)
    expect(a.show()).toEqual({ n: 'b', 'moved on': 'a' })
    expect(b.show()).toEqual(a.show())
  })

  it('R2, scenario 15: a rename on one side and an edit on the other both hold', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('draft.bin', 'old')
    await settle(a, b)
    a.move('draft.bin', 'final.bin')
    b.put('draft.bin', 'new')
    await settle(a, b)
    expect(a.show()).toEqual({ 'final.bin': 'new' })
    expect(b.show()).toEqual(a.show())
  })

  it('R2: a folder renamed on one side and edited inside on the other has both', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('f/g/1.bin', 'old')
    await settle(a, b)
    a.move('f', 'F2')
    b.put('f/g/1.bin', 'new')
    b.put('f/g/2.bin', 'added')
    await settle(b, a)
    expect(a.show()).toEqual({ 'F2/': '', 'F2/g/': '', 'F2/g/1.bin': 'new', 'F2/g/2.bin': 'added' })
    expect(b.show()).toEqual(a.show())
  })
})

describe('deleting', () => {
  it('R6: a folder moved into one that is deleted elsewhere lives there', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('f/1', '1')
    a.put('x/old', 'o')
    await settle(a, b)
    a.move('f', 'x/f')
    b.remove('x')
    await settle(b, a)
    expect(a.show()).toEqual({ 'x/': '', 'x/f/': '', 'x/f/1': '1' })
    expect(b.show()).toEqual(a.show())
  })

  it('scenario 2 (R6): a child added to a folder deleted elsewhere lives with its parents, the siblings are gone', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('f/g/old 1', '1')
    a.put('f/g/old 2', '2')
    a.put('f/h/old 3', '3')
    await settle(a, b)
    a.remove('f')
    b.put('f/g/new', 'new')
    await a.sync()
    await settle(b, a)
    expect(a.show()).toEqual({ 'f/': '', 'f/g/': '', 'f/g/new': 'new' })
    expect(b.show()).toEqual(a.show())
  })

  it('scenario 2 (R6), the other order: the child reaches the server before the deletion', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('f/g/old', '1')
    await settle(a, b)
    a.remove('f')
    b.put('f/g/new', 'new')
    await b.sync()
    await settle(a, b)
    expect(a.show()).toEqual({ 'f/': '', 'f/g/': '', 'f/g/new': 'new' })
    expect(b.show()).toEqual(a.show())
  })

  it.each([
    ['deleter first', true],
    ['editor first', false],
  ])('R6: an edit beats a deletion, %s', async (_, deleterFirst) => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('n.bin', 'old')
    await settle(a, b)
    a.remove('n.bin')
    b.put('n.bin', 'new')
    await (deleterFirst ? settle(a, b) : settle(b, a))
    expect(a.show()).toEqual({ 'n.bin': 'new' })
    expect(b.show()).toEqual(a.show())
  })

  it('R6: a deletion of what was only moved elsewhere does not take the moved thing', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('f/1', 'one')
    await settle(a, b)
    a.remove('f')
    b.move('f/1', 'kept')
    await settle(a, b)
    expect(a.show()).toEqual({ kept: 'one' })
    expect(b.show()).toEqual(a.show())
  })

  it('R6: deleted on both sides is deleted once, and quietly', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('f/1', 'one')
    await settle(a, b)
    a.remove('f')
    b.remove('f')
    await settle(a, b)
    expect(a.show()).toEqual({})
    expect(b.show()).toEqual({})
  })

  it('R6: deleted and made again under the same name are two things, and no deletion comes back', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('n', 'first')
    await settle(a, b)
    a.remove('n')
    await a.sync()
    a.put('n', 'second')
    await settle(a, b)
    expect(b.show()).toEqual({ n: 'second' })
    expect(a.show()).toEqual(b.show())
  })
})

describe('names that differ little', () => {
  it('R3, R4: folders that differ in case only are one where case is ignored, and lose nothing when it is renamed', async () => {
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

  it('R3: names that differ in case only both live; where case is ignored one shows a conflict name', async () => {
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
