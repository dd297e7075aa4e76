/**
 * The HTTP interface against its own description: requests are made from the OpenAPI document that the server hands out,
 * right in some parts and wrong in others. Whatever comes, the server answers with a status that the document names for
 * the operation, in a form that it names, and never with a failure of its own.
 */
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import type { CborValue } from '@pileus/core/bytes/cbor'
import { decodeMessage, encodeMessage, formatOf } from '@pileus/core/protocol/codec'
import { PROBLEMS, ProblemMessage } from '@pileus/core/protocol/problem'
import type { TSchema } from '@pileus/core/protocol/schema'
import type { Chance } from '../world/random.ts'
import { mutatedBytes, mutatedValue } from './mutate.ts'
import { sampleOf } from './sample.ts'
import type { Target } from './target.ts'

/** The parts of an OpenAPI document that are used here. */
interface Operation {
  readonly operationId: string
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required: boolean
    readonly schema: TSchema
  }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: TSchema }>> }
  readonly responses: Readonly<Record<string, unknown>>
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

export interface HttpOptions {
  readonly url: string
  /** Of a device that is signed in. */
  readonly token: string
  /** Texts that make sense in a path: the ids of the account's zones. */
  readonly known: readonly string[]
}

interface Request {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A target for each operation. Rejects with what the server answers for its description when that is none. */
export async function httpTargets(options: HttpOptions): Promise<Target[]> {
  const agent = new Agent({ keepAlive: true })
  const document = (await (await fetch(`${options.url}/api/v1/openapi.json`)).json()) as Document
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Target => {
      const { operationId: name, responses } = operation
      return {
        name: `HTTP ${name}`,
        refusals: [],
        share: 0.03,
        input: (chance) =>
          new TextEncoder().encode(JSON.stringify(made(chance, method, path, operation, options))),
        async read(bytes) {
          const request = JSON.parse(new TextDecoder().decode(bytes)) as Request
          const answer = await ask(options.url, agent, request)
          judge(answer, Object.keys(responses))
        },
      }
    }),
  )
}

function made(
  chance: Chance,
  method: string,
  template: string,
  operation: Operation,
  options: HttpOptions,
): Request {
  const { parameters = [], requestBody } = operation
  const path = template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const schema = parameters.find((one) => one.in === 'path' && one.name === name)!.schema
    return encodeURIComponent(chance.happens(0.5) ? chance.pick(options.known) : parameter(chance, schema))
  })
  const query = new URLSearchParams()
  const headers: Record<string, string> = {}
  for (const { name, schema, required, in: place } of parameters) {
    if (place === 'path' || chance.happens(required ? 0.1 : 0.5)) continue
    const value = parameter(chance, schema)
    if (place === 'query') query.append(name, value)
    else headers[name] = headerText(value)
  }
  if (chance.happens(0.1)) query.append('more', 'x')
  if (chance.happens(0.8))
    headers.authorization = `Bearer ${chance.happens(0.9) ? options.token : 'A'.repeat(43)}`
  if (chance.happens(0.3))
    headers.accept = chance.pick(['application/cbor', 'application/json', '*/*', 'text/html;q=x'])
  const content = requestBody && bodyOf(chance, requestBody.content)
  if (content) headers['content-type'] = content.type
  const text = query.toString()
  const body = Buffer.from(content?.bytes ?? []).toString('base64')
  return { method: method.toUpperCase(), path: text === '' ? path : `${path}?${text}`, headers, body }
}

const ODD_TEXTS = ['', '0', '-1', '9'.repeat(16), '1e3', '../x', '%00', 'é', "' OR 1=1 --", 'x'.repeat(2_000)]

function parameter(chance: Chance, schema: TSchema): string {
  return chance.happens(0.75) ? String(sampleOf(chance, schema)) : chance.pick(ODD_TEXTS)
}

/** What Node's client will send at all. */
function headerText(value: string): string {
  return value.replace(/[^\x20-\x7e]/g, '?')
}

/** Of the right form and wrong in a place, or of no form at all. */
function bodyOf(
  chance: Chance,
  content: Readonly<Record<string, { schema: TSchema }>>,
): { type: string; bytes: Uint8Array } {
  const type = chance.pick(Object.keys(content))
  const odd = chance.happens(0.05)
    ? chance.pick(['text/plain', 'application/xml', '', 'application/json; charset=latin1'])
    : type
  const schema = content[type]!.schema
  if (type === 'application/octet-stream') return { type: odd, bytes: chance.bytes(chance.below(400)) }
  const sample = sampleOf(chance, schema, type === 'application/cbor') as CborValue
  const value = chance.happens(0.7) ? mutatedValue(chance, sample) : sample
  const bytes = written(value, type === 'application/cbor' ? 'cbor' : 'json')
  return { type: odd, bytes: chance.happens(0.2) ? mutatedBytes(chance, [bytes]) : bytes }
}

function written(value: CborValue, format: 'cbor' | 'json'): Uint8Array {
  try {
    return encodeMessage(value as object, format)
  } catch {
    return new TextEncoder().encode(JSON.stringify(value))
  }
}

interface Answer {
  readonly status: number
  readonly type: string | undefined
  readonly bytes: Uint8Array
}

async function ask(url: string, agent: Agent, { method, path, headers, body }: Request): Promise<Answer> {
  const bytes = Buffer.from(body, 'base64')
  const length =
    bytes.length > 0 || method === 'POST' || method === 'PUT'
      ? { 'content-length': String(bytes.length) }
      : {}
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const request = httpRequest(
    `${url}${path}`,
    { method, agent, headers: { ...headers, ...length }, timeout: 30_000 },
    resolve,
  )
  request.on('error', reject)
  request.on('timeout', () => request.destroy(new Error('no answer within 30 s')))
  request.end(bytes)
  const response = await promise
  const parts: Uint8Array[] = []
  for await (const part of response) parts.push(part as Uint8Array)
  return { status: response.statusCode!, type: response.headers['content-type'], bytes: Buffer.concat(parts) }
}

/** A status that the description does not name is one of its default answers: a problem of the request. */
function judge({ status, type, bytes }: Answer, documented: readonly string[]): void {
  const named = documented.includes(String(status))
  if (!named && (status < 400 || !documented.includes('default')))
    throw new Error(`answered ${status}, which the description does not name`)
  if (status >= 500)
    throw new Error(`answered ${status}: ${Buffer.from(bytes).toString('utf8').slice(0, 300)}`)
  if (status < 400) return
  const format = formatOf(type)
  if (!format) throw new Error(`answered ${status} as ${type}, which is no problem document`)
  const problem = decodeMessage(ProblemMessage, format, bytes)
  if (!Object.hasOwn(PROBLEMS, problem.code) || problem.status !== status)
    throw new Error(`answered ${status} with the problem ${problem.code} of status ${problem.status}`)
}
