import { expect, test } from 'vitest'
import { BufferPool } from './buffer-pool.ts'
import { free } from './free.ts'

test('a pool lends a buffer to one user at a time, and the same again once it came back', () => {
  const pool = new BufferPool(100)
  const [one, two] = [pool.take(), pool.take()]
  expect([one.length, two.length, one === two]).toEqual([100, 100, false])
  pool.give(one)
  expect(pool.take()).toBe(one)
  expect(pool.take()).not.toBe(one)
})

test('bytes are freed at once, unless others may lie in the same buffer', () => {
  const alone = new Uint8Array(100)
  free(alone)
  expect([alone.length, alone.buffer.byteLength]).toEqual([0, 0])
  const whole = new Uint8Array(100)
  free(whole.subarray(0, 99))
  expect(whole.length).toBe(100)
  const shared = new Uint8Array(new SharedArrayBuffer(10))
  free(shared)
  expect(shared.length).toBe(10)
})
