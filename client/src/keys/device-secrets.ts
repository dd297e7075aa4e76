/**
 * What a device keeps secret, as one text for whatever keeps it: a keychain, a file that only its owner reads,
 * a file sealed under a passphrase. With the secrets stand the ids they belong to, so that nobody who can
 * write beside them can point the device at another account.
 */
import { fromBase64url, toBase64url } from '@pileus/core/bytes/base64url'
import type { Crypto } from '@pileus/core/crypto/crypto'
import { parseId } from '@pileus/core/ids/ids'
import { deviceIdOf } from '@pileus/core/keys/device-id'
import { SecretKey } from '@pileus/core/keys/secrets'
import type { DeviceAccount } from '../account/account.ts'

/** The kept text is not what was kept. */
export class SecretsDamaged extends Error {
  constructor(cause?: unknown) {
    super("this device's keys are damaged: sign in again on this device with `pileus login`", { cause })
    this.name = 'SecretsDamaged'
  }
}

const FORMAT = 1

/** One line of JSON. Whoever reads it is the device. */
export function encodeSecrets(device: DeviceAccount): string {
  return JSON.stringify({
    format: FORMAT,
    account: device.account,
    accountZone: device.accountZone,
    deviceName: device.deviceName,
    deviceSeed: toBase64url(device.device.seed.bytes()),
    accountKey: toBase64url(device.accountKey.bytes()),
  })
}

/** Throws SecretsDamaged, whose message holds nothing of the text. */
export function decodeSecrets(crypto: Crypto, text: string): DeviceAccount {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('format' in value) || value.format !== FORMAT) {
      throw new SecretsDamaged()
    }
    const field = (name: string): string => {
      const found = (value as Readonly<Record<string, unknown>>)[name]
      if (typeof found !== 'string') throw new SecretsDamaged()
      return found
    }
    const seed = new SecretKey(fromBase64url(field('deviceSeed')))
    const publicKey = crypto.ed25519PublicKey(seed.bytes())
    return {
      account: parseId('account', field('account')),
      accountZone: parseId('zone', field('accountZone')),
      deviceName: field('deviceName'),
      device: { id: deviceIdOf(crypto, publicKey), seed, publicKey },
      accountKey: new SecretKey(fromBase64url(field('accountKey'))),
    }
  } catch (error) {
    // The cause of a JSON error quotes the text, which holds the keys.
    throw error instanceof SecretsDamaged ? error : new SecretsDamaged()
  }
}
