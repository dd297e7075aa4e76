/** Tokens, and the ways to get one: password, phrase, device key (SRV-10 to SRV-19 in docs/spec/protocol.md). */
import { toBase64url } from '@pileus/core/bytes/base64url'
import { fromHex, toHex } from '@pileus/core/bytes/hex'
import type { Crypto } from '@pileus/core/crypto/crypto'
import { type AccountId, type DeviceId, type Digest, idFromBytes } from '@pileus/core/ids/ids'
import { CHALLENGE_NONCE_BYTES, challengeAnswered } from '@pileus/core/keys/challenge'
import { ACCESS_TOKEN_SECONDS, ENROL_TOKEN_SECONDS } from '@pileus/core/limits'
import type { Enrolment, Session } from '@pileus/core/protocol/account'
import { Problem } from '@pileus/core/protocol/problem'
import type { Account } from '../accounts/accounts.ts'
import { audit } from './audit.ts'
import type { Call, Handlers, Principal } from './call.ts'
import type { Environment } from './environment.ts'
import { addressKey, limitRate } from './rate-limits.ts'

const TOKEN_BYTES = 32
/** How long a started login or an unanswered challenge stands. */
const ATTEMPT_SECONDS = 60
const TOKEN_TEXT = /^[A-Za-z0-9_-]{43}$/
const encoder = new TextEncoder()

/** Who a bearer token stands for. Throws Problem 'not-signed-in' or 'device-removed'. */
export async function principalOf(environment: Environment, token: string | undefined): Promise<Principal> {
  if (token === undefined) return { kind: 'anyone' }
  if (!TOKEN_TEXT.test(token)) throw notSignedIn()
  const tokenHash = hashToken(environment.crypto, token)
  const found = await environment.engines.accounts.session(tokenHash)
  if (!found || found.session.expiresAt <= environment.clock()) throw notSignedIn()
  if (found.deviceRemoved) throw deviceRemoved()
  const { kind, account, device } = found.session
  if (kind === 'enrolment' || device === null) return { kind: 'enrolment', account, tokenHash }
  return { kind: 'device', account, device, tokenHash }
}

export const sessionHandlers: Handlers<
  'loginStart' | 'loginFinish' | 'challenge' | 'deviceLogin' | 'logout' | 'recoveryStart' | 'recoveryProof'
> = {
  loginStart,
  loginFinish,
  challenge,
  deviceLogin,
  recoveryStart,
  recoveryProof,
  async logout({ environment, principal }) {
    await environment.engines.accounts.endSession(principal.tokenHash)
    await audit(environment, { type: 'auth.logout', account: principal.account, device: principal.device })
    return { done: true }
  },
}

interface LoginAttempt {
  readonly account: AccountId | null
  readonly state: string
}

async function loginStart({ environment, body, address }: Call<'loginStart'>) {
  const { engines, rateLimits, opaque } = environment
  await limitRate(engines.live, rateLimits.loginPerAddress, 'login-address', addressKey(address))
  await limitRate(engines.live, rateLimits.loginPerName, 'login-name', body.name)
  const account = await engines.accounts.byName(body.name)
  const started = opaqueMessage(() => opaque.startLogin(body.name, account?.registration ?? null, body.login))
  const attempt = toBase64url(environment.random(TOKEN_BYTES))
  const kept: LoginAttempt = { account: account?.id ?? null, state: started.state }
  await engines.live.put(`login:${attempt}`, JSON.stringify(kept), ATTEMPT_SECONDS)
  return { attempt, login: started.response }
}

async function loginFinish({ environment, body }: Call<'loginFinish'>): Promise<Enrolment> {
  const { engines, opaque } = environment
  const kept = await engines.live.take(`login:${body.attempt}`)
  if (kept === undefined) {
    throw new Problem(
      'wrong-credentials',
      'this login was not started, took too long, or was finished before',
    )
  }
  const { account: id, state }: LoginAttempt = JSON.parse(kept)
  const proven = opaque.finishLogin(state, body.login)
  const account = id === null ? undefined : await engines.accounts.byId(id)
  if (account && !proven) await audit(environment, { type: 'auth.login_failed', account: account.id })
  if (!account || !proven) throw wrongCredentials()
  await engines.live.forget(`rate:login-name:${account.name}`)
  await audit(environment, { type: 'auth.login', account: account.id })
  return enrol(environment, account, account.passwordWrap)
}

async function recoveryStart({ environment, body, address }: Call<'recoveryStart'>) {
  const { engines, rateLimits, random } = environment
  await limitRate(engines.live, rateLimits.recoveryPerAddress, 'recovery-address', addressKey(address))
  await limitRate(engines.live, rateLimits.recoveryPerName, 'recovery-name', body.name)
  const nonce = random(CHALLENGE_NONCE_BYTES)
  await engines.live.put(`recovery:${body.name}:${toHex(nonce)}`, '1', ATTEMPT_SECONDS)
  return { nonce }
}

async function recoveryProof({ environment, body, address }: Call<'recoveryProof'>): Promise<Enrolment> {
  const { engines, rateLimits, crypto } = environment
  await limitRate(engines.live, rateLimits.recoveryPerAddress, 'recovery-proof', addressKey(address))
  const asked = await engines.live.take(`recovery:${body.name}:${toHex(body.nonce)}`)
  const account = await engines.accounts.byName(body.name)
  // An unknown name costs the same check, so that it takes the same time.
  const key = account?.recoveryKey ?? SOME_PUBLIC_KEY
  const proven = challengeAnswered(crypto, key, 'recovery', body.name, body.nonce, body.signature)
  if (!account || !proven || asked === undefined) throw wrongCredentials()
  await audit(environment, { type: 'auth.recovery', account: account.id })
  return enrol(environment, account, account.phraseWrap)
}

/** The Ed25519 base point (RFC 8032 §5.1): a valid key that nobody registered. */
const SOME_PUBLIC_KEY = fromHex(`58${'66'.repeat(31)}`)

async function challenge({ environment, body, address }: Call<'challenge'>) {
  const { engines, rateLimits, random } = environment
  await limitRate(engines.live, rateLimits.challengePerAddress, 'challenge', addressKey(address))
  const nonce = random(CHALLENGE_NONCE_BYTES)
  await engines.live.put(`challenge:${body.device}:${toHex(nonce)}`, '1', ATTEMPT_SECONDS)
  return { nonce }
}

async function deviceLogin({ environment, body }: Call<'deviceLogin'>): Promise<Session> {
  const { engines, crypto } = environment
  const asked = await engines.live.take(`challenge:${body.device}:${toHex(body.nonce)}`)
  const device = await engines.accounts.device(body.device)
  const proven =
    device !== undefined &&
    challengeAnswered(crypto, device.publicKey, 'device login', device.id, body.nonce, body.signature)
  if (!device || !proven || asked === undefined) {
    throw new Problem('wrong-credentials', 'the device key was not accepted: log in on this device again')
  }
  if (device.removedAt !== null) throw deviceRemoved()
  return openDeviceSession(environment, device.account, device.id)
}

/** A session of this device, whose right to one was just established. */
export async function openDeviceSession(
  environment: Environment,
  account: AccountId,
  device: DeviceId,
): Promise<Session> {
  const token = await openSession(environment, 'device', account, device, ACCESS_TOKEN_SECONDS)
  await environment.engines.accounts.seen(device, environment.clock())
  return { token, expiresInSeconds: ACCESS_TOKEN_SECONDS, device, account }
}

async function enrol(environment: Environment, account: Account, wrap: Uint8Array): Promise<Enrolment> {
  const token = await openSession(environment, 'enrolment', account.id, null, ENROL_TOKEN_SECONDS)
  return {
    token,
    expiresInSeconds: ENROL_TOKEN_SECONDS,
    account: account.id,
    accountZone: account.accountZone,
    wrap,
  }
}

async function openSession(
  environment: Environment,
  kind: 'device' | 'enrolment',
  account: AccountId,
  device: DeviceId | null,
  seconds: number,
): Promise<string> {
  const { engines, clock, random, crypto } = environment
  const token = toBase64url(random(TOKEN_BYTES))
  const now = clock()
  const expiresAt = now + seconds * 1_000
  const tokenHash = hashToken(crypto, token)
  await engines.accounts.openSession({ tokenHash, kind, account, device, expiresAt }, now)
  return token
}

/** Runs the OPAQUE library on a client's message; it throws strings and errors for malformed ones. */
export function opaqueMessage<T>(work: () => T): T {
  try {
    return work()
  } catch {
    throw new Problem('malformed-request', 'the OPAQUE message cannot be read')
  }
}

function hashToken(crypto: Crypto, token: string): Digest {
  return idFromBytes('digest', crypto.sha256(encoder.encode(token)))
}

function wrongCredentials(): Problem {
  return new Problem('wrong-credentials', 'the name or the secret is wrong')
}

export function notSignedIn(): Problem {
  return new Problem('not-signed-in', 'the session is missing, expired or ended: sign in again')
}

/** What a device hears that was removed (SRV-16). */
export function deviceRemoved(): Problem {
  return new Problem('device-removed', 'this device was removed from its account: log in to add it again')
}
