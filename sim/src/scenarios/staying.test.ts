/** A drive that stays in sync (R14): the loop around hints, and what it does about failures. */
import { memoryWatch } from '@pileus/client/folder/watch/memory'
import { type LiveStatus, runLive } from '@pileus/client/live/live-drive'
import { memoryLine, memoryTimers } from '@pileus/client/live/memory'
import { Unreachable } from '@pileus/client/remote/remote'
import { describe, expect, test } from 'vitest'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { setScene } from './scene.ts'

const home = await createHome(chanceOf(33), 3)

describe('a drive that stays', () => {
  async function staying(
    seed: number,
    asked: { readonly heldDeletions?: 'accept'; readonly files?: number } = {},
  ) {
    const scene = await setScene(home, seed)
    const [a, b] = scene.sites
    const { heldDeletions, files = 0 } = asked
    for (let n = 0; n < files; n++) a.put(`${n}`, `file ${n}`)
    if (files > 0) await scene.settle(a, b)
    const { remote } = await scene.world.reader()
    let { head } = await remote.changes(scene.zone, null)
    let reachable = true
    let isDamaging = false
    const line = memoryLine(() => (reachable ? { head, news: null } : null))
    const timers = memoryTimers(1_000_000)
    const watch = memoryWatch()
    const states: string[] = []
    let notes: readonly string[] = []
    let held = 0
    const stop = new AbortController()
    const told = ({ now, notes: said, heldDeletions }: LiveStatus) => {
      held = heldDeletions
      if (states.at(-1) !== now.state) states.push(now.state)
      notes = said
    }
    b.device.through = (calls) => ({
      call(name, input) {
        if (!reachable) return Promise.reject(new Unreachable('no network'))
        return calls.call(name, name === 'putPack' && isDamaging ? damaged(input) : input)
      },
    })
    const drive = await scene.world.drive(b.device)
    reachable = heldDeletions === undefined
    const ended = runLive(
      {
        drive,
        watch,
        line,
        zone: scene.zone,
        timers,
        clock: timers.clock,
        wallClock: timers.clock,
        random: (n) => new Uint8Array(n),
        told,
        ...(heldDeletions && { heldDeletions }),
      },
      stop.signal,
    )
    return {
      a,
      b,
      watch,
      states,
      notes: () => notes,
      held: () => held,
      setReachable(now: boolean) {
        reachable = now
        if (!now) line.cut()
      },
      /** What it uploads arrives with a bit that is another. */
      setDamaging(now: boolean) {
        isDamaging = now
      },
      async announce() {
        await a.sync()
        head = (await remote.changes(scene.zone, null)).head
        line.tell({ head, news: null })
      },
      async rest(seconds: number) {
        for (let ms = 0; ms < seconds * 1_000; ms += 100) {
          timers.pass(100)
          await new Promise((resolve) => setImmediate(resolve))
        }
      },
      /** Lets time pass until it is so. */
      async until(so: () => boolean, seconds = 60) {
        for (let ms = 0; ms < seconds * 1_000 && !so(); ms += 10) {
          timers.pass(10)
          await new Promise((resolve) => setImmediate(resolve))
        }
        expect(so()).toBe(true)
      },
      async end() {
        stop.abort()
        await ended
      },
    }
  }

  test('takes what is announced and sends what is watched', async () => {
    const { a, b, watch, announce, until, rest, states, end } = await staying(20)
    await until(() => states.at(-1) === 'up-to-date')
    a.put('from a', '1')
    await announce()
    await until(() => 'from a' in b.show())
    b.put('from b', '2')
    watch.changed('', 'from b')
    await rest(2)
    await a.sync()
    expect(a.text('from b')).toBe('2')
    await end()
  })

  test('a deletion counts after everything was looked at', async () => {
    const { a, b, watch, announce, until, rest, states, end } = await staying(21)
    a.put('file', '1')
    await announce()
    await until(() => 'file' in b.show() && states.at(-1) === 'up-to-date')
    b.remove('file')
    watch.changed('', 'file')
    await rest(2)
    await a.sync()
    expect(a.show()).toEqual({})
    await end()
  })

  test('what no event told is found by the next look at everything', async () => {
    const { a, b, until, rest, states, end } = await staying(22)
    await until(() => states.at(-1) === 'up-to-date')
    b.put('silent', '1')
    await rest(310)
    await a.sync()
    expect(a.text('silent')).toBe('1')
    await end()
  })

  test('that deletions are accepted counts for those that waited then, not for what goes before the server can be reached', async () => {
    const { a, b, setReachable, until, rest, states, held, end } = await staying(28, {
      heldDeletions: 'accept',
      files: 30,
    })
    await until(() => states.at(-1) === 'offline')
    for (const path of Object.keys(b.show())) b.remove(path)
    setReachable(true)
    await until(() => states.at(-1) === 'up-to-date')
    await rest(2)
    expect(held()).toBe(30)
    await a.sync()
    expect(Object.keys(a.show())).toHaveLength(30)
    await end()
  })

  test('without a network it says so, and goes on when there is one', async () => {
    const { a, b, watch, announce, setReachable, until, rest, states, end } = await staying(23)
    await until(() => states.at(-1) === 'up-to-date')
    setReachable(false)
    b.put('offline', '1')
    watch.changed('', 'offline')
    await until(() => states.at(-1) === 'offline')
    // What is tried meanwhile, and fails again, is not told as work.
    const first = states.indexOf('offline')
    b.put('another', '2')
    watch.changed('', 'another')
    await rest(100)
    expect(new Set(states.slice(first))).toEqual(new Set(['offline']))
    setReachable(true)
    await until(() => states.at(-1) === 'up-to-date')
    await announce()
    expect(a.text('offline')).toBe('1')
    await end()
  })

  test('a watch that is limited is said in one sentence', async () => {
    const { watch, until, states, notes, end } = await staying(24)
    await until(() => states.at(-1) === 'up-to-date')
    watch.limited('too many folders')
    expect(notes()).toEqual(['too many folders'])
    await end()
  })

  test('what arrives damaged is sent again until it arrives whole', async () => {
    const { a, b, watch, setDamaging, until, states, end } = await staying(25)
    await until(() => states.at(-1) === 'up-to-date')
    setDamaging(true)
    b.put('file', 'content')
    watch.changed('', 'file')
    await until(() => states.at(-1) === 'problem')
    setDamaging(false)
    await until(() => states.at(-1) === 'up-to-date')
    await a.sync()
    expect(a.text('file')).toBe('content')
    await end()
  })
})

/** The same call with the last bit of its body flipped. */
function damaged<T>(input: T): T {
  const parts = (input as { readonly body: readonly Uint8Array[] }).body.map((part) => part.slice())
  parts.at(-1)![parts.at(-1)!.length - 1]! ^= 1
  return { ...input, body: parts }
}
