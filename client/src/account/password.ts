/** OPAQUE (RFC 9807), the client's half, by @serenity-kit/opaque: the password never leaves this device. */
import { fromBase64url } from '@pileus/core/bytes/base64url'
import {
  ARGON2ID_LANES,
  ARGON2ID_MEMORY_KIB,
  ARGON2ID_PASSES,
  PASSWORD_MIN_CHARACTERS,
} from '@pileus/core/limits'
import { Problem } from '@pileus/core/protocol/problem'

/** Loaded when a password is first used: most commands use none, and it is the slowest module to load. */
async function opaque() {
  const { client, ready } = await import('@serenity-kit/opaque')
  await ready
  return client
}

/** What Argon2id (RFC 9106) costs who tries passwords: passes over its memory, the memory in KiB, and its lanes. */
export interface Stretching {
  readonly passes: number
  readonly memoryKiB: number
  readonly lanes: number
}

/** This client's own: what a server says does not change it. */
const STRETCHING: Stretching = {
  passes: ARGON2ID_PASSES,
  memoryKiB: ARGON2ID_MEMORY_KIB,
  lanes: ARGON2ID_LANES,
}

function keyStretching({ passes, memoryKiB, lanes }: Stretching) {
  return { 'argon2id-custom': { iterations: passes, memory: memoryKiB, parallelism: lanes } } as const
}

/** A new password that is refused before it is used. */
export class WeakPassword extends Error {
  constructor() {
    super(
      `cannot use this password: it is shorter than ${PASSWORD_MIN_CHARACTERS} characters; choose a longer one`,
    )
    this.name = 'WeakPassword'
  }
}

/** Throws WeakPassword. */
export function checkNewPassword(password: string): void {
  if ([...normalised(password)].length < PASSWORD_MIN_CHARACTERS) throw new WeakPassword()
}

export interface Registration {
  readonly request: string
  /** The record for the server, and the export key that opens what this password wraps. */
  finish(response: string): { readonly record: string; readonly exportKey: Uint8Array }
}

/** Begins to register a new password. Rejects with WeakPassword. */
export async function startRegistration(password: string, stretching = STRETCHING): Promise<Registration> {
  checkNewPassword(password)
  const client = await opaque()
  const text = normalised(password)
  const { clientRegistrationState, registrationRequest } = client.startRegistration({ password: text })
  return {
    request: registrationRequest,
    finish(response) {
      const { registrationRecord, exportKey } = understood(() =>
        client.finishRegistration({
          clientRegistrationState,
          registrationResponse: response,
          password: text,
          keyStretching: keyStretching(stretching),
        }),
      )
      return { record: registrationRecord, exportKey: fromBase64url(exportKey) }
    },
  }
}

export interface Login {
  readonly request: string
  /** The proof for the server, and the export key. Throws Problem 'wrong-credentials'. */
  finish(response: string): { readonly proof: string; readonly exportKey: Uint8Array }
}

/** Begins to prove a password. */
export async function startLogin(password: string, stretching = STRETCHING): Promise<Login> {
  const client = await opaque()
  const text = normalised(password)
  const { clientLoginState, startLoginRequest } = client.startLogin({ password: text })
  return {
    request: startLoginRequest,
    finish(response) {
      const finished = understood(() =>
        client.finishLogin({
          clientLoginState,
          loginResponse: response,
          password: text,
          keyStretching: keyStretching(stretching),
        }),
      )
      if (!finished) throw new Problem('wrong-credentials', 'the name or the password is wrong')
      return { proof: finished.finishLoginRequest, exportKey: fromBase64url(finished.exportKey) }
    },
  }
}

/** As RFC 8265 has it (OpaqueString): one password typed on two keyboards is one text. */
function normalised(password: string): string {
  return password.normalize('NFC')
}

/** The library throws texts for messages that are not OPAQUE. */
function understood<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw new Problem(
      'malformed-request',
      `the server's part of the password protocol cannot be read (${String(error)})`,
    )
  }
}
