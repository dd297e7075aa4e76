/**
 * The way between one process of a device and the server: each message is encoded, takes its time, may be lost before or
 * after the server acted, may come twice and late, and an answer may break off.
 */
import type { CallInput, CallOutput, Calls, EndpointName } from '@pileus/client/remote/calls'
import { Unreachable } from '@pileus/client/remote/remote'
import { decodeMessage, encodeMessage } from '@pileus/core/protocol/codec'
import { ENDPOINTS, type Endpoint } from '@pileus/core/protocol/endpoints'
import { Problem } from '@pileus/core/protocol/problem'
import type { TSchema } from '@pileus/core/protocol/schema'
import type { PackAnswer } from '@pileus/server/rules/call'
import type { Chance } from '../world/random.ts'
import type { SimulatedServer } from './server.ts'
import { never, type Timeline } from './timeline.ts'

/** How bad a line is. Shares are of calls, 0 to 1. */
export interface Weather {
  /** Milliseconds that a message takes at most. */
  delayMs: number
  lostRequest: number
  lostAnswer: number
  /** Requests that arrive when nobody waits for their answer any more. */
  late: number
  /** Requests that arrive a second time, at once or later. */
  doubled: number
  /** Answers that break off after they began. */
  cutAnswer: number
  /** No message passes at all. */
  cutOff: boolean
  /** Nothing that is pushed arrives; all else does. */
  mute: boolean
}

export const FAIR: Weather = {
  delayMs: 0,
  lostRequest: 0,
  lostAnswer: 0,
  late: 0,
  doubled: 0,
  cutAnswer: 0,
  cutOff: false,
  mute: false,
}

export interface LineParts {
  readonly timeline: Timeline
  readonly server: SimulatedServer
  readonly chance: Chance
  readonly weather: () => Weather
  /** Whether the process is still there; what a dead one waits for never comes. */
  readonly alive: () => boolean
  /** Sees what is sent: oracles look for what the server must not learn. */
  readonly sent: (name: EndpointName, bytes: Uint8Array) => void
  /** A call and what became of it, for the trace. */
  readonly note: (what: string) => void
  readonly failed: (error: unknown) => void
}

/** Their answer is used up by the first that asks; nothing in the protocol sends them twice. */
const ONCE_ONLY: ReadonlySet<EndpointName> = new Set(['deviceLogin', 'loginFinish', 'recoveryProof'])
const LATE_MS = 5_000

export function simulatedCalls(parts: LineParts): Calls {
  const { timeline, chance, weather, alive, note } = parts
  const travel = async (most: number) => {
    if (most > 0) await timeline.sleep(Math.ceil(most * chance.fraction()))
    if (!alive()) await never()
  }
  return {
    async call<N extends EndpointName>(name: N, input: CallInput<N>): Promise<CallOutput<N>> {
      if (!alive()) return never()
      const { delayMs, lostRequest, doubled, cutAnswer, cutOff, ...rest } = weather()
      const request = encoded(parts, name, input)
      const lost = (why: string): Unreachable => {
        note(`${name}: ${why}`)
        return new Unreachable(why)
      }
      await travel(delayMs)
      if (cutOff || weather().cutOff) throw lost('no way to the server')
      if (name === 'push' && rest.mute) throw lost('what is pushed does not arrive')
      if (chance.happens(lostRequest)) throw lost('the request was lost')
      // Nobody waits for the answer to the copy, nor hears why there is none.
      const again = () => void deliver(parts, name, request).catch(() => undefined)
      if (!ONCE_ONLY.has(name) && chance.happens(rest.late)) {
        timeline.after(LATE_MS * chance.fraction(), again)
        throw lost('nobody waits for it any more')
      }
      if (!ONCE_ONLY.has(name) && chance.happens(doubled)) {
        note(`${name}: comes twice`)
        if (delayMs > 0 && chance.happens(0.7)) timeline.after(LATE_MS * chance.fraction(), again)
        else again()
      }
      let answer: unknown
      const { life } = parts.server
      try {
        answer = await deliver(parts, name, request)
        note(name)
      } catch (error) {
        await travel(delayMs)
        note(`${name}: ${error instanceof Problem ? error.code : String(error)}`)
        throw error
      }
      await travel(delayMs)
      if (weather().cutOff) throw lost('the connection broke')
      if (chance.happens(rest.lostAnswer)) throw lost('the answer was lost')
      return received(parts, life, name, answer, chance.happens(cutAnswer)) as CallOutput<N>
    },
  }
}

interface Request {
  readonly endpoint: Endpoint
  readonly rest: { readonly params: unknown; readonly query: unknown; readonly token: string | undefined }
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | undefined
}

function encoded<N extends EndpointName>({ sent }: LineParts, name: N, input: CallInput<N>): Request {
  const endpoint: Endpoint = ENDPOINTS[name]
  const { params, query, body, token, headers } = input as {
    readonly params?: unknown
    readonly query?: unknown
    readonly body?: object
    readonly token?: string
    readonly headers?: Readonly<Record<string, string>>
  }
  const isPack = endpoint.request === 'pack'
  const bytes =
    body === undefined || endpoint.request === undefined
      ? undefined
      : isPack
        ? new Uint8Array(Buffer.concat(body as readonly Uint8Array[]))
        : encodeMessage(body, 'cbor')
  if (bytes) sent(name, bytes)
  if (params ?? query) sent(name, new TextEncoder().encode(JSON.stringify([params, query])))
  const length = isPack ? { 'content-length': String(bytes!.length) } : {}
  return {
    endpoint,
    rest: { params: params ?? {}, query: query ?? {}, token },
    headers: { ...length, ...headers },
    body: bytes,
  }
}

async function deliver(
  { server, failed }: LineParts,
  name: EndpointName,
  { endpoint, rest, headers, body }: Request,
): Promise<unknown> {
  const given =
    body === undefined
      ? undefined
      : endpoint.request === 'pack'
        ? pieceOf(body)
        : decodeMessage(endpoint.request as TSchema, 'cbor', body)
  const request = { ...rest, headers, body: given, address: '127.0.0.1' }
  try {
    // The table says what each endpoint takes and answers; a call by name is past what the compiler follows.
    const answer: unknown = await server.call(
      name,
      request as unknown as Parameters<SimulatedServer['call']>[1],
    )
    if (endpoint.response === 'pack' || endpoint.response === 'chunk') return answer
    return encodeMessage(answer as object, 'cbor')
  } catch (error) {
    if (error instanceof Unreachable || error instanceof Problem) throw error
    failed(error)
    throw new Problem('internal', 'the server failed')
  }
}

function received(
  { server, alive }: LineParts,
  life: number,
  name: EndpointName,
  answer: unknown,
  cut: boolean,
): unknown {
  const endpoint: Endpoint = ENDPOINTS[name]
  if (endpoint.response === 'pack') return copies(server, life, (answer as PackAnswer).pieces, cut, alive)
  if (endpoint.response === 'chunk') return pieceOf((answer as { bytes: Uint8Array }).bytes)
  if (cut) throw new Unreachable('the answer broke off', undefined, true)
  return decodeMessage(endpoint.response as TSchema, 'cbor', answer as Uint8Array)
}

/** The server uses the memory of a piece again; what a device received is its own. */
async function* copies(
  server: SimulatedServer,
  life: number,
  parts: AsyncIterable<Uint8Array>,
  cut: boolean,
  alive: () => boolean,
): AsyncGenerator<Uint8Array> {
  const pieces = parts[Symbol.asyncIterator]()
  for (;;) {
    if (server.life !== life) throw new Unreachable('the connection broke', undefined, true)
    const next = await server.whileUp(pieces.next())
    if (!alive()) await never()
    if (next.done) return
    if (!cut) {
      yield new Uint8Array(next.value)
      continue
    }
    yield new Uint8Array(next.value.subarray(0, Math.ceil(next.value.length / 2)))
    throw new Unreachable('the answer broke off', undefined, true)
  }
}

async function* pieceOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
