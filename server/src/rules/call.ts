/** One request to one endpoint, checked and decoded; and what answers it. */
import type { AccountId, DeviceId, Digest, ZoneId } from '@pileus/core/ids/ids'
import type { ENDPOINTS, EndpointName } from '@pileus/core/protocol/endpoints'
import type { Static, TSchema } from '@pileus/core/protocol/schema'
import type { Role } from '../accounts/accounts.ts'
import type { Environment } from './environment.ts'

type Table = typeof ENDPOINTS

/** Who calls, once the token is known to stand for them. */
export type Principal =
  | { readonly kind: 'anyone' }
  | { readonly kind: 'enrolment'; readonly account: AccountId; readonly tokenHash: Digest }
  | {
      readonly kind: 'device'
      readonly account: AccountId
      readonly device: DeviceId
      readonly tokenHash: Digest
    }

export type SignedIn = Exclude<Principal, { kind: 'anyone' }>
export type DevicePrincipal = Extract<Principal, { kind: 'device' }>

type PrincipalOf<K extends EndpointName> = Table[K]['audience'] extends 'device'
  ? DevicePrincipal
  : Table[K]['audience'] extends 'enrolment'
    ? SignedIn
    : Principal

type Part<K extends EndpointName, P extends 'params' | 'query'> =
  Table[K] extends Record<P, infer S>
    ? S extends TSchema
      ? Static<S>
      : Record<string, never>
    : Record<string, never>

/** A pack arrives as its bytes, in pieces. */
export type BodyOf<K extends EndpointName> = Table[K] extends { readonly request: infer S }
  ? S extends 'pack'
    ? AsyncIterable<Uint8Array>
    : S extends TSchema
      ? Static<S>
      : never
  : undefined

/** A stored chunk, or a part of it, or the news that it did not change. */
export interface ChunkAnswer {
  readonly status: 200 | 206 | 304 | 416
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Uint8Array
}

/** A pack leaves as its bytes, in pieces; a failure in the middle cuts it. */
export interface PackAnswer {
  /** Of the whole pack. */
  readonly bytes: number
  /** Each is the reader's until it asks for the next: the memory is used again then. */
  readonly pieces: AsyncIterable<Uint8Array>
}

/** What a WebSocket of this zone is told; the transport moves it. */
export interface LiveAnswer {
  /** Whose connection it is, to bound how many one device has. */
  readonly device: DeviceId
  /**
   * Calls `listener` with each announcement as it is published, until the returned function is called; calls `missed`
   * when some may have been lost.
   */
  subscribe(listener: (message: Uint8Array) => void, missed: () => void): Promise<() => void>
  /** An announcement of the present head, without news. Rejects with Problem once the caller may not hear it. */
  heartbeat(): Promise<Uint8Array>
}

export type AnswerOf<K extends EndpointName> = Table[K]['response'] extends 'chunk'
  ? ChunkAnswer
  : Table[K]['response'] extends 'pack'
    ? PackAnswer
    : Table[K]['response'] extends 'live'
      ? LiveAnswer
      : Table[K]['response'] extends TSchema
        ? Static<Table[K]['response']>
        : never

export interface Call<K extends EndpointName> {
  readonly environment: Environment
  readonly principal: PrincipalOf<K>
  readonly params: Part<K, 'params'>
  readonly query: Part<K, 'query'>
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: BodyOf<K>
  /** Where the request came from; '' when nobody knows. */
  readonly address: string
}

/** A call to an endpoint of one zone, by a member of it. */
export interface ZoneCall<K extends EndpointName> extends Call<K> {
  readonly zone: ZoneId
  readonly role: Role
}

/** Endpoints of one zone: membership is checked before they are called. */
export type ZoneEndpoint =
  | 'zone'
  | 'log'
  | 'appendLog'
  | 'writers'
  | 'changes'
  | 'history'
  | 'steps'
  | 'live'
  | 'push'
  | 'missing'
  | 'putPack'
  | 'fetch'
  | 'directReads'
  | 'chunk'

export type Handler<K extends EndpointName> = (
  call: K extends ZoneEndpoint ? ZoneCall<K> : Call<K>,
) => Promise<AnswerOf<K>>

export type Handlers<K extends EndpointName> = { readonly [N in K]: Handler<N> }
