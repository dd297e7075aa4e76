/** Identifiers: one text form, checked where they come in. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ID_BYTES, InvalidId, idBytes, idFromBytes, parseId, ROOT, randomId } from './ids.ts'

const kinds = Object.keys(ID_BYTES) as (keyof typeof ID_BYTES)[]

test('an id comes back from its bytes and its text', () => {
  for (const kind of kinds) {
    const bytes = Uint8Array.from({ length: ID_BYTES[kind] }, (_, i) => 7 * i)
    const id = idFromBytes(kind, bytes)
    expect(idBytes(id)).toEqual(bytes)
    expect(parseId(kind, id)).toBe(id)
  }
})

test('the order of ids as texts is their order as bytes', () => {
  const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 })
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      const [left, right] = [idFromBytes('record', a), idFromBytes('record', b)]
      expect(Math.sign(left < right ? -1 : left > right ? 1 : 0)).toBe(Buffer.compare(a, b))
    }),
  )
})

test.each(kinds)('a %s id of another length or alphabet is refused', (kind) => {
  const digits = ID_BYTES[kind] * 2
  const wrong = ['', '0'.repeat(digits - 1), '0'.repeat(digits + 1), 'A'.repeat(digits), 'g'.repeat(digits)]
  for (const text of [...wrong, `${'0'.repeat(digits - 1)}\n`, `../${'0'.repeat(digits - 3)}`]) {
    expect(() => parseId(kind, text)).toThrow(InvalidId)
  }
  expect(() => idFromBytes(kind, new Uint8Array(ID_BYTES[kind] + 1))).toThrow(InvalidId)
})

test('the message names the kind and quotes no more than the start of the text', () => {
  expect(() => parseId('zone', 'x'.repeat(10_000))).toThrow(/^not a zone id: "x{80}" \(expected 64 lowercase/)
})

test('a random id is as many bytes as were asked of the source', () => {
  const asked: number[] = []
  const random = (bytes: number) => {
    asked.push(bytes)
    return new Uint8Array(bytes).fill(0xab)
  }
  expect(randomId('writer', random)).toBe('ab'.repeat(8))
  expect(randomId('batch', random)).toBe('ab'.repeat(16))
  expect(asked).toEqual([8, 16])
})

test('the root is a record id that no random source is asked for', () => {
  expect(parseId('record', ROOT)).toBe('00'.repeat(16))
})
