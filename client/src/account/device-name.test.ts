import { DEVICE_NAME_MAX_CHARACTERS } from '@pileus/core/limits'
import { expect, test } from 'vitest'
import { DeviceNameTaken, freeName } from './device-name.ts'

const inUse = (...names: string[]) => names.map((name) => ({ name, removed: false }))

test('a name that is free is taken as it is, one of a removed device too', () => {
  expect(freeName({ deviceName: 'laptop' }, inUse('phone'))).toBe('laptop')
  expect(freeName({ deviceName: 'laptop', isAskedFor: true }, [{ name: 'laptop', removed: true }])).toBe(
    'laptop',
  )
})

test('a name that nobody asked for gets the first number that is free', () => {
  expect(freeName({ deviceName: 'laptop' }, inUse('Laptop', 'laptop 3'))).toBe('laptop 2')
  expect(freeName({ deviceName: 'laptop' }, inUse('laptop', 'laptop 2', 'laptop 3'))).toBe('laptop 4')
})

test('a name that was asked for is refused where it is taken', () => {
  expect(() => freeName({ deviceName: 'laptop', isAskedFor: true }, inUse('laptop'))).toThrow(DeviceNameTaken)
})

test('a long name gives way to its number', () => {
  const long = '😀'.repeat(DEVICE_NAME_MAX_CHARACTERS)
  const numbered = freeName({ deviceName: long }, inUse(long))
  expect([...numbered]).toHaveLength(DEVICE_NAME_MAX_CHARACTERS)
  expect(numbered).toMatch(/😀 2$/u)
})
