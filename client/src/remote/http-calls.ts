/** Calls over HTTP: CBOR both ways, problems parsed, answers bounded. */

import { CBOR_MAX_BYTES } from '@pileus/core/limits'
import { decodeMessage, encodeMessage, formatOf, MEDIA_TYPES } from '@pileus/core/protocol/codec'
import type { Endpoint } from '@pileus/core/protocol/endpoints'
import { PROBLEMS, Problem, type ProblemCode, ProblemMessage } from '@pileus/core/protocol/problem'
import type { Static, TSchema } from '@pileus/core/protocol/schema'
import { type CallInput, type CallOutput, type Calls, type EndpointName, endpointOf } from './calls.ts'
import { type Answer, type Exchange, readWhole, TooLong } from './exchange.ts'
import { Unreachable } from './remote.ts'
import { notPileus, unreachable } from './server.ts'

export interface HttpCallsOptions {
  /** As `parseServer` gives it. */
  readonly server: string
  readonly exchange: Exchange
  /** Ends every call in flight. */
  readonly signal?: AbortSignal
}

/** The server behind this address. One attempt for each call. */
export function httpCalls(options: HttpCallsOptions): Calls {
  return {
    async call<N extends EndpointName>(name: N, input: CallInput<N>): Promise<CallOutput<N>> {
      const endpoint = endpointOf(name)
      const answer = await send(options, endpoint, input)
      if (answer.status < 200 || answer.status > 299) throw await problemOf(options, answer)
      const schema: TSchema | 'pack' | 'chunk' = endpoint.response
      // The table's type and its value agree; the compiler cannot follow the index that far.
      if (typeof schema === 'string') return stream(options, answer) as CallOutput<N>
      return (await message(options, answer, schema)) as CallOutput<N>
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

function send(options: HttpCallsOptions, endpoint: Endpoint, input: AnyInput): Promise<Answer> {
  const packed = endpoint.request === 'pack'
  const sent = {
    method: endpoint.method,
    headers: {
      accept: MEDIA_TYPES.cbor,
      ...(input.body !== undefined && {
        'content-type': packed ? 'application/octet-stream' : MEDIA_TYPES.cbor,
      }),
      ...(input.token !== undefined && { authorization: `Bearer ${input.token}` }),
      ...input.headers,
    },
    ...(input.body !== undefined && {
      body: packed ? (input.body as readonly Uint8Array[]) : [encodeMessage(input.body, 'cbor')],
    }),
    ...(options.signal && { signal: options.signal }),
  }
  return answered(options, () => options.exchange(urlOf(options.server, endpoint.path, input), sent))
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
async function answered<T>(options: HttpCallsOptions, act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    options.signal?.throwIfAborted()
    throw error instanceof Unreachable ? error : unreachable(options.server, error)
  }
}

async function message<S extends TSchema>(
  options: HttpCallsOptions,
  answer: Answer,
  schema: S,
): Promise<Static<S>> {
  const format = formatOf(answer.header('content-type') ?? undefined)
  if (!format) {
    answer.cancel()
    throw notPileus(options.server)
  }
  const bytes = await readAll(options, answer)
  try {
    return decodeMessage(schema, format, bytes)
  } catch (error) {
    const text = `${options.server} answered with a message this version does not understand; update Pileus or the server`
    throw new Unreachable(text, error)
  }
}

async function problemOf(options: HttpCallsOptions, answer: Answer): Promise<Error> {
  const format = formatOf(answer.header('content-type') ?? undefined)
  if (!format) {
    answer.cancel()
    // What stands before the server (a proxy, a balancer) says so when it is away.
    if (answer.status >= 500)
      return new Unreachable(`${options.server} is not available (${answer.status}); try again later`)
    return notPileus(options.server)
  }
  let problem: ProblemMessage
  try {
    problem = decodeMessage(ProblemMessage, format, await readAll(options, answer))
  } catch (error) {
    if (error instanceof Problem) return notPileus(options.server, error)
    throw error
  }
  const seconds = Number.parseInt(answer.header('retry-after') ?? '', 10)
  return new Problem(
    Object.hasOwn(PROBLEMS, problem.code) ? (problem.code as ProblemCode) : 'internal',
    problem.detail ?? problem.title,
    {
      ...(problem.ids && { ids: problem.ids }),
      ...(seconds >= 0 && { retryAfterSeconds: seconds }),
    },
  )
}

function readAll(options: HttpCallsOptions, answer: Answer): Promise<Uint8Array> {
  return answered(options, async () => {
    try {
      return await readWhole(answer, 2 * CBOR_MAX_BYTES)
    } catch (error) {
      throw error instanceof TooLong ? notPileus(options.server, error) : error
    }
  })
}

async function* stream(options: HttpCallsOptions, answer: Answer): AsyncGenerator<Uint8Array> {
  const pieces = answer.body[Symbol.asyncIterator]()
  try {
    while (true) {
      const { done, value } = await answered(options, () => pieces.next())
      if (done) return
      yield value
    }
  } finally {
    // Frees the connection when whoever reads stops early; does nothing at the end.
    await pieces.return?.()
  }
}
