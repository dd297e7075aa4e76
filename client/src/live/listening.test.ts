import { parseId } from '@pileus/core/ids/ids'
import { seededRandom } from '@pileus/core/keys/fixtures'
import type { Announcement } from '@pileus/core/protocol/live'
import { expect, test } from 'vitest'
import { keepListening } from './listening.ts'
import { memoryLine, memoryTimers } from './memory.ts'

const zone = parseId('zone', 'cd'.repeat(32))
const digest = parseId('digest', 'ab'.repeat(32))
const at = (sequence: number): Announcement => ({
  head: {
    zone,
    incarnation: 1,
    sequence,
    chain: digest,
    setHash: digest,
    logLength: 1,
    logHead: digest,
    generation: 0,
    floor: 0,
  },
  news: null,
})

function listening(greeting: () => Announcement | null) {
  const line = memoryLine(greeting)
  const timers = memoryTimers()
  const heard: number[] = []
  const cuts: string[] = []
  const told: string[] = []
  let jumped = 0
  const listener = keepListening(
    {
      line,
      zone,
      timers,
      clock: timers.clock,
      wallClock: () => timers.clock() + jumped,
      random: seededRandom('listening'),
    },
    {
      announced: ({ head }) => heard.push(head.sequence),
      cut: (why) => cuts.push(why.message),
      unsteady: (why) => told.push(why),
      steady: () => told.push('steady'),
    },
  )
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  /** Lets time pass in small steps, so that what is answered at once is. */
  const pass = async (seconds: number) => {
    for (let ms = 0; ms < seconds * 1_000; ms += 250) {
      timers.pass(250)
      await settle()
    }
  }
  const jump = (hours: number) => {
    jumped += hours * 3_600_000
  }
  return { line, jump, heard, cuts, told, listener, pass, settle }
}

test('a line that was cut is opened again, and tells the head anew', async () => {
  let head = 1
  const { line, heard, cuts, pass, settle } = listening(() => at(head))
  await settle()
  line.tell(at(2))
  head = 5
  line.cut()
  await pass(1)
  expect(heard).toEqual([1, 2, 5])
  expect(cuts).toHaveLength(1)
  expect(line.standing).toBe(1)
})

test('pauses between attempts grow to half a minute, and are short again after one that stood', async () => {
  let there = false
  const { line, pass, heard } = listening(() => (there ? at(1) : null))
  await pass(10)
  expect(line.opened).toBeGreaterThan(4)
  await pass(120)
  const before = line.opened
  await pass(120)
  expect(line.opened - before).toBeGreaterThanOrEqual(4)
  expect(line.opened - before).toBeLessThanOrEqual(9)
  there = true
  await pass(31)
  expect(heard).toEqual([1])
  line.cut()
  await pass(0.5)
  expect(heard).toEqual([1, 1])
})

test('a line that misses its heartbeats is taken for dead: half-open connections, sleep', async () => {
  const { line, cuts, heard, pass, settle } = listening(() => at(1))
  await settle()
  for (let n = 0; n < 5; n++) {
    await pass(30)
    line.tell(at(1))
  }
  expect(cuts).toEqual([])
  await pass(90)
  expect(cuts).toEqual(['the live channel fell silent'])
  expect(heard.length).toBe(7)
})

test('once stopped it says nothing and opens nothing', async () => {
  const { line, cuts, listener, pass } = listening(() => at(1))
  listener.stop()
  await pass(300)
  expect(line.opened).toBe(1)
  expect(line.standing).toBe(0)
  expect(cuts).toEqual([])
})

test('a clock that jumps back by hours changes nothing, and no pause waits for it', async () => {
  const { line, jump, cuts, heard, pass } = listening(() => at(1))
  await pass(10)
  jump(-5)
  for (let n = 0; n < 4; n++) {
    await pass(20)
    line.tell(at(1))
  }
  expect(cuts).toEqual([])
  line.cut()
  await pass(1)
  expect(line.standing).toBe(1)
  expect(heard).toHaveLength(6)
})

test('a clock that jumps ahead may mean sleep: one new line, and no more', async () => {
  const { line, jump, cuts, pass } = listening(() => at(1))
  await pass(10)
  jump(5)
  await pass(6)
  expect(cuts).toEqual(['the live channel fell silent'])
  expect([line.opened, line.standing]).toEqual([2, 1])
  for (let n = 0; n < 4; n++) {
    await pass(30)
    line.tell(at(1))
  }
  expect(line.opened).toBe(2)
})

test('after sleep no pause is waited out', async () => {
  let there = false
  const { line, jump, pass } = listening(() => (there ? at(1) : null))
  await pass(120)
  there = true
  jump(8)
  await pass(6)
  expect(line.standing).toBe(1)
})

test('lines that are cut again and again are opened ever more seldom, said so, and taken back once one stands', async () => {
  const { line, told, pass } = listening(() => at(1))
  for (let n = 0; n < 240; n++) {
    await pass(5)
    line.cut()
  }
  expect(line.opened).toBeLessThan(60)
  expect(line.opened).toBeGreaterThan(25)
  expect(new Set(told)).toEqual(new Set([expect.stringMatching(/cut again and again/)]))
  for (let n = 0; n < 5; n++) {
    await pass(25)
    line.tell(at(1))
  }
  expect(told.at(-1)).toBe('steady')
  expect(told.filter((word) => word === 'steady')).toHaveLength(1)
})
