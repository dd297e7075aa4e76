/** Calls over `fetch`: CBOR both ways, problems parsed, answers bounded. */

import { CBOR_MAX_BYTES } from '@pileus/core/limits'
import { decodeMessage, encodeMessage, formatOf, MEDIA_TYPES } from '@pileus/core/protocol/codec'
import type { Endpoint } from '@pileus/core/protocol/endpoints'
import { PROBLEMS, Problem, type ProblemCode, ProblemMessage } from '@pileus/core/protocol/problem'
import type { Static, TSchema } from '@pileus/core/protocol/schema'
import { type CallInput, type CallOutput, type Calls, type EndpointName, endpointOf } from './calls.ts'
import { Unreachable } from './remote.ts'
import { type Fetch, notPileus, type SendParts, unreachable } from './server.ts'

export interface FetchCallsOptions {
  /** As `parseServer` gives it. */
  readonly server: string
  readonly fetch: Fetch
  /** How this platform sends many bytes best; by `fetch`, which copies them, when it has no better way. */
  readonly sendParts?: SendParts
  /** Ends every call in flight. */
  readonly signal?: AbortSignal
}

/** The server behind this address. One attempt for each call. */
export function fetchCalls(options: FetchCallsOptions): Calls {
  return {
    async call<N extends EndpointName>(name: N, input: CallInput<N>): Promise<CallOutput<N>> {
      const endpoint = endpointOf(name)
      const response = await send(options, endpoint, input)
      if (!response.ok) throw await problemOf(options, response)
      const schema: TSchema | 'pack' | 'chunk' = endpoint.response
      // The table's type and its value agree; the compiler cannot follow the index that far.
      if (typeof schema === 'string') return stream(options, response) as CallOutput<N>
      return (await message(options, response, schema)) as CallOutput<N>
    },
  }
}

interface AnyInput {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: object
  readonly token?: string
  readonly headers?: Readonly<Record<string, string>>
}

async function send(options: FetchCallsOptions, endpoint: Endpoint, input: AnyInput): Promise<Response> {
  const { body } = input
  const packed = endpoint.request === 'pack'
  const type = packed ? 'application/octet-stream' : MEDIA_TYPES.cbor
  const init = {
    method: endpoint.method,
    headers: {
      accept: MEDIA_TYPES.cbor,
      ...(body !== undefined && { 'content-type': type }),
      ...(input.token !== undefined && { authorization: `Bearer ${input.token}` }),
      ...input.headers,
    },
    ...(options.signal && { signal: options.signal }),
  }
  const url = urlOf(options.server, endpoint.path, input)
  const sendParts = options.sendParts ?? sendByFetch(options.fetch)
  return answered(options, () => {
    if (packed && body !== undefined) return sendParts(url, init, body as readonly Uint8Array[])
    const sent = body === undefined ? {} : { body: encodeMessage(body, 'cbor') as Uint8Array<ArrayBuffer> }
    return options.fetch(url, { ...init, ...sent, redirect: 'error' })
  })
}

function sendByFetch(fetch: Fetch): SendParts {
  // A Blob keeps the parts apart and still tells the length, which the server reserves room by.
  return (url, init, parts) =>
    fetch(url, { ...init, redirect: 'error', body: new Blob(parts as Uint8Array<ArrayBuffer>[]) })
}

function urlOf(server: string, path: string, input: AnyInput): string {
  const filled = path.replace(/:([a-z]+)/g, (_, name: string) =>
    encodeURIComponent(input.params?.[name] ?? ''),
  )
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(input.query ?? {})) {
    if (value !== undefined) query.set(name, value)
  }
  const text = query.toString()
  return `${server}${filled}${text === '' ? '' : `?${text}`}`
}

/** Turns what the platform throws when the network fails into Unreachable. */
async function answered<T>(options: FetchCallsOptions, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    options.signal?.throwIfAborted()
    throw error instanceof Unreachable ? error : unreachable(options.server, error)
  }
}

async function message<S extends TSchema>(
  options: FetchCallsOptions,
  response: Response,
  schema: S,
): Promise<Static<S>> {
  const format = formatOf(response.headers.get('content-type') ?? undefined)
  if (!format) {
    await response.body?.cancel()
    throw notPileus(options.server)
  }
  const bytes = await readAll(options, response)
  try {
    return decodeMessage(schema, format, bytes)
  } catch (error) {
    const text = `${options.server} answered with a message this version does not understand; update Pileus or the server`
    throw new Unreachable(text, error)
  }
}

async function problemOf(options: FetchCallsOptions, response: Response): Promise<Error> {
  const format = formatOf(response.headers.get('content-type') ?? undefined)
  if (!format) {
    await response.body?.cancel()
    // What stands before the server (a proxy, a balancer) says so when it is away.
    if (response.status >= 500)
      return new Unreachable(`${options.server} is not available (${response.status}); try again later`)
    return notPileus(options.server)
  }
  let problem: ProblemMessage
  try {
    problem = decodeMessage(ProblemMessage, format, await readAll(options, response))
  } catch (error) {
    if (error instanceof Problem) return notPileus(options.server, error)
    throw error
  }
  const seconds = Number.parseInt(response.headers.get('retry-after') ?? '', 10)
  return new Problem(
    Object.hasOwn(PROBLEMS, problem.code) ? (problem.code as ProblemCode) : 'internal',
    problem.detail ?? problem.title,
    {
      ...(problem.ids && { ids: problem.ids }),
      ...(seconds >= 0 && { retryAfterSeconds: seconds }),
    },
  )
}

async function readAll(options: FetchCallsOptions, response: Response): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of stream(options, response)) {
    length += part.length
    if (length > 2 * CBOR_MAX_BYTES) throw notPileus(options.server)
    parts.push(part)
  }
  if (parts.length === 1) return parts[0]!
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

async function* stream(options: FetchCallsOptions, response: Response): AsyncGenerator<Uint8Array> {
  if (response.body === null) return
  const reader = response.body.getReader()
  try {
    while (true) {
      const { done, value } = await answered(options, () => reader.read())
      if (done) return
      yield value
    }
  } finally {
    // Frees the connection when whoever reads stops early; does nothing at the end.
    reader.cancel().catch(() => undefined)
  }
}
