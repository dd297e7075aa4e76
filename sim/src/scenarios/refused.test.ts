/** A disk that refuses in the middle of a change (R10): nothing is lost, nothing is left lying about. */
import { FileError } from '@pileus/client/files/files'
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome, type Device } from '../world/world.ts'
import { setScene } from './scene.ts'

const home = await createHome(chanceOf(6), 2)

/** From now on nothing may be renamed to this path, as in a folder that is read-only. */
function refuseRenameTo({ files }: Device, path: string): () => void {
  const transfer = files.transfer.bind(files)
  files.transfer = (mode, from, to) => {
    if (mode === 'rename' && to.path === path) throw new FileError('denied', 'move', from.path)
    transfer(mode, from, to)
  }
  return () => {
    files.transfer = transfer
  }
}

describe('a replacement that the disk refuses', () => {
  it('R10: is told by the path of the file, leaves it as it was, and leaves nothing in the stash', async () => {
    const { sites, settle } = await setScene(home, 1)
    const [a, b] = sites
    a.put('locked/in', 'before')
    await settle(a, b)
    const allow = refuseRenameTo(a.device, 'locked/in')
    b.put('locked/in', 'after')
    await b.sync()
    for (let n = 0; n < 2; n++) {
      const { problems } = await a.sync()
      expect(problems.map(({ path }) => path)).toEqual(['locked/in'])
      expect(problems[0]!.problem).toContain('permission denied')
    }
    expect(a.text('locked/in')).toBe('before')
    expect(a.device.files.work.list('stash').names).toEqual([])
    allow()
    await settle(a, b)
    expect(a.show()).toEqual({ 'locked/': '', 'locked/in': 'after' })
    expect(b.show()).toEqual(a.show())
  })

  it('keeps an edit made meanwhile, beside what came', async () => {
    const { sites, settle } = await setScene(home, 2)
    const [a, b] = sites
    a.put('locked/in', 'before')
    await settle(a, b)
    const allow = refuseRenameTo(a.device, 'locked/in')
    b.put('locked/in', 'from b')
    await b.sync()
    await a.sync()
    allow()
    a.put('locked/in', 'from a')
    await settle(a, b)
    const texts = Object.entries(a.show()).filter(([path]) => !path.endsWith('/'))
    expect(texts.map(([, text]) => text).sort()).toEqual(['from a', 'from b'])
    expect(texts.every(([path]) => path.startsWith('locked/'))).toBe(true)
    expect(b.show()).toEqual(a.show())
  })
})

describe('names that gave way', () => {
  it('R3: two new files of one name are listed as a conflict on both devices, until one is renamed', async () => {
    const { sites, settle } = await setScene(home, 3)
    const [a, b] = sites
    a.put('n.bin', 'a')
    b.put('n.bin', 'b')
    await settle(a, b)
    const [path] = (await a.sync()).conflicts
    expect(path).toMatch(/^n \(.*conflicted copy.*\)\.bin$/)
    expect((await b.sync()).conflicts).toEqual([path])
    b.move(path!, 'mine.bin')
    await settle(a, b)
    expect((await a.sync()).conflicts).toEqual([])
    expect((await b.sync()).conflicts).toEqual([])
  })
})
