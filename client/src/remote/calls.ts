/** Calling any endpoint of the protocol, typed by its table. One attempt each; `retry.ts` wraps this port. */
import { ENDPOINTS, type Endpoint } from '@pileus/core/protocol/endpoints'
import type { Static, TSchema } from '@pileus/core/protocol/schema'

type Table = typeof ENDPOINTS
/** What is asked and answered; the live channel is a port of its own (`live/line.ts`). */
export type EndpointName = Exclude<keyof Table, 'live'>

type Params<E> = E extends { readonly params: infer S extends TSchema }
  ? { readonly params: Static<S> }
  : unknown
type Query<E> = E extends { readonly query: infer S extends TSchema }
  ? { readonly query?: Static<S> }
  : unknown
type Body<E> = E extends { readonly request: infer R }
  ? R extends string
    ? { readonly body: readonly Uint8Array[] }
    : R extends TSchema
      ? { readonly body: Static<R> }
      : never
  : unknown

/** What a call takes. `body` of a pack is its parts. */
export type CallInput<N extends EndpointName> = Params<Table[N]> &
  Query<Table[N]> &
  Body<Table[N]> & {
    /** Of a session or an enrolment, where the endpoint asks for one. */
    readonly token?: string
    readonly headers?: Readonly<Record<string, string>>
  }

/** What it answers: a message, or the bytes of a pack or chunk as they arrive. */
export type CallOutput<N extends EndpointName> = Table[N]['response'] extends string
  ? AsyncIterable<Uint8Array>
  : Table[N]['response'] extends infer S extends TSchema
    ? Static<S>
    : never

/**
 * Rejects with Problem where the server refuses, Unreachable where no usable answer comes, the signal's reason
 * once it is aborted.
 */
export interface Calls {
  call<N extends EndpointName>(name: N, input: CallInput<N>): Promise<CallOutput<N>>
}

/** The entry of the table, in its general form. */
export function endpointOf(name: EndpointName): Endpoint {
  return ENDPOINTS[name]
}
