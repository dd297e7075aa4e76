/** The server's rules over memory engines, called by the client's port without a network between. */
import type { CallInput, CallOutput, Calls, EndpointName } from '@pileus/client/remote/calls'
import { Unreachable } from '@pileus/client/remote/remote'
import { nodeCrypto as crypto } from '@pileus/core/crypto/node'
import type { Random } from '@pileus/core/crypto/random'
import { checkMessage, decodeMessage, encodeMessage } from '@pileus/core/protocol/codec'
import { ENDPOINTS, type Endpoint } from '@pileus/core/protocol/endpoints'
import { memoryAccounts } from '@pileus/server/accounts/memory'
import { memoryBlobs } from '@pileus/server/blobs/memory'
import { memoryLive } from '@pileus/server/live/memory'
import type { PackAnswer } from '@pileus/server/rules/call'
import { type Environment, SILENT_OBSERVER } from '@pileus/server/rules/environment'
import { newOpaqueSetup, opaqueServer } from '@pileus/server/rules/opaque'
import { RATE_LIMITS } from '@pileus/server/rules/rate-limits'
import { createService, type Service, type ServiceRequest } from '@pileus/server/rules/service'
import { memoryZones } from '@pileus/server/zones/memory'

export interface TestServer {
  readonly service: Service
  readonly environment: Environment
}

export async function memoryServer(clock: () => number, random: Random): Promise<TestServer> {
  const environment: Environment = {
    engines: {
      accounts: memoryAccounts(),
      zones: memoryZones(),
      blobs: memoryBlobs(),
      live: memoryLive(clock),
    },
    clock,
    random,
    crypto,
    opaque: await opaqueServer(await newOpaqueSetup()),
    rateLimits: RATE_LIMITS,
    quotaBytes: 5_000_000_000,
    observer: SILENT_OBSERVER,
  }
  return { service: createService(environment), environment }
}

/** What may happen to a call on its way: nothing, its request is lost, or its answer is after the server acted. */
export type Fate = 'arrives' | 'request lost' | 'answer lost'

export interface ServiceCallsOptions {
  readonly fate?: (name: EndpointName) => Fate
  /** Sees each answer and may put another in its place: a hostile server. */
  readonly tamper?: (name: EndpointName, answer: unknown) => unknown
}

/** Every message goes through the codec, as it would over HTTP. */
export function serviceCalls(service: Service, options: ServiceCallsOptions = {}): Calls {
  return {
    async call<N extends EndpointName>(name: N, input: CallInput<N>): Promise<CallOutput<N>> {
      const fate = options.fate?.(name) ?? 'arrives'
      if (fate === 'request lost') throw new Unreachable(`the request ${name} was lost`)
      const endpoint: Endpoint = ENDPOINTS[name]
      const answer = await service.call(name, requestOf(endpoint, input) as ServiceRequest<N>)
      if (fate === 'answer lost') throw new Unreachable(`the answer to ${name} was lost`)
      const { response } = endpoint
      // The table's types and its values agree; the compiler cannot follow an endpoint chosen by name.
      if (typeof response === 'string') return copies((answer as PackAnswer).pieces) as CallOutput<N>
      const told = options.tamper ? options.tamper(name, answer) : answer
      return checkMessage(
        response,
        decodeMessage(response, 'cbor', encodeMessage(told as object, 'cbor')),
      ) as CallOutput<N>
    },
  }
}

function requestOf(endpoint: Endpoint, input: { readonly token?: string }): object {
  const { body, params, query, headers } = input as {
    body?: object
    params?: object
    query?: object
    headers?: object
  }
  const { request } = endpoint
  return {
    token: input.token,
    ...(params && { params }),
    query: query ?? {},
    ...(headers && { headers }),
    body:
      request === undefined || body === undefined
        ? undefined
        : request === 'pack'
          ? pieces(body as readonly Uint8Array[])
          : decodeMessage(request, 'cbor', encodeMessage(body, 'cbor')),
  }
}

/** The server uses the memory of a piece again; what a device received is its own. */
async function* copies(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const part of parts) yield new Uint8Array(part)
}

async function* pieces(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts
}
