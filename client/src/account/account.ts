/** What account functions work with: a server to call, and the keys a device holds. */
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { Random } from '@pileus/core/crypto/random'
import type { AccountId, ZoneId } from '@pileus/core/ids/ids'
import type { DeviceKeys } from '@pileus/core/keys/device'
import type { SecretKey } from '@pileus/core/keys/secrets'
import type { Session } from '@pileus/core/protocol/account'
import type { Calls } from '../remote/calls.ts'
import type { Stretching } from './password.ts'

export interface AccountContext {
  /** Not signed in: `retrying(httpCalls(…))`. */
  readonly calls: Calls
  readonly crypto: Crypto
  readonly random: Random
  /** Milliseconds since 1970; for the labels of records only. */
  readonly clock: () => number
  /** Of passwords; as `limits` has it where it is left out. */
  readonly stretching?: Stretching
}

/** Everything a device must keep to be a device of its account. */
export interface DeviceAccount {
  readonly account: AccountId
  readonly accountZone: ZoneId
  readonly accountKey: SecretKey
  readonly device: DeviceKeys
  /** What the person calls this device. */
  readonly deviceName: string
}

/** A device that the account has just accepted, with its first session. */
export interface NewDevice {
  readonly device: DeviceAccount
  readonly session: Session
}

/** A device with a session: `calls` are made in it (`signedIn` in remote/session.ts). */
export interface SignedIn {
  readonly context: AccountContext
  readonly calls: Calls
  readonly device: DeviceAccount
}

/** The server, or whoever controls it, gave something that does not belong to this account. */
export class AccountRefused extends Error {
  constructor(why: string) {
    super(
      `the server's data is not this account's: ${why}. Nothing was changed; do not type the password there again before you know why`,
    )
    this.name = 'AccountRefused'
  }
}
