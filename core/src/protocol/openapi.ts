/** The protocol as an OpenAPI 3.1 description, made from the same table the server mounts. */
import { MEDIA_TYPES } from './codec.ts'
import { ENDPOINTS, type Endpoint } from './endpoints.ts'
import { PROBLEMS, type ProblemCode, ProblemMessage } from './problem.ts'
import type { TSchema } from './schema.ts'

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
type JsonObject = { readonly [key: string]: Json }

/** Packs and chunks are bytes as they rest; see content/pack.ts. */
const OCTETS: JsonObject = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } }

/** What any endpoint may answer. */
const COMMON_PROBLEMS: readonly ProblemCode[] = ['malformed-request', 'internal', 'shutting-down', 'moving']
const SIGNED_IN_PROBLEMS: readonly ProblemCode[] = [
  'not-signed-in',
  'device-removed',
  'not-allowed',
  'not-found',
]
const BODY_PROBLEMS: readonly ProblemCode[] = ['body-too-large', 'unsupported-media-type']

/** The description served at /api/v1/openapi.json: plain JSON values, a new object on each call. */
export function openapi(): JsonObject {
  const paths: Record<string, Record<string, Json>> = {}
  for (const [name, endpoint] of Object.entries<Endpoint>(ENDPOINTS)) {
    const path = endpoint.path.replace(/:([a-z]+)/g, '{$1}')
    paths[path] ??= {}
    paths[path][endpoint.method.toLowerCase()] = operation(name, endpoint)
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Pileus',
      version: '1',
      license: { name: 'AGPL-3.0-or-later', identifier: 'AGPL-3.0-or-later' },
      description:
        'Bodies are JSON or CBOR (RFC 8949), by Content-Type and Accept. Byte strings are base64url without ' +
        'padding in JSON and byte strings in CBOR. Names, keys and content arrive sealed by devices.',
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: {
        session: { type: 'http', scheme: 'bearer', description: 'A session of a certified device' },
        enrolment: { type: 'http', scheme: 'bearer', description: 'A proof of the password or the phrase' },
      },
      schemas: { Problem: jsonSchema(ProblemMessage) },
      responses: problemResponses(),
    },
  }
}

function operation(name: string, endpoint: Endpoint): JsonObject {
  const body = endpoint.request
  return {
    operationId: name,
    summary: endpoint.summary,
    security: security(endpoint),
    ...parameters(endpoint),
    ...(body && {
      requestBody: {
        required: true,
        description: `At most ${endpoint.maxBodyBytes} bytes`,
        content: content(body),
      },
    }),
    responses: {
      ...success(endpoint.response),
      ...(endpoint.response === 'chunk' && {
        206: { description: 'The range that was asked for', content: OCTETS },
      }),
      ...problemReferences(endpoint),
    },
  }
}

function success(response: Endpoint['response']): JsonObject {
  if (response === 'live') return { 101: { description: 'The connection is a WebSocket from here on' } }
  return { 200: { description: 'Done', content: content(response) } }
}

function security(endpoint: Endpoint): Json {
  switch (endpoint.audience) {
    case 'anyone':
      return []
    case 'enrolment':
      return [{ enrolment: [] }, { session: [] }]
    case 'device':
      return [{ session: [] }]
  }
}

function parameters(endpoint: Endpoint): JsonObject {
  const list = [
    ...parametersIn('path', endpoint.params),
    ...parametersIn('query', endpoint.query),
    ...parametersIn('header', endpoint.headers),
    ...(endpoint.response === 'chunk'
      ? [{ name: 'range', in: 'header', required: false, schema: { type: 'string' } }]
      : []),
  ]
  return list.length > 0 ? { parameters: list } : {}
}

function parametersIn(place: 'path' | 'query' | 'header', schema: TSchema | undefined): JsonObject[] {
  if (!schema) return []
  const { properties = {}, required = [] } = schema as {
    properties?: Record<string, TSchema>
    required?: readonly string[]
  }
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: jsonSchema(property),
  }))
}

function content(body: TSchema | 'pack' | 'chunk'): JsonObject {
  if (typeof body === 'string') return OCTETS
  const schema = jsonSchema(body)
  return { [MEDIA_TYPES.json]: { schema }, [MEDIA_TYPES.cbor]: { schema } }
}

/** One response for each status, naming the codes it can carry. */
function problemResponses(): JsonObject {
  const responses: Record<string, Json> = {}
  for (const [status, codes] of byStatus(Object.keys(PROBLEMS) as ProblemCode[])) {
    responses[`Problem${status}`] = {
      description: codes.map((code) => `${code}: ${PROBLEMS[code][1]}`).join('. '),
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
    }
  }
  return responses
}

function problemReferences(endpoint: Endpoint): JsonObject {
  const codes = [
    ...COMMON_PROBLEMS,
    ...(endpoint.audience === 'anyone' ? [] : SIGNED_IN_PROBLEMS),
    ...(endpoint.request ? BODY_PROBLEMS : []),
  ]
  const named = [...byStatus(codes).keys()].map((status) => [
    status,
    { $ref: `#/components/responses/Problem${status}` },
  ])
  const others = {
    description: 'Any other problem, told apart by its code',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  }
  return { ...Object.fromEntries(named), default: others }
}

function byStatus(codes: readonly ProblemCode[]): Map<number, ProblemCode[]> {
  const groups = new Map<number, ProblemCode[]>()
  for (const code of codes) {
    const status = PROBLEMS[code][0]
    groups.set(status, [...(groups.get(status) ?? []), code])
  }
  return groups
}

/** A schema of ours as JSON Schema: byte strings become the text that stands for them in JSON. */
function jsonSchema(schema: TSchema): JsonObject {
  const plain = JSON.parse(JSON.stringify(schema)) as JsonObject
  return rewrite(plain) as JsonObject
}

function rewrite(value: Json): Json {
  if (Array.isArray(value)) return value.map(rewrite)
  if (typeof value !== 'object' || value === null) return value
  const object = value as JsonObject
  if (object['x-bytes'] === true) return byteString(object)
  return Object.fromEntries(Object.entries(object).map(([key, item]) => [key, rewrite(item)]))
}

function byteString(schema: JsonObject): JsonObject {
  const { 'x-bytes': _, 'x-min-bytes': min, 'x-max-bytes': max, ...rest } = schema
  return {
    type: 'string',
    contentMediaType: 'application/octet-stream',
    ...rest,
    minLength: Math.ceil((Number(min) * 4) / 3),
    maxLength: Math.ceil((Number(max) * 4) / 3),
    pattern: '^[A-Za-z0-9_-]*$',
  }
}
