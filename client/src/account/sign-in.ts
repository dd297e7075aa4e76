/** A further device joins an account, by its password or by its recovery phrase; the password is changed. */
import { entropyFromPhrase } from '@pileus/core/crypto/phrase'
import { type Opener, openAccountKey, recoverySigningSeed, wrapAccountKey } from '@pileus/core/keys/account'
import { answerChallenge } from '@pileus/core/keys/challenge'
import { certifyDevice, createDevice } from '@pileus/core/keys/device'
import type { SecretKey } from '@pileus/core/keys/secrets'
import type { Enrolment } from '@pileus/core/protocol/account'
import { Problem } from '@pileus/core/protocol/problem'
import { deviceSession, signedIn } from '../remote/session.ts'
import { inTwoSteps } from '../remote/two-steps.ts'
import {
  type AccountContext,
  AccountRefused,
  type DeviceAccount,
  type NewDevice,
  type SignedIn,
} from './account.ts'
import { type AccountZone, changeAccountZone, deviceNoteWrite, readAccountZone } from './account-zone.ts'
import { freeName, type WantedName } from './device-name.ts'
import { checkNewPassword, startLogin, startRegistration } from './password.ts'

/**
 * Adds this device to the account, under a name of its own. Rejects with Problem ('wrong-credentials',
 * 'too-many-requests', …), Unreachable, KeyRefused, AccountRefused or DeviceNameTaken.
 */
export async function logIn(
  context: AccountContext,
  who: { readonly name: string; readonly password: string } & WantedName,
): Promise<NewDevice> {
  return addDevice(context, await provePassword(context, who.name, who.password), who)
}

/**
 * Sets a new password with the recovery phrase and adds this device. Rejects as `logIn` does, and with
 * InvalidPhrase or WeakPassword before anything is sent.
 */
export async function recover(
  context: AccountContext,
  who: {
    readonly name: string
    readonly phrase: string
    readonly newPassword: string
  } & WantedName,
): Promise<NewDevice> {
  checkNewPassword(who.newPassword)
  const proven = await provePhrase(context, who.name, who.phrase)
  // A name that is refused must not have cost the old password.
  freeName(who, (await accountZoneOf(context, proven)).devices.values())
  await setPassword(context, proven, who.name, who.newPassword)
  // The new password ends every proof that came before it.
  return addDevice(context, await provePassword(context, who.name, who.newPassword), who)
}

/** Replaces the password. The old one opens nothing afterwards. Rejects as `logIn` does, or with WeakPassword. */
export async function changePassword(
  { context, device }: SignedIn,
  change: { readonly name: string; readonly current: string; readonly next: string },
): Promise<void> {
  checkNewPassword(change.next)
  const proven = await provePassword(context, change.name, change.current)
  if (proven.enrolment.account !== device.account) {
    throw new AccountRefused(`the name ${JSON.stringify(change.name)} now belongs to another account`)
  }
  await setPassword(context, proven, change.name, change.next)
}

/** What a proof of password or phrase gives: the account key, and the right to add a device. */
interface Proven {
  readonly enrolment: Enrolment
  readonly accountKey: SecretKey
}

async function provePassword(
  { calls, crypto, stretching }: AccountContext,
  name: string,
  password: string,
): Promise<Proven> {
  const { enrolment, exportKey } = await inTwoSteps(
    async () => {
      const login = await startLogin(password, stretching)
      const { attempt, login: response } = await calls.call('loginStart', {
        body: { name, login: login.request },
      })
      // A wrong password shows here, before the server is told anything that it could refuse.
      return { attempt, ...login.finish(response) }
    },
    async ({ attempt, proof, exportKey }) => {
      const enrolment = await calls.call('loginFinish', { body: { attempt, login: proof } })
      return { enrolment, exportKey }
    },
  )
  const opener: Opener = { by: 'password', exportKey }
  return { enrolment, accountKey: openAccountKey(crypto, enrolment.account, opener, enrolment.wrap) }
}

async function provePhrase({ calls, crypto }: AccountContext, name: string, phrase: string): Promise<Proven> {
  const entropy = entropyFromPhrase(phrase)
  const seed = recoverySigningSeed(crypto, entropy)
  const enrolment = await inTwoSteps(
    () => calls.call('recoveryStart', { body: { name } }),
    ({ nonce }) => {
      const signature = answerChallenge(crypto, seed, 'recovery', name, nonce)
      return calls.call('recoveryProof', { body: { name, nonce, signature } })
    },
  )
  const opener: Opener = { by: 'phrase', entropy }
  return { enrolment, accountKey: openAccountKey(crypto, enrolment.account, opener, enrolment.wrap) }
}

async function setPassword(
  context: AccountContext,
  proven: Proven,
  name: string,
  password: string,
): Promise<void> {
  const { calls, crypto, random } = context
  const { token, account } = proven.enrolment
  const registration = await startRegistration(password, context.stretching)
  const started = await calls.call('passwordStart', { body: { registration: registration.request }, token })
  const { record, exportKey } = registration.finish(started.registration)
  const opener: Opener = { by: 'password', exportKey }
  const passwordWrap = wrapAccountKey(crypto, random, account, opener, proven.accountKey)
  try {
    await calls.call('passwordFinish', { body: { registration: record, passwordWrap }, token })
  } catch (error) {
    // A new password ends every proof before it, so a repeat after a lost answer is refused: it shows by opening.
    const ended = error instanceof Problem && error.code === 'not-signed-in'
    if (!ended || !(await opens(context, name, password))) throw error
  }
}

async function opens(context: AccountContext, name: string, password: string): Promise<boolean> {
  try {
    await provePassword(context, name, password)
    return true
  } catch (error) {
    if (error instanceof Problem && error.code === 'wrong-credentials') return false
    throw error
  }
}

function accountZoneOf(context: AccountContext, { enrolment, accountKey }: Proven): Promise<AccountZone> {
  const { account, accountZone, token } = enrolment
  return readAccountZone(context, context.calls, { account, accountZone, accountKey }, token)
}

/** Certifies a new device with the identity in the account zone, and notes its name there. */
async function addDevice(context: AccountContext, proven: Proven, wanted: WantedName): Promise<NewDevice> {
  const { calls, crypto, random } = context
  const { enrolment, accountKey } = proven
  const { account, accountZone, token } = enrolment
  const keys = { account, accountZone, accountKey }
  const { identity, devices } = await accountZoneOf(context, proven)
  const deviceName = freeName(wanted, devices.values())
  const made = createDevice(crypto, random)
  const certificate = certifyDevice(crypto, identity, { account, publicKey: made.publicKey })
  const session = await calls.call('addDevice', { body: { certificate }, token })
  const device: DeviceAccount = { ...keys, device: made, deviceName }
  const opened = deviceSession({ ...context, device: made, opened: session })
  await noteDevice({ context, device, calls: signedIn(calls, opened) })
  return { device, session }
}

/** Writes this device's name into the account zone, if it is not there. */
export async function noteDevice({ context, calls, device }: SignedIn): Promise<void> {
  const { id } = device.device
  await changeAccountZone(context, calls, device, (zone) =>
    zone.devices.has(id) ? null : deviceNoteWrite(zone, id, { name: device.deviceName, removed: false }),
  )
}
