/** Accounts, passwords, devices (SRV-50 to SRV-59). */

import { openCertificate } from '@pileus/core/keys/device'
import { KeyRefused } from '@pileus/core/keys/refused'
import type { DeviceInfo, Session } from '@pileus/core/protocol/account'
import { Problem } from '@pileus/core/protocol/problem'
import type { Device } from '../accounts/accounts.ts'
import { audit } from './audit.ts'
import type { Call, Handlers } from './call.ts'
import { notFound } from './not-found.ts'
import { usedBytes } from './room.ts'
import { opaqueMessage, openDeviceSession } from './sessions.ts'

export const accountHandlers: Handlers<
  'passwordStart' | 'passwordFinish' | 'account' | 'addDevice' | 'devices' | 'removeDevice'
> = {
  async passwordStart(call) {
    const { name } = await accountOf(call)
    const { opaque } = call.environment
    return { registration: opaqueMessage(() => opaque.register(name, call.body.registration)) }
  },
  async passwordFinish(call) {
    const { id } = await accountOf(call)
    await call.environment.engines.accounts.setPassword(id, call.body)
    await audit(call.environment, { type: 'auth.password_changed', account: id })
    return { done: true }
  },
  async account(call) {
    const { engines } = call.environment
    const { id, name, accountZone, quotaBytes } = await accountOf(call)
    const zones = (await engines.accounts.zonesOf(id)).map(({ zone }) => zone)
    return {
      account: id,
      name,
      accountZone,
      zones,
      quotaBytes,
      usedBytes: await usedBytes(call.environment, id),
    }
  },
  addDevice,
  async devices({ environment, principal }) {
    return { devices: (await environment.engines.accounts.devices(principal.account)).map(shownDevice) }
  },
  async removeDevice({ environment, principal, params }) {
    const { accounts } = environment.engines
    const { account, device } = principal
    if (!(await accounts.removeDevice(account, params.device, environment.clock()))) throw notFound()
    await audit(environment, { type: 'auth.device_removed', account, device, subject: params.device })
    return { done: true }
  },
}

async function addDevice(call: Call<'addDevice'>): Promise<Session> {
  const { environment, body } = call
  const { accounts } = environment.engines
  const account = await accountOf(call)
  const {
    device,
    publicKey,
    account: named,
  } = openCertificate(environment.crypto, body.certificate, account.identityKey)
  if (named !== account.id) {
    throw new KeyRefused('bad-signature', 'the certificate names another account')
  }
  const added = await accounts.addDevice({
    id: device,
    account: account.id,
    certificate: body.certificate,
    publicKey,
    addedAt: environment.clock(),
    lastSeenAt: null,
    removedAt: null,
  })
  const known = await accounts.device(device)
  if (!known || known.account !== account.id) throw notFound()
  if (known.removedAt !== null) {
    throw new Problem('device-removed', 'this device key was removed: make a new one by logging in again')
  }
  if (added === 'added') {
    await audit(environment, { type: 'auth.device_registered', account: account.id, subject: device })
  }
  return openDeviceSession(environment, account.id, device)
}

async function accountOf({
  environment,
  principal,
}: Call<'account'> | Call<'addDevice'> | Call<'passwordStart'> | Call<'passwordFinish'>) {
  const account = await environment.engines.accounts.byId(principal.account)
  if (!account) throw notFound()
  return account
}

function shownDevice({ id, certificate, addedAt, lastSeenAt, removedAt }: Device): DeviceInfo {
  return {
    device: id,
    certificate,
    addedAt: new Date(addedAt).toISOString(),
    lastSeenAt: lastSeenAt === null ? null : new Date(lastSeenAt).toISOString(),
    removedAt: removedAt === null ? null : new Date(removedAt).toISOString(),
  }
}
