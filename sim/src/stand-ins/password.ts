/**
 * In place of the client's OPAQUE: the same shape, without stretching and without secrecy. `passwordServer` is the
 * server's half. Proving a password is no part of what is simulated.
 */

import type { Login, Registration } from '@pileus/client/account/password'
import { toBase64url } from '@pileus/core/bytes/base64url'
import { nodeCrypto } from '@pileus/core/crypto/node'
import type { OpaqueServer } from '@pileus/server/rules/opaque'

const hashOf = (password: string) => nodeCrypto.sha256(new TextEncoder().encode(password))

export class WeakPassword extends Error {}

export function checkNewPassword(_password: string): void {}

export async function startRegistration(password: string): Promise<Registration> {
  const exportKey = hashOf(`export ${password}`)
  return { request: 'AAAA', finish: () => ({ record: proofOf(password), exportKey }) }
}

export async function startLogin(password: string): Promise<Login> {
  const exportKey = hashOf(`export ${password}`)
  return { request: 'AAAA', finish: () => ({ proof: proofOf(password), exportKey }) }
}

function proofOf(password: string): string {
  return toBase64url(hashOf(password))
}

export const passwordServer: OpaqueServer = {
  register: () => 'AAAA',
  startLogin: (_name, registration) => ({ state: registration ?? '', response: 'AAAA' }),
  finishLogin: (state, request) => state === request,
}
