import { expect, test } from 'vitest'
import { copyBytes } from './copy.ts'

const plain = (bytes: number) => new Uint8Array(bytes)
const shared = (bytes: number) => new Uint8Array(new SharedArrayBuffer(bytes))

test.each([
  ['plain', 'plain', plain, plain],
  ['plain', 'shared', plain, shared],
  ['shared', 'plain', shared, plain],
  ['shared', 'shared', shared, shared],
])('%s memory is copied into %s memory, to its place alone', (_from, _into, from, into) => {
  const source = from(1_000)
  for (let at = 0; at < source.length; at++) source[at] = at % 251
  const target = into(1_013)
  copyBytes(source.subarray(3, 903), target, 7)
  expect(Array.from(target.subarray(7, 907))).toEqual(Array.from(source.subarray(3, 903)))
  expect(target.subarray(0, 7).every((byte) => byte === 0)).toBe(true)
  expect(target.subarray(907).every((byte) => byte === 0)).toBe(true)
})
