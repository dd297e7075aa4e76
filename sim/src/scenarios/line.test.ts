/** A line that is cut at every call in turn, doubles and delays (scenario 17), and a server that takes no more. */
import type { Calls, EndpointName } from '@pileus/client/remote/calls'
import { Unreachable } from '@pileus/client/remote/remote'
import { describe, expect, it } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome, type Device } from '../world/world.ts'
import { noise, setScene } from './scene.ts'

const home = await createHome(chanceOf(8), 2)
let seed = 0
const scene = () => setScene(home, ++seed)

describe('a bad line (scenario 17)', () => {
  const cutAt = (device: Device, n: number, acted: boolean): Map<EndpointName, number> => {
    let calls = 0
    const made = new Map<EndpointName, number>()
    device.through = (line): Calls => ({
      async call(name, input) {
        made.set(name, (made.get(name) ?? 0) + 1)
        if (++calls < n) return line.call(name, input)
        if (acted && calls === n) await line.call(name, input)
        throw new Unreachable(`lost at call ${n}`)
      },
    })
    return made
  }

  it.each([
    ['request', false],
    ['answer', true],
  ])('losing every %s of a session in turn loses and doubles nothing', async (_, acted) => {
    const { sites, settle } = await scene()
    const [a, b] = sites
    a.put('edited', 'start')
    a.put('moving', 'm')
    await settle(a, b)
    let at = 1
    for (let finished = false; !finished; at++) {
      a.put('edited', `edit ${at}`)
      a.put(`new ${at}`, `content ${at}`)
      b.put(`from b ${at}`, `b ${at}`)
      await b.sync()
      cutAt(a.device, at, acted)
      finished = await a.sync().then(
        () => true,
        (error) => {
          expect(error).toBeInstanceOf(Unreachable)
          return false
        },
      )
      delete a.device.through
      await settle(a, b)
      expect(Object.keys(a.show()), `cut at call ${at}`).toHaveLength(2 + 2 * at)
      expect(b.show()).toEqual(a.show())
      expect(b.text('edited')).toBe(`edit ${at}`)
    }
    expect(at).toBeGreaterThan(8)
  })

  /** Delivers a copy of every request once more: at once, or after this many later ones, when its answer is nobody's. */
  const doubled = (device: Device, later: number): Set<EndpointName> => {
    const made = new Set<EndpointName>()
    const waiting: (() => Promise<unknown>)[] = []
    device.through = (line): Calls => ({
      async call(name, input) {
        made.add(name)
        // The memory of a request is used again once it was answered.
        const copy = structuredClone(input)
        waiting.push(async () => {
          const answer: unknown = await line.call(name, copy).catch(() => null)
          if (name === 'fetch' || name === 'chunk') await (answer as AsyncGenerator | null)?.return(null)
        })
        const answer = await line.call(name, input)
        if (waiting.length > later) await waiting.shift()!()
        return answer
      },
    })
    return made
  }

  it.each([0, 1, 3, 8])(
    'every request of a session doubled, the second %d requests late: nothing is lost or done twice',
    async (later) => {
      const { sites, settle } = await scene()
      const [a, b] = sites
      a.put('edited', 'start')
      a.put('moving', 'm')
      a.put('deleted', 'd')
      await settle(a, b)
      const made = doubled(a.device, later)
      for (let n = 0; n < 4; n++) {
        a.put('edited', `edit ${n}`)
        a.put(`new ${n}`, `content ${n}`)
        a.move(n === 0 ? 'moving' : `moved ${n - 1}`, `moved ${n}`)
        if (n === 2) a.remove('deleted')
        b.put(`from b ${n}`, `b ${n}`)
        await b.sync()
        await a.sync()
      }
      delete a.device.through
      await settle(a, b)
      for (const name of ['push', 'putPack', 'changes', 'missing', 'fetch'] as const)
        expect(made).toContain(name)
      expect(Object.keys(a.show())).toHaveLength(2 + 2 * 4)
      expect(a.text('edited')).toBe('edit 3')
      expect(a.text('moved 3')).toBe('m')
      expect(b.show()).toEqual(a.show())
    },
  )
})

describe('quota (bad input)', () => {
  const tooBig = (path: string) => [{ path, problem: expect.stringMatching(/no room left/), noRoom: true }]

  it('an exceeded quota is said, nothing is half-pushed, and after making room all goes on', async () => {
    const small = await createHome(chanceOf(7), 2, { quotaBytes: 300_000 })
    const { sites, settle } = await setScene(small, 1)
    const [a, b] = sites
    a.put('d/small', 'x')
    await settle(a, b)
    a.write('d/too big', noise(1, 400_000))
    expect((await a.sync()).problems).toEqual(tooBig('d/too big'))
    await settle(b)
    expect(b.show()).toEqual({ 'd/': '', 'd/small': 'x' })
    // Reading still works, and what the others have comes.
    a.remove('d/too big')
    a.put('d/fits', 'y')
    await settle(a, b)
    expect(b.show()).toEqual({ 'd/': '', 'd/small': 'x', 'd/fits': 'y' })
  })

  it('with no room left renames, deletions and what others sent go on; a move is no deletion', async () => {
    const small = await createHome(chanceOf(8), 2, { quotaBytes: 300_000 })
    const { sites, settle } = await setScene(small, 1)
    const [a, b] = sites
    for (const name of ['deleted', 'renamed', 'kept']) a.put(name, name)
    a.put('z moved', 'of this size alone')
    await settle(a, b)
    a.remove('deleted')
    a.move('renamed', 'new name')
    a.write('too big', noise(1, 400_000))
    b.put('from b', 'b')
    await b.sync()
    expect((await a.sync()).problems).toEqual(tooBig('too big'))
    await settle(b)
    expect(b.show()).toEqual({
      'from b': 'b',
      kept: 'kept',
      'new name': 'renamed',
      'z moved': 'of this size alone',
    })
    expect(a.text('from b')).toBe('b')
    // As a program moves that copies and deletes. Whether the copy was looked at yet or not, the content stays.
    a.put('zz', 'of this size alone')
    a.remove('z moved')
    expect((await a.sync()).problems).toEqual(tooBig('too big'))
    await settle(b)
    expect(Object.values(b.show())).toContain('of this size alone')
    a.remove('too big')
    const { bytesSent } = await a.sync()
    await settle(b)
    expect(b.show()).toEqual(a.show())
    expect({ bytesSent, moved: b.text('zz') }).toEqual({ bytesSent: 0, moved: 'of this size alone' })
  })

  it('a file that does not fit holds back none that do, nor takes their room, however large it is', async () => {
    const small = await createHome(chanceOf(9), 2, { quotaBytes: 12_000_000 })
    const { sites, settle } = await setScene(small, 1)
    const [a, b] = sites
    const show = () => Object.keys(b.show())
    for (let n = 0; n < 9; n++) a.write(`${n}`, noise(n + 1, 1_000_000))
    // More than a pack: sent until it is refused, it would leave too little for the others.
    a.write('3 too big', noise(10, 20_000_000))
    a.write('8 too', noise(11, 5_000_000))
    const { problems } = await a.sync()
    expect(problems).toEqual([...tooBig('8 too'), ...tooBig('3 too big')])
    await settle(b)
    expect(show()).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8'])
    // What fits is not sent again, and what does not is not sent at all.
    a.put('9', 'fits')
    expect((await a.sync()).bytesSent).toBeLessThan(100)
    a.remove('3 too big')
    a.remove('8 too')
    await settle(a, b)
    expect(b.show()).toEqual(a.show())
  })

  it('where only some records fit they are sent, and renames and deletions beside them', async () => {
    const small = await createHome(chanceOf(12), 2, { quotaBytes: 60_000 })
    const { sites, settle } = await setScene(small, 1)
    const [a, b] = sites
    for (const name of ['deleted', 'renamed']) a.put(name, name)
    await settle(a, b)
    for (let n = 0; n < 100; n++) a.put(`new/${n}`, `${n}`)
    a.move('renamed', 'new name')
    a.remove('deleted')
    await expect(a.sync()).rejects.toMatchObject({ code: 'quota-exceeded' })
    await settle(b)
    const sentNow = () => Object.keys(b.show()).filter((path) => /^new\/\d/.test(path))
    const sent = sentNow()
    expect(b.show()).toMatchObject({ 'new name': 'renamed' })
    expect(b.show()).not.toHaveProperty('deleted')
    expect(sent.length).toBeGreaterThan(20)
    expect(sent.length).toBeLessThan(100)
    // The rest waits; what is known already goes on.
    a.move(sent[0]!, 'moved')
    b.put('new name', 'edited')
    await b.sync()
    await expect(a.sync()).rejects.toMatchObject({ code: 'quota-exceeded' })
    await settle(b)
    expect(b.show()).toHaveProperty('moved')
    expect(a.text('new name')).toBe('edited')
    expect(sentNow()).toEqual(sent.slice(1))
  })

  it('of a large file only what the server lacks has to fit', async () => {
    const small = await createHome(chanceOf(10), 2, { quotaBytes: 16_000_000 })
    const { sites, settle } = await setScene(small, 1)
    const [a, b] = sites
    const large = noise(1, 11_000_000)
    a.write('large', large)
    await settle(a, b)
    large[5_000_000]! ^= 1
    a.write('large', large)
    a.write('copy', large)
    expect((await a.sync()).problems).toEqual([])
    await settle(b)
    expect(b.show()).toEqual(a.show())
  })

  it('a file that does not fit and is as large as a deleted one is not taken for it', async () => {
    const small = await createHome(chanceOf(11), 2, { quotaBytes: 300_000 })
    const { sites, settle } = await setScene(small, 1)
    const [a, b] = sites
    a.write('deleted', noise(1, 200_000))
    a.put('other', 'x')
    await settle(a, b)
    a.remove('deleted')
    a.write('new', noise(2, 200_000))
    expect((await a.sync()).problems).toEqual(tooBig('new'))
    await settle(b)
    expect(b.show()).toEqual({ other: 'x' })
  })
})
