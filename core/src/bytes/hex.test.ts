/** Lowercase hex. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromHex, spelledHex, toHex } from './hex.ts'

test('it is what Buffer calls hex, and comes back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(toHex(bytes)).toBe(Buffer.from(bytes).toString('hex'))
      expect(spelledHex(bytes)).toBe(toHex(bytes))
      expect(fromHex(toHex(bytes))).toEqual(bytes)
    }),
  )
})

test('what is no digit is named with its place', () => {
  expect(() => fromHex('00f\uff11')).toThrow('not a lowercase hex digit at 3: "\uff11"')
  expect(() => fromHex('00G0')).toThrow('not a lowercase hex digit at 2: "G"')
})

test.each(['a', 'AB', 'g0', '0 ', '0x', 'é0', '１2'])('%j is refused', (text) => {
  expect(() => fromHex(text)).toThrow(RangeError)
})
