/** Records of the account zone, as whoever has the account's key may have written them. */
import { encodeCbor } from '@pileus/core/bytes/cbor'
import { parseId } from '@pileus/core/ids/ids'
import { expect, test } from 'vitest'
import { AccountRefused } from './account.ts'
import { decodeDeviceNote, decodeSettings, encodeDeviceNote, encodeSettings } from './contents.ts'

test('settings and device notes come back as they were', () => {
  const settings = { zones: [{ zone: parseId('zone', 'ab'.repeat(32)), purpose: 'drive' }] }
  expect(decodeSettings(encodeSettings(settings))).toEqual(settings)
  const note = { name: 'laptop', removed: true }
  expect(decodeDeviceNote(encodeDeviceNote(note))).toEqual(note)
})

test('what is no CBOR, or holds an id of another length, is refused like any other wrong record', () => {
  const wrong = [
    new Uint8Array(0),
    Uint8Array.of(0x84, 0x66, 0x64),
    encodeCbor(['settings', 1, [[new Uint8Array(31), 'drive']]]),
    encodeCbor(['settings', 1, [[new Uint8Array(32)]]]),
    encodeCbor(['settings', 1, 7]),
    encodeCbor(['device', 1, 'laptop', 'no']),
    encodeCbor(['device', 2, 'laptop', false]),
  ]
  for (const bytes of wrong) {
    expect(() => decodeSettings(bytes)).toThrow(AccountRefused)
    expect(() => decodeDeviceNote(bytes)).toThrow(AccountRefused)
  }
})
