/** Places that meet: R2, R3, R6 and scenarios 1, 2 and 15. */
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { isInHistory } from './history.ts'
import { setScene } from './scene.ts'

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

  it.each([
    ['taken apart again', 'z/'],
    ['the inner one renamed', ''],
  ])('scenario 1 (R3): %s, the folder that nobody moved stays where it was', async (_, into) => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('x/in x', 'x')
    a.put('y/in y', 'y')
    a.makeFolder('z')
    await settle(a, b)
    a.move('x', 'y/x')
    b.move('y', 'x/y')
    await settle(a, b)
    const [outer, inner] = 'y/x/in x' in a.show() ? ['y', 'x'] : ['x', 'y']
    const to = `${into || `${outer}/`}moved`
    b.move(`${outer}/${inner}`, to)
    await settle(a, b)
    expect(a.show()).toEqual({
      'z/': '',
      [`${outer}/`]: '',
      [`${outer}/in ${outer}`]: outer,
      [`${to}/`]: '',
      [`${to}/in ${inner}`]: inner,
    })
    expect(b.show()).toEqual(a.show())
  })

  it('R4: of two folders that became one, one goes elsewhere: what the other keeps has its own names again', async () => {
    const { sites, settle } = await setScene(home, ++seed, 3)
    const [a, b, c] = sites
    a.put('first/file', 'first')
    await a.sync()
    a.put('second/file', 'second')
    for (const n of [1, 2, 3, 4]) a.put(`a${n}`, `${n}`)
    await settle(a, b, c!)
    // The more a device does, the later is what it does last.
    b.move('second', 'm')
    a.move('a1', 'b1')
    a.move('first', 'm')
    await settle(a, b)
    expect(Object.keys(b.show()).filter((path) => path.startsWith('m/file ('))).toHaveLength(1)
    for (const n of [2, 3, 4]) c!.move(`a${n}`, `b${n}`)
    c!.move('first', 'n')
    await settle(c!, a, b)
    const two = { 'm/': '', 'm/file': 'second', 'n/': '', 'n/file': 'first' }
    expect(c!.show()).toEqual({ b1: '1', b2: '2', b3: '3', b4: '4', ...two })
    expect(a.show()).toEqual(c!.show())
    expect(b.show()).toEqual(c!.show())
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

  it('R6: a folder deleted elsewhere that lives on for a file in it, and is renamed, stays when the file goes', async () => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('folder/old', 'old')
    await settle(a, b)
    a.remove('folder')
    b.put('folder/new', 'new')
    await settle(a, b)
    expect(b.show()).toEqual({ 'folder/': '', 'folder/new': 'new' })
    b.move('folder', 'mine')
    await settle(b, a)
    b.remove('mine/new')
    await settle(b, a)
    expect(b.show()).toEqual({ 'mine/': '' })
    expect(a.show()).toEqual(b.show())
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

  it('scenario 2: the deleted siblings are in history, with their content', async () => {
    const { sites, settle, world } = await scene()
    const [a, b] = sites
    a.put('f/g/old 1', 'first')
    a.put('f/h/old 2', 'second')
    await settle(a, b)
    a.remove('f')
    b.put('f/g/new', 'new')
    await settle(a, b)
    for (const text of ['first', 'second', 'new']) expect(await isInHistory(world, text), text).toBe(true)
    expect(await isInHistory(world, 'never saved')).toBe(false)
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
