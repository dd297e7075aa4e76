/** What every engine of the live port must do. Run by live.test.ts on each. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Live } from './live.ts'

/** Messages take their time on a busy machine. */
const WITHIN = { timeout: 10_000 }

function nothingMissed(): void {
  throw new Error('nothing was missed')
}

/** `open` gives a new empty engine and `pass`, which lets its time pass. */
export function liveContract(
  name: string,
  open: () => Promise<{ live: Live; pass: (seconds: number) => Promise<void> }>,
): void {
  describe(`live on ${name}`, () => {
    let live: Live
    let pass: (seconds: number) => Promise<void>
    beforeEach(async () => {
      ;({ live, pass } = await open())
    })
    afterEach(() => live.close())

    it('brings messages to the subscribers of their topic, in order, until they leave', async () => {
      const got: number[] = []
      const leave = await live.subscribe('a', (message) => got.push(message[0]!), nothingMissed)
      await live.publish('a', Uint8Array.of(1))
      await live.publish('b', Uint8Array.of(9))
      await live.publish('a', Uint8Array.of(2))
      await vi.waitFor(() => expect(got).toEqual([1, 2]), WITHIN)
      leave()
      // Who listens still hears of the third: then it would have arrived at the one who left, too.
      const others: number[] = []
      await live.subscribe('a', (message) => others.push(message[0]!), nothingMissed)
      await live.publish('a', Uint8Array.of(3))
      await vi.waitFor(() => expect(others).toEqual([3]), WITHIN)
      expect(got).toEqual([1, 2])
    })

    it('brings a message to every subscriber of a topic, and goes on when one of them leaves', async () => {
      const got: [string, number][] = []
      const leave = await live.subscribe('a', (message) => got.push(['first', message[0]!]), nothingMissed)
      await live.subscribe('a', (message) => got.push(['second', message[0]!]), nothingMissed)
      await live.publish('a', Uint8Array.of(1))
      await vi.waitFor(() => expect(got).toHaveLength(2), WITHIN)
      leave()
      await live.publish('a', Uint8Array.of(2))
      await vi.waitFor(() => expect(got).toHaveLength(3), WITHIN)
      expect(got.at(-1)).toEqual(['second', 2])
    })

    it('listens again to a topic that everybody had left', async () => {
      for (const round of [1, 2, 3]) {
        const got: number[] = []
        const leave = await live.subscribe('a', (message) => got.push(message[0]!), nothingMissed)
        await live.publish('a', Uint8Array.of(round))
        await vi.waitFor(() => expect(got).toEqual([round]), WITHIN)
        leave()
      }
    })

    it('gives a value to one taker only', async () => {
      await live.put('key', 'value', 10)
      const taken = await Promise.all([live.take('key'), live.take('key')])
      expect(taken.filter((value) => value === 'value')).toHaveLength(1)
    })

    it('forgets a value after its time', async () => {
      await live.put('key', 'value', 2)
      await pass(3)
      expect(await live.take('key')).toBeUndefined()
    })

    it('counts within a window and starts anew after it', async () => {
      expect((await live.count('c', 2)).count).toBe(1)
      const second = await live.count('c', 2)
      expect(second.count).toBe(2)
      expect(second.resetsInSeconds).toBeGreaterThan(0)
      expect(second.resetsInSeconds).toBeLessThanOrEqual(2)
      expect((await live.count('d', 2)).count).toBe(1)
      await pass(3)
      expect((await live.count('c', 2)).count).toBe(1)
      await live.forget('c')
      expect((await live.count('c', 2)).count).toBe(1)
    })

    it('answers a check', async () => {
      await expect(live.check()).resolves.toBeUndefined()
    })
  })
}
