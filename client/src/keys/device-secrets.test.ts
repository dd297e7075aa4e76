import { nodeCrypto as crypto } from '@pileus/core/crypto/node'
import { parseId, randomId } from '@pileus/core/ids/ids'
import { createDevice } from '@pileus/core/keys/device'
import { seededRandom } from '@pileus/core/keys/fixtures'
import { randomKey } from '@pileus/core/keys/secrets'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { DeviceAccount } from '../account/account.ts'
import { decodeSecrets, encodeSecrets } from './device-secrets.ts'

const random = seededRandom('device secrets')
const kept: DeviceAccount = {
  account: randomId('account', random),
  accountZone: parseId('zone', 'ab'.repeat(32)),
  accountKey: randomKey(random),
  device: createDevice(crypto, random),
  deviceName: 'Ana’s laptop',
}

test('what is kept comes back', () => {
  const back = decodeSecrets(crypto, encodeSecrets(kept))
  expect(back.accountKey.bytes()).toEqual(kept.accountKey.bytes())
  expect(back.device.seed.bytes()).toEqual(kept.device.seed.bytes())
  expect({ ...back, accountKey: 0, device: back.device.id }).toEqual({
    ...kept,
    accountKey: 0,
    device: kept.device.id,
  })
})

test('a damaged text is refused in a sentence that tells nothing of it', () => {
  const text = encodeSecrets(kept)
  fc.assert(
    fc.property(fc.nat(text.length - 1), (length) => {
      expect(() => decodeSecrets(crypto, text.slice(0, length))).toThrow(/^this device's keys are damaged/)
    }),
  )
  expect(() => decodeSecrets(crypto, '{"format":1}')).toThrow(/damaged/)
  expect(() => decodeSecrets(crypto, text.replace('"format":1', '"format":2'))).toThrow(/damaged/)
})
