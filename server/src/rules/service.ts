/**
 * The service without a transport: HTTP routes and the simulator call the same function. Here, in one place for each
 * request, a token becomes a principal, the audience is checked, and membership of the zone (SRV-1 to SRV-6).
 */
import { PackMalformed } from '@pileus/core/content/pack'
import type { ZoneId } from '@pileus/core/ids/ids'
import { KeyRefused, LogRefused } from '@pileus/core/keys/refused'
import { checkMessage } from '@pileus/core/protocol/codec'
import { ENDPOINTS, type Endpoint, type EndpointName } from '@pileus/core/protocol/endpoints'
import { Problem } from '@pileus/core/protocol/problem'
import { BatchRefused, RecordRefused } from '@pileus/core/records/refused'
import type { Role } from '../accounts/accounts.ts'
import { BlobMissing } from '../blobs/blobs.ts'
import { DamagedStorage, EngineFenced, StorageFull } from '../engine-errors.ts'
import { accountHandlers } from './account-handlers.ts'
import type { AnswerOf, BodyOf, Call, Handlers, Principal, ZoneEndpoint } from './call.ts'
import { chunkHandlers } from './chunk-handlers.ts'
import type { Environment } from './environment.ts'
import { notFound } from './not-found.ts'
import { principalOf, sessionHandlers } from './sessions.ts'
import { signupHandlers } from './signup.ts'
import { zoneHandlers } from './zone-handlers.ts'
import { ZoneQueues } from './zone-queues.ts'
import { ZoneStates } from './zone-states.ts'

/** A request, its body decoded (protocol/codec.ts) and otherwise as it came. */
export interface ServiceRequest<K extends EndpointName> {
  /** Bearer token. */
  readonly token?: string | undefined
  readonly params?: unknown
  readonly query?: unknown
  /** By lower-case name. */
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly body: BodyOf<K>
  /** Where it came from, for rate limits. */
  readonly address?: string
}

export interface Service {
  /** Answers, or throws Problem. Whatever else it throws is a failure of the server. */
  call<K extends EndpointName>(name: K, request: ServiceRequest<K>): Promise<AnswerOf<K>>
}

/** The rules over these engines. */
export function createService(environment: Environment): Service {
  const context = { environment, states: new ZoneStates(), queues: new ZoneQueues() }
  const handlers: Handlers<EndpointName> = {
    ...sessionHandlers,
    ...accountHandlers,
    ...chunkHandlers,
    ...signupHandlers(context),
    ...zoneHandlers(context),
  }
  return {
    async call(name, request) {
      try {
        return await answer(environment, handlers, name, request)
      } catch (error) {
        throw asProblem(error)
      }
    },
  }
}

async function answer<K extends EndpointName>(
  environment: Environment,
  handlers: Handlers<EndpointName>,
  name: K,
  request: ServiceRequest<K>,
): Promise<AnswerOf<K>> {
  const endpoint: Endpoint = ENDPOINTS[name]
  const params = endpoint.params ? checkMessage(endpoint.params, request.params) : {}
  const query = endpoint.query ? checkMessage(endpoint.query, request.query) : {}
  const headers = request.headers ?? {}
  if (endpoint.headers) checkMessage(endpoint.headers, headers)
  const principal = await principalOf(environment, endpoint.audience === 'anyone' ? undefined : request.token)
  requireAudience(endpoint, principal)
  const access = await requireMember(environment, name, principal, params, request.body)
  const call = {
    environment,
    principal,
    params,
    query,
    headers,
    body: request.body,
    address: request.address ?? '',
  }
  // The table's types and these checks say the same; the compiler cannot follow a handler chosen by name.
  const handler = handlers[name] as (call: unknown) => Promise<AnswerOf<K>>
  return handler({ ...call, ...access } satisfies Omit<
    Call<EndpointName>,
    'principal' | 'params' | 'query' | 'body'
  >)
}

/** SRV-3. */
function requireAudience({ audience }: Endpoint, principal: Principal): void {
  if (audience === 'anyone') return
  if (principal.kind === 'anyone') throw new Problem('not-signed-in', 'this needs a session: sign in first')
  if (audience === 'device' && principal.kind === 'enrolment') {
    throw new Problem('not-allowed', 'this needs the session of a device: add this device first')
  }
}

const ZONE_ENDPOINTS: Readonly<Record<ZoneEndpoint, true>> = {
  zone: true,
  log: true,
  appendLog: true,
  writers: true,
  changes: true,
  history: true,
  steps: true,
  live: true,
  push: true,
  missing: true,
  putPack: true,
  fetch: true,
  directReads: true,
  chunk: true,
}

/** SRV-4, SRV-5: a zone is open to its members only; an enrolment opens the account zone alone. */
async function requireMember(
  { engines }: Environment,
  name: EndpointName,
  principal: Principal,
  params: unknown,
  body: unknown,
): Promise<{ zone: ZoneId; role: Role } | undefined> {
  if (!Object.hasOwn(ZONE_ENDPOINTS, name)) return undefined
  if (principal.kind === 'anyone') throw notFound()
  const { zone } = (name === 'push' ? body : params) as { zone: ZoneId }
  const member = await engines.accounts.membership(zone, principal.account)
  if (!member) throw notFound()
  if (principal.kind === 'enrolment') {
    const account = await engines.accounts.byId(principal.account)
    if (account?.accountZone !== zone) throw notFound()
  }
  return { zone, role: member.role }
}

/** More than devices wait for within one call: a move takes longer. */
const MOVING_RETRY_SECONDS = 60

/** Expected failures of what the rules call, as what the protocol says; others stay as they are. */
function asProblem(error: unknown): unknown {
  if (error instanceof RecordRefused || error instanceof BatchRefused)
    return new Problem('seal-refused', error.message)
  if (error instanceof KeyRefused || error instanceof LogRefused)
    return new Problem('seal-refused', error.message)
  if (error instanceof PackMalformed) return new Problem('chunk-corrupt', error.message)
  if (error instanceof StorageFull) {
    return new Problem(
      'storage-full',
      'the server has no room left: nothing was changed; its operator must make room',
    )
  }
  if (error instanceof EngineFenced) {
    return new Problem(
      'moving',
      "the server's data is being moved to other engines: it can be read, and nothing can be changed; try again later",
      { retryAfterSeconds: MOVING_RETRY_SECONDS },
    )
  }
  if (error instanceof DamagedStorage || error instanceof BlobMissing) {
    return new Problem(
      'damaged-storage',
      "stored bytes are damaged on the server's disk: its operator must look",
    )
  }
  return error
}
