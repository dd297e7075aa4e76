import { describe, expect, it } from 'vitest'
import { type CborValue, encodeCbor } from '../bytes/cbor.ts'
import { idFromBytes } from '../ids/ids.ts'
import { arrayField, booleanField, bytesField, countField, readFormat, textField } from './fields.ts'
import { KeyRefused } from './refused.ts'
import { FORMAT } from './suite.ts'

const LIMITS = { maxBytes: 64, maxDepth: 2, maxItems: 8 }
const read = (value: CborValue, take: (fields: readonly CborValue[]) => unknown = () => 'read') =>
  readFormat(encodeCbor(value), FORMAT.challenge, LIMITS, take, (why) => new KeyRefused('malformed', why))

describe('reading a format (KEY-1)', () => {
  it('hands on the fields after suite and number', () => {
    expect(read([1, 20, 'a', 2], (fields) => fields)).toEqual(['a', 2])
  })

  const wrong: [string, CborValue][] = [
    ['another suite', [2, 20]],
    ['no suite', []],
    ['another format', [1, 21]],
    ['a suite of bytes', [Uint8Array.of(1), 20]],
    ['no array', 'x'],
    ['too many bytes', [1, 20, new Uint8Array(64)]],
    ['too deep', [1, 20, [[[]]]]],
    ['too many items', [1, 20, 1, 2, 3, 4, 5, 6]],
  ]
  it.each(wrong)('refuses %s by the one error of the format', (_, value) => {
    expect(() => read(value)).toThrow(KeyRefused)
  })

  it('refuses bytes that are not canonical, and ids of a wrong length', () => {
    // The 1 of the suite in two bytes.
    const long = Uint8Array.of(0x82, 0x18, 0x01, 0x14)
    const refuse = (why: string) => new KeyRefused('malformed', why)
    expect(() => readFormat(long, FORMAT.challenge, LIMITS, () => 0, refuse)).toThrow(KeyRefused)
    expect(() => read([1, 20, 0], () => idFromBytes('zone', new Uint8Array(3)))).toThrow(KeyRefused)
  })

  it('does not hide a mistake of our own', () => {
    const mistake = () => {
      throw new TypeError('ours')
    }
    expect(() => read([1, 20], mistake)).toThrow(TypeError)
  })
})

describe('a field', () => {
  it('is an array of exactly that many items', () => {
    expect(arrayField([1, 2], 'x', 2)).toEqual([1, 2])
    expect(arrayField([1, 2, 3], 'x')).toEqual([1, 2, 3])
    for (const value of [[1], [1, 2, 3], 'ab', null, { 0: 1 }, undefined]) {
      expect(() => arrayField(value, 'x', 2)).toThrow('x')
    }
  })

  it('is a byte string within its lengths', () => {
    const bytes = Uint8Array.of(1, 2)
    expect(bytesField(bytes, 'x', 2)).toBe(bytes)
    expect(bytesField(bytes, 'x', { min: 1, max: 2 })).toBe(bytes)
    for (const length of [1, 3, { min: 3, max: 9 }, { min: 0, max: 1 }]) {
      expect(() => bytesField(bytes, 'x', length)).toThrow('2 bytes')
    }
    for (const value of [[1, 2], '12', null, undefined]) expect(() => bytesField(value, 'x', 2)).toThrow('x')
  })

  it('is an integer within its bounds', () => {
    expect([0, 5, Number.MAX_SAFE_INTEGER].map((value) => countField(value, 'x'))).toEqual([
      0,
      5,
      Number.MAX_SAFE_INTEGER,
    ])
    expect(countField(-3, 'x', -3, -3)).toBe(-3)
    for (const value of [-1, 0.5, Number.NaN, 2 ** 53, '1', null, undefined]) {
      expect(() => countField(value, 'x')).toThrow('x')
    }
    expect(() => countField(4, 'x', 5)).toThrow('from 5')
    expect(() => countField(6, 'x', 0, 5)).toThrow('to 5')
  })

  it('is a text, or true or false', () => {
    expect(textField('', 'x')).toBe('')
    expect(booleanField(false, 'x')).toBe(false)
    for (const value of [0, null, undefined]) {
      expect(() => textField(value, 'x')).toThrow('x')
      expect(() => booleanField(value, 'x')).toThrow('x')
    }
  })

  it('of secret bytes is never shown in an error', () => {
    expect(() => countField(Uint8Array.of(0xde, 0xad), 'x')).toThrow('2 bytes')
    expect(() => countField(Uint8Array.of(0xde, 0xad), 'x')).not.toThrow('222')
  })
})
