/** base64url without padding (RFC 4648 §5). */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { fromBase64url, toBase64url } from './base64url.ts'

test('it is what Buffer calls base64url, and comes back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      const text = toBase64url(bytes)
      expect(text).toBe(Buffer.from(bytes).toString('base64url'))
      expect(fromBase64url(text)).toEqual(bytes)
    }),
  )
})

test('each byte string has one text: no other text is read', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 6 }), (text) => {
      let bytes: Uint8Array
      try {
        bytes = fromBase64url(text)
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
        return
      }
      expect(toBase64url(bytes)).toBe(text)
    }),
    { numRuns: 2_000 },
  )
})

test.each([
  ['padding', 'AA=='],
  ['the other alphabet', '+/+/'],
  ['white space', 'AA AA'],
  ['a length nothing has', 'AAAAA'],
  ['stray last bits', 'AB'],
  ['characters beyond ASCII', 'AAé4'],
])('%s is refused', (_, text) => {
  expect(() => fromBase64url(text)).toThrow(RangeError)
})
