/** A device's session: opened with the device key when it is first needed, and again when it has ended. */
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { DeviceId } from '@pileus/core/ids/ids'
import { answerChallenge } from '@pileus/core/keys/challenge'
import type { SecretKey } from '@pileus/core/keys/secrets'
import type { Session as SessionMessage } from '@pileus/core/protocol/account'
import { Problem } from '@pileus/core/protocol/problem'
import type { CallInput, CallOutput, Calls, EndpointName } from './calls.ts'
import { inTwoSteps } from './two-steps.ts'

export interface Session {
  /** A token that should be good; `not` is one that turned out not to be. */
  token(not?: string): Promise<string>
}

export interface DeviceSessionOptions {
  readonly calls: Calls
  readonly crypto: Crypto
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly device: { readonly id: DeviceId; readonly seed: SecretKey }
  /** One that was just opened. */
  readonly opened?: SessionMessage
}

/** Opened anew this long before it ends. */
const EARLY_MS = 60_000

/** No person waits to hear that it is wrong, and a sync that stays would end: so a server may start again twice. */
const REFUSALS_DOUBTED = 2

/** The session of this device. Many calls at once open one. */
export function deviceSession(options: DeviceSessionOptions): Session {
  const { calls, crypto, clock, device } = options
  let current = options.opened ? lasting(options.opened, clock()) : null
  let opening: Promise<string> | null = null
  const open = async (): Promise<string> => {
    const opened = await openSession(calls, crypto, device)
    current = lasting(opened, clock())
    return current.token
  }
  return {
    async token(not) {
      if (current && current.token !== not && clock() < current.until) return current.token
      opening ??= open().finally(() => {
        opening = null
      })
      return opening
    },
  }
}

/** Calls made in this session. One whose session has ended is made again in a new one, once. */
export function signedIn(calls: Calls, session: Session): Calls {
  return {
    async call<N extends EndpointName>(name: N, input: CallInput<N>): Promise<CallOutput<N>> {
      const token = await session.token()
      try {
        return await calls.call(name, { ...input, token })
      } catch (error) {
        if (!(error instanceof Problem && error.code === 'not-signed-in')) throw error
        return calls.call(name, { ...input, token: await session.token(token) })
      }
    },
  }
}

/** Opens a session with the device key. */
export async function openSession(
  calls: Calls,
  crypto: Crypto,
  device: { readonly id: DeviceId; readonly seed: SecretKey },
): Promise<SessionMessage> {
  const { id } = device
  return inTwoSteps(
    () => calls.call('challenge', { body: { device: id } }),
    ({ nonce }) => {
      const signature = answerChallenge(crypto, device.seed, 'device login', id, nonce)
      return calls.call('deviceLogin', { body: { device: id, nonce, signature } })
    },
    REFUSALS_DOUBTED,
  )
}

function lasting(session: SessionMessage, now: number): { token: string; until: number } {
  return { token: session.token, until: now + session.expiresInSeconds * 1_000 - EARLY_MS }
}
