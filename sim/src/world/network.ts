/**
 * The way between a device and the server: every message is encoded, may be lost before or after the server acted
 * on it, and may arrive twice.
 */

import type { CallInput, CallOutput, Calls, EndpointName } from '@pileus/client/remote/calls'
import { Unreachable } from '@pileus/client/remote/remote'
import { decodeMessage, encodeMessage } from '@pileus/core/protocol/codec'
import { ENDPOINTS, type Endpoint } from '@pileus/core/protocol/endpoints'
import type { TSchema } from '@pileus/core/protocol/schema'
import type { PackAnswer } from '@pileus/server/rules/call'
import type { Service } from '@pileus/server/rules/service'
import type { Chance } from './random.ts'

export interface Faults {
  /** How often a request is lost before it arrives. */
  lostRequest: number
  /** How often the answer is lost after the server acted. */
  lostAnswer: number
  /** How often a request arrives twice. */
  doubled: number
}

export const NO_FAULTS: Faults = { lostRequest: 0, lostAnswer: 0, doubled: 0 }

/** Their answer is used up by the first that asks; nothing in the protocol sends them twice. */
const ONCE_ONLY: ReadonlySet<EndpointName> = new Set(['deviceLogin', 'loginFinish', 'recoveryProof'])

/** Calls over a bad line to a service in this process. */
export function network(service: Service, chance: Chance, faults: () => Faults): Calls {
  return {
    async call<N extends EndpointName>(name: N, input: CallInput<N>): Promise<CallOutput<N>> {
      const { lostRequest, lostAnswer, doubled } = faults()
      if (chance.happens(lostRequest)) throw new Unreachable('the request was lost')
      if (!ONCE_ONLY.has(name) && chance.happens(doubled))
        await deliver(service, name, input).catch(() => undefined)
      const answer = await deliver(service, name, input)
      if (chance.happens(lostAnswer)) throw new Unreachable('the answer was lost')
      return answer
    },
  }
}

interface AnyInput {
  readonly params?: unknown
  readonly query?: unknown
  readonly body?: object
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
}

async function deliver<N extends EndpointName>(
  service: Service,
  name: N,
  input: CallInput<N>,
): Promise<CallOutput<N>> {
  const endpoint: Endpoint = ENDPOINTS[name]
  const { params, query, body, token, headers } = input as AnyInput
  const request = {
    params: params ?? {},
    query: query ?? {},
    token,
    headers: { ...lengthOf(endpoint, body), ...headers },
    body: received(endpoint, body),
    address: '127.0.0.1',
  }
  // The table says what each endpoint takes and answers; a call by name is past what the compiler follows.
  const answer: unknown = await service.call(name, request as unknown as Parameters<Service['call']>[1])
  return sent(endpoint, answer) as CallOutput<N>
}

/** HTTP clients say how long a body is that they have whole. */
function lengthOf(endpoint: Endpoint, body: object | undefined): Record<string, string> {
  if (endpoint.request !== 'pack') return {}
  const parts = body as readonly Uint8Array[]
  return { 'content-length': String(parts.reduce((sum, part) => sum + part.length, 0)) }
}

/** As the server reads it: through the codec, or as a stream of pieces. */
function received(endpoint: Endpoint, body: object | undefined): unknown {
  if (body === undefined || endpoint.request === undefined) return undefined
  if (endpoint.request === 'pack') return pieces(body as readonly Uint8Array[])
  return decodeMessage(endpoint.request as TSchema, 'cbor', encodeMessage(body, 'cbor'))
}

function sent(endpoint: Endpoint, answer: unknown): unknown {
  if (endpoint.response === 'pack') return copies((answer as PackAnswer).pieces)
  if (endpoint.response === 'chunk') return pieces([(answer as { bytes: Uint8Array }).bytes])
  return decodeMessage(endpoint.response as TSchema, 'cbor', encodeMessage(answer as object, 'cbor'))
}

/** The server uses the memory of a piece again; what a device received is its own. */
async function* copies(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const part of parts) yield new Uint8Array(part)
}

async function* pieces(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield new Uint8Array(part)
}
