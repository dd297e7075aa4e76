/** What every engine of the live port must do. Run by live.test.ts on each. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Live } from './live.ts'

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

    it('brings messages to the subscribers of their topic, in order, until they leave', async () => {
      const got: number[] = []
      const leave = await live.subscribe('a', (message) => got.push(message[0]!))
      await live.publish('a', Uint8Array.of(1))
      await live.publish('b', Uint8Array.of(9))
      await live.publish('a', Uint8Array.of(2))
      leave()
      await live.publish('a', Uint8Array.of(3))
      expect(got).toEqual([1, 2])
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
  })
}
