/** HTTP: mounts the protocol's table on the service, and what an operator and a browser ask besides. */
import type { Socket } from 'node:net'
import { acceptedFormat, encodeMessage, type Format, MEDIA_TYPES } from '@pileus/core/protocol/codec'
import { ENDPOINTS, type Endpoint, type EndpointName } from '@pileus/core/protocol/endpoints'
import { Problem } from '@pileus/core/protocol/problem'
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify'
import type { Metrics } from '../observe/metrics.ts'
import type { BodyOf, ChunkAnswer, PackAnswer } from '../rules/call.ts'
import type { Service, ServiceRequest } from '../rules/service.ts'
import { answerFormat, discardBody, readBody } from './bodies.ts'
import { mountLive } from './live.ts'
import { type Health, mountOperations } from './operations.ts'
import { OCTETS, sendPack } from './pack-answers.ts'
import { problemHeaders, problemMessage, problemOf } from './problems.ts'

/** How long one request may take to arrive. */
const REQUEST_TIMEOUT_MS = 300_000

export interface GatewayOptions {
  readonly service: Service
  readonly metrics: Metrics
  readonly health: Health
  readonly logger: FastifyBaseLogger
  /** As Fastify's trustProxy; '' for none. */
  readonly trustedProxies: string
  readonly newRequestId: () => string
  readonly version: string
  /** Between two heartbeats of a live channel; the protocol's unless given. */
  readonly heartbeatSeconds?: number
}

export interface Gateway {
  readonly app: FastifyInstance
  /** From now on new requests are refused with 'shutting-down'; live channels are closed. */
  stopAccepting(): Promise<void>
}

/** The routes, not yet listening. */
export function createGateway(options: GatewayOptions): Gateway {
  let stopping = false
  const app = Fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: options.newRequestId,
    trustProxy: options.trustedProxies || false,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply),
    clientErrorHandler: refuseSocket,
    schemaController: { compilersFactory: { buildValidator: unused, buildSerializer: unused } },
  })
  app.removeAllContentTypeParsers()
  // Bodies stay streams here: `readBody` bounds and reads them.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff')
    if (!stopping) return
    reply.header('connection', 'close')
    throw new Problem('shutting-down', 'the server is stopping: try again in a moment', {
      retryAfterSeconds: 5,
    })
  })
  app.addHook('onResponse', async (request, reply) => report(options, request, reply))
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply))
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      new Problem('not-found', 'there is no such endpoint: see /api/v1/openapi.json'),
      request,
      reply,
    ),
  )
  for (const name of Object.keys(ENDPOINTS) as EndpointName[]) mount(app, options.service, name)
  mountOperations(app, options)
  const live = mountLive(app.server, {
    service: options.service,
    newRequestId: options.newRequestId,
    failed: (what, error) => options.metrics.failed(what, error),
    ...(options.heartbeatSeconds !== undefined && { heartbeatSeconds: options.heartbeatSeconds }),
  })
  return {
    app,
    stopAccepting() {
      stopping = true
      return live.close()
    },
  }
}

/** Messages are checked and written by their codec. Fastify's own compilers are a hundred modules, which every start would load. */
function unused(): never {
  throw new Error('no route has a schema of Fastify')
}

function mount(app: FastifyInstance, service: Service, name: EndpointName): void {
  const endpoint: Endpoint = ENDPOINTS[name]
  app.route({
    method: endpoint.method,
    url: endpoint.path,
    handler: async (request, reply) => {
      // Upgrades do not come here.
      if (endpoint.response === 'live')
        throw new Problem('malformed-request', 'this is a WebSocket: ask for an upgrade')
      const body = await readBody(endpoint, request.raw)
      const call: ServiceRequest<EndpointName> = {
        token: tokenOf(request),
        params: request.params,
        query: { ...(request.query as object) },
        headers: plainHeaders(request),
        body: body as BodyOf<EndpointName>,
        address: request.ip,
      }
      const answer = (await service.call(name, call)) as object
      return send(endpoint, answer, request, reply)
    },
  })
}

function send(
  endpoint: Endpoint,
  answer: object,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (endpoint.response === 'chunk') {
    const { status, headers, bytes } = answer as ChunkAnswer
    return reply.code(status).headers(headers).type(OCTETS).send(asBuffer(bytes))
  }
  reply.header('cache-control', 'no-store')
  if (endpoint.response === 'pack') {
    sendPack(answer as PackAnswer, request, reply)
    return reply
  }
  return sendMessage(answer, wantedFormat(request), reply)
}

/** Sends a message in this format. */
function sendMessage(message: object, format: Format, reply: FastifyReply): FastifyReply {
  return reply.type(MEDIA_TYPES[format]).send(asBuffer(encodeMessage(message, format)))
}

/** The bytes without copying them; Fastify sends a plain Uint8Array as JSON. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function wantedFormat(request: FastifyRequest): Format {
  const { accept } = request.headers
  const undecided = accept === undefined || accept.includes('*/*')
  return answerFormat(undecided ? undefined : acceptedFormat(accept), request.raw)
}

function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(asOwn(error), request.id)
  logFailure(error, problem, request)
  discardBody(request.raw)
  const format = wantedFormat(request)
  const type = format === 'cbor' ? MEDIA_TYPES.cbor : 'application/problem+json'
  return reply
    .code(problem.status)
    .headers(problemHeaders(problem))
    .type(type)
    .send(asBuffer(encodeMessage(problemMessage(problem), format)))
}

/** What the operator must know; a refusal that was foreseen shows in the request's own line. */
function logFailure(error: unknown, { code, status, message }: Problem, request: FastifyRequest): void {
  // Such a request gets no line of its own: nobody hears the answer.
  if (request.raw.destroyed && !request.raw.complete)
    request.log.info({ code, route: request.routeOptions.url }, message)
  if (status < 500 || code === 'shutting-down' || code === 'quota-exceeded') return
  const route = request.routeOptions.url
  if (code === 'storage-full') request.log.warn({ code, route }, message)
  else request.log.error({ err: error, code, route }, 'request failed')
}

/** What is not HTTP at all: there is no request yet to answer to. Most of these are connections that went away. */
function refuseSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const problem = new Problem('malformed-request', 'the request is not HTTP that this server takes')
  const body = encodeMessage(problemMessage(problem), 'json')
  socket.end(
    `HTTP/1.1 ${problem.status} Bad Request\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${Buffer.from(body).toString('utf8')}`,
  )
}

/** Fastify's own refusals of a request (a malformed URL, a header too large) are the caller's mistakes. */
function asOwn(error: unknown): unknown {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
  if (error instanceof Problem || status >= 500) return error
  return new Problem('malformed-request', 'the request is not HTTP that this server takes')
}

function tokenOf(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization
  return header === undefined ? undefined : (/^Bearer +(\S+)$/i.exec(header)?.[1] ?? '')
}

function plainHeaders(request: FastifyRequest): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(',') : value,
    ]),
  )
}

/** One line for each request: the route as declared, never the address with its parameters. */
function report({ metrics }: GatewayOptions, request: FastifyRequest, reply: FastifyReply): void {
  const route = request.routeOptions.url ?? 'unknown'
  const milliseconds = reply.elapsedTime
  metrics.request(request.method, route, reply.statusCode, milliseconds / 1_000)
  const status = reply.statusCode
  request.log.info(
    { method: request.method, route, status, milliseconds: Math.round(milliseconds * 10) / 10 },
    'request',
  )
}
