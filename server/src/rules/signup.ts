/** Signing up: account, account zone, first batch and first device, whole or not at all (SRV-51 to SRV-53). */
import { openCertificate } from '@pileus/core/keys/device'
import { logHead, verifyEntry, type ZoneState } from '@pileus/core/keys/zone-log'
import type { Session, SignupFinish } from '@pileus/core/protocol/account'
import { Problem } from '@pileus/core/protocol/problem'
import type { Account, Device } from '../accounts/accounts.ts'
import { audit } from './audit.ts'
import type { Call, Handlers } from './call.ts'
import type { Environment } from './environment.ts'
import { type PushContext, push } from './push.ts'
import { addressKey, limitRate } from './rate-limits.ts'
import { opaqueMessage, openDeviceSession } from './sessions.ts'
import { newZone } from './zone-head.ts'

/** The handlers, sharing the service's verified logs and queues. */
export function signupHandlers(context: PushContext): Handlers<'signupStart' | 'signupFinish'> {
  return { signupStart, signupFinish: (call) => signupFinish(context, call) }
}

async function signupStart({ environment, body, address }: Call<'signupStart'>) {
  const { engines, rateLimits, opaque } = environment
  await limitRate(engines.live, rateLimits.signupPerAddress, 'signup', addressKey(address))
  if (await engines.accounts.byName(body.name)) throw nameTaken(body.name)
  return { registration: opaqueMessage(() => opaque.register(body.name, body.registration)) }
}

/**
 * The zone and its first batch are written first, where nobody can see them; creating the account is the one step
 * that makes all of it exist. A repeat of the same request after a crash or a lost answer ends the same way.
 */
async function signupFinish(context: PushContext, call: Call<'signupFinish'>): Promise<Session> {
  const { environment, body, address } = call
  const { engines, rateLimits, crypto } = environment
  await limitRate(engines.live, rateLimits.signupPerAddress, 'signup-finish', addressKey(address))
  const state = verifyEntry(crypto, null, body.genesis)
  const { account, device } = newcomer(environment, body, state)
  const holder = await engines.accounts.byName(body.name)
  if (holder && holder.id !== account.id) throw nameTaken(body.name)
  await engines.zones.create(newZone(crypto, state.zone, body.genesis, logHead(state)))
  const { outcomes } = await push(context, device, body.first)
  if (outcomes.some(({ outcome }) => outcome !== 'accepted')) {
    throw new Problem('seal-refused', 'the first batch of an account holds records that the zone cannot take')
  }
  const result = await engines.accounts.create(account, device)
  if (result !== 'created') await requireSame(environment, account, device)
  if (result === 'created') {
    await audit(environment, { type: 'auth.signup', account: account.id, device: device.id })
  }
  return openDeviceSession(environment, account.id, device.id)
}

function newcomer(
  { crypto, clock, quotaBytes }: Environment,
  body: SignupFinish,
  state: ZoneState,
): { account: Account; device: Device } {
  const identityKey = state.terms.get(state.owner)![0]!.identity.signingKey
  const certified = openCertificate(crypto, body.certificate, identityKey)
  const fits =
    state.owner === body.account &&
    certified.account === body.account &&
    state.source === 'derived' &&
    body.first.zone === state.zone
  if (!fits) {
    throw new Problem(
      'seal-refused',
      'the account, its zone, its certificate and its first batch do not belong together',
    )
  }
  const now = clock()
  const account: Account = {
    id: body.account,
    name: body.name,
    accountZone: state.zone,
    registration: body.registration,
    passwordWrap: body.passwordWrap,
    phraseWrap: body.phraseWrap,
    recoveryKey: body.recoveryKey,
    identityKey,
    quotaBytes,
    createdAt: now,
  }
  const device: Device = {
    id: certified.device,
    account: body.account,
    certificate: body.certificate,
    publicKey: certified.publicKey,
    addedAt: now,
    lastSeenAt: null,
    removedAt: null,
  }
  return { account, device }
}

/** A repeat holds the same secrets; anything else is somebody else who wants the name or the id. */
async function requireSame({ engines }: Environment, account: Account, device: Device): Promise<void> {
  const stored = await engines.accounts.byId(account.id)
  const known = await engines.accounts.device(device.id)
  const same =
    stored?.name === account.name &&
    stored.accountZone === account.accountZone &&
    stored.registration === account.registration &&
    Buffer.compare(stored.recoveryKey, account.recoveryKey) === 0 &&
    known?.account === account.id &&
    known.removedAt === null
  if (!same) throw nameTaken(account.name)
}

function nameTaken(name: string): Problem {
  return new Problem('name-taken', `the account name ${JSON.stringify(name)} is taken: choose another`)
}
