/** A new account with its account zone and first device: made here, then handed to the server in one piece. */
import { phraseFromEntropy } from '@pileus/core/crypto/phrase'
import { randomId } from '@pileus/core/ids/ids'
import { PHRASE_ENTROPY_BYTES, recoverySigningSeed, wrapAccountKey } from '@pileus/core/keys/account'
import { certifyDevice, createDevice } from '@pileus/core/keys/device'
import { createIdentity, encodeIdentity, type Identity } from '@pileus/core/keys/identity'
import { randomKey } from '@pileus/core/keys/secrets'
import { createGenesis } from '@pileus/core/keys/zone-access'
import { keyRing } from '@pileus/core/keys/zone-keys'
import type { SignupFinish } from '@pileus/core/protocol/account'
import { firstFigure } from '@pileus/core/records/figure'
import { NO_VERSION } from '@pileus/core/versions/vector'
import type { AccountContext, DeviceAccount, NewDevice } from './account.ts'
import { type AccountWrite, accountBatch } from './account-zone.ts'
import {
  deviceRecord,
  encodeDeviceNote,
  encodeSettings,
  IDENTITY_RECORD,
  SETTINGS_RECORD,
} from './contents.ts'
import { startRegistration } from './password.ts'

export interface NewAccount extends NewDevice {
  /** 24 words: the only way back when the password is lost. Shown once, kept nowhere. */
  readonly phrase: string
}

/**
 * Creates an account. Rejects with WeakPassword, Problem ('name-taken', 'too-many-requests', …), Unreachable.
 * An answer that is lost on the way is asked for again: the account exists whole or not at all.
 */
export async function signUp(
  context: AccountContext,
  wanted: { readonly name: string; readonly password: string; readonly deviceName: string },
): Promise<NewAccount> {
  const { calls, crypto, random } = context
  const password = await startRegistration(wanted.password, context.stretching)
  const started = await calls.call('signupStart', {
    body: { name: wanted.name, registration: password.request },
  })
  const { record, exportKey } = password.finish(started.registration)
  const entropy = random(PHRASE_ENTROPY_BYTES)
  const accountKey = randomKey(random)
  const account = randomId('account', random)
  const identity = await createIdentity(crypto, random)
  const made = createDevice(crypto, random)
  const source = { source: 'derived', accountKey } as const
  const { entry, state, zoneKey } = await createGenesis(crypto, random, { account, identity }, source)
  const device: DeviceAccount = {
    account,
    accountZone: state.zone,
    accountKey,
    device: made,
    deviceName: wanted.deviceName,
  }
  const seen = { generation: 0, ...firstFigure(crypto, state.zone, 1) }
  const keysOf = keyRing(crypto, state.zone, new Map([[1, zoneKey]]))
  const body: SignupFinish = {
    account,
    name: wanted.name,
    registration: record,
    passwordWrap: wrapAccountKey(crypto, random, account, { by: 'password', exportKey }, accountKey),
    phraseWrap: wrapAccountKey(crypto, random, account, { by: 'phrase', entropy }, accountKey),
    recoveryKey: crypto.ed25519PublicKey(recoverySigningSeed(crypto, entropy).bytes()),
    certificate: certifyDevice(crypto, identity, { account, publicKey: made.publicKey }),
    genesis: entry,
    first: accountBatch(context, device, state, keysOf, seen, firstRecords(identity, device)),
  }
  const session = await calls.call('signupFinish', { body })
  return { phrase: phraseFromEntropy(entropy), device, session }
}

function firstRecords(identity: Identity, { device, deviceName }: DeviceAccount): AccountWrite[] {
  const note = encodeDeviceNote({ name: deviceName, removed: false })
  return [
    { id: IDENTITY_RECORD, kind: 'identity', content: encodeIdentity(identity), base: NO_VERSION },
    { id: SETTINGS_RECORD, kind: 'settings', content: encodeSettings({ zones: [] }), base: NO_VERSION },
    { id: deviceRecord(device.id), kind: 'device', content: note, base: NO_VERSION },
  ]
}
