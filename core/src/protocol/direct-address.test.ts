import { expect, test } from 'vitest'
import { directAddress, isLoopback } from './direct-address.ts'

test('an address for direct reads is https, or http on this machine (SRV-49)', () => {
  for (const text of [
    'https://cdn.example.org/pileus/ab/cd?X-Amz-Signature=1',
    'https://[2001:db8::1]:8443/ab',
    'http://127.0.0.1:7070/ab',
    'http://localhost:7070/ab',
    'http://[::1]/ab',
  ])
    expect(directAddress(text)?.href, text).toBe(text)
})

test.each([
  'http://cdn.example.org/ab',
  'http://127.0.0.1.example.org/ab',
  'http://localhost.example.org/ab',
  'ftp://127.0.0.1/ab',
  'file:///etc/passwd',
  'https://user:password@cdn.example.org/ab',
  'https://user@cdn.example.org/ab',
  'data:text/plain,ab',
  '//cdn.example.org/ab',
  '/ab',
  '',
])('%j is none', (text) => {
  expect(directAddress(text)).toBeNull()
})

test('every spelling of this machine that URLs are normalised to is known', () => {
  for (const text of ['http://0x7f.1/', 'http://2130706433/', 'http://127.1/', 'http://LOCALHOST/'])
    expect(isLoopback(new URL(text)), text).toBe(true)
})
