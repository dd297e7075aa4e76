import { expect, test } from 'vitest'
import {
  columns,
  formatBytes,
  formatCount,
  formatDuration,
  formatNumber,
  joinWords,
  printable,
} from './format.ts'

test('sizes are short and use powers of 1000', () => {
  expect([0, 1, 999, 1000, 12_345, 123_456, 999_999, 5e9, 2e15].map(formatBytes)).toEqual([
    '0 B',
    '1 B',
    '999 B',
    '1.0 kB',
    '12.3 kB',
    '123 kB',
    '1.0 MB',
    '5.0 GB',
    '2.0 PB',
  ])
})

test('counts agree with their noun', () => {
  expect([formatCount(1, 'file'), formatCount(12345, 'file'), formatCount(2, 'copy', 'copies')]).toEqual([
    '1 file',
    '12,345 files',
    '2 copies',
  ])
})

test('thousands are set apart', () => {
  expect([0, 999, 1000, 12345, 1234567].map(formatNumber)).toEqual([
    '0',
    '999',
    '1,000',
    '12,345',
    '1,234,567',
  ])
})

test('durations are as exact as a person needs', () => {
  expect([40, 9_940, 12_300, 59_700, 185_000, 7_440_000].map(formatDuration)).toEqual([
    '0.0 s',
    '9.9 s',
    '12 s',
    '1 min 0 s',
    '3 min 5 s',
    '2 h 4 min',
  ])
})

test('words are joined as in a sentence', () => {
  expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(joinWords)).toEqual(['', 'a', 'a and b', 'a, b and c'])
})

test('a hostile name cannot act on the terminal', () => {
  expect(printable('a\u001b[2Jb\nc\u202egpj.exe é 🙂')).toBe('a\\x1b[2Jb\\x0ac\\u202egpj.exe é 🙂')
})

test('rows become columns', () => {
  expect(
    columns([
      ['a', 'long', 'x'],
      ['bcd', 'y', ''],
    ]),
  ).toEqual(['a    long  x', 'bcd  y'])
})
