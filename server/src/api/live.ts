/** The live channel over WebSockets: who may listen is the service's to say, how long and how fast is decided here. */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { LIVE_HEARTBEAT_SECONDS, LIVE_UNREAD_MAX_BYTES } from '@pileus/core/limits'
import { encodeMessage } from '@pileus/core/protocol/codec'
import { ENDPOINTS } from '@pileus/core/protocol/endpoints'
import { LIVE_CLOSE } from '@pileus/core/protocol/live'
import { Problem } from '@pileus/core/protocol/problem'
import { type WebSocket, WebSocketServer } from 'ws'
import type { LiveAnswer } from '../rules/call.ts'
import type { Service } from '../rules/service.ts'
import { problemHeaders, problemMessage, problemOf } from './problems.ts'

const SUBSCRIBERS_MAX = 10_000
const SUBSCRIBERS_PER_DEVICE_MAX = 32
/** Devices only listen: a frame from one is a mistake. */
const RECEIVED_MAX_BYTES = 1_024
/** How long a closing handshake may take before the connection is cut. */
const CLOSING_MS = 500
const PATH = new RegExp(`^${ENDPOINTS.live.path.replace(':zone', '([^/]+)')}$`)

export interface LiveGateway {
  /** Closes every channel and refuses new ones. */
  close(): Promise<void>
}

export interface LiveOptions {
  readonly service: Service
  readonly newRequestId: () => string
  readonly failed: (what: string, error: unknown) => void
  readonly heartbeatSeconds?: number
}

interface Subscriber {
  readonly socket: WebSocket
  readonly answer: LiveAnswer
  /** A pong came since the last heartbeat. */
  alive: boolean
}

/** Answers upgrades of this HTTP server. */
export function mountLive(server: Server, options: LiveOptions): LiveGateway {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: RECEIVED_MAX_BYTES,
    perMessageDeflate: false,
  })
  const subscribers = new Set<Subscriber>()
  let stopping = false

  server.on('upgrade', (request, stream, head) => {
    stream.on('error', () => stream.destroy())
    admit(request)
      .then((answer) => sockets.handleUpgrade(request, stream, head, (socket) => serve(socket, answer)))
      .catch((error) => refuse(stream, error, options))
  })

  async function admit(request: IncomingMessage): Promise<LiveAnswer> {
    if (stopping)
      throw new Problem('shutting-down', 'the server is stopping: try again in a moment', {
        retryAfterSeconds: 5,
      })
    const zone = PATH.exec((request.url ?? '').split('?', 1)[0]!)?.[1]
    if (zone === undefined)
      throw new Problem('not-found', 'there is no such channel: see /api/v1/openapi.json')
    const header = request.headers.authorization
    const token = header === undefined ? undefined : (/^Bearer +(\S+)$/i.exec(header)?.[1] ?? '')
    const answer = await options.service.call('live', { token, params: { zone }, body: undefined })
    const own = [...subscribers].filter((other) => other.answer.device === answer.device).length
    if (subscribers.size >= SUBSCRIBERS_MAX || own >= SUBSCRIBERS_PER_DEVICE_MAX) {
      throw new Problem(
        'too-many-requests',
        'too many live channels are open: close some, or ask without one',
        {
          retryAfterSeconds: LIVE_HEARTBEAT_SECONDS,
        },
      )
    }
    return answer
  }

  function serve(socket: WebSocket, answer: LiveAnswer): void {
    const subscriber: Subscriber = { socket, answer, alive: true }
    subscribers.add(subscriber)
    let leave: (() => void) | null = null
    let closed = false
    socket.on('close', () => {
      closed = true
      subscribers.delete(subscriber)
      leave?.()
    })
    socket.on('error', () => socket.terminate())
    socket.on('pong', () => {
      subscriber.alive = true
    })
    socket.on('message', () => socket.close(1008, 'only the server speaks here'))
    // Subscribed before the first head is told, so that no commit falls between the two.
    answer
      .subscribe(
        (message) => tell(socket, message),
        // A heartbeat names the head: whoever is behind it reads what it missed.
        () => void beat(subscriber),
      )
      .then((left) => {
        leave = left
        if (closed) left()
        else return beat(subscriber)
      })
      .catch((error) => {
        options.failed('live', error)
        socket.terminate()
      })
  }

  async function beat({ socket, answer }: Subscriber): Promise<void> {
    try {
      tell(socket, await answer.heartbeat())
    } catch (error) {
      if (error instanceof Problem) socket.close(LIVE_CLOSE.ended, error.code)
      else {
        options.failed('live', error)
        socket.terminate()
      }
    }
  }

  const timer = setInterval(
    () => {
      for (const subscriber of subscribers) {
        // Nothing came back since the last one: nobody is there any more.
        if (!subscriber.alive) subscriber.socket.terminate()
        else {
          subscriber.alive = false
          subscriber.socket.ping()
          void beat(subscriber)
        }
      }
    },
    1_000 * (options.heartbeatSeconds ?? LIVE_HEARTBEAT_SECONDS),
  )
  timer.unref()

  return {
    async close() {
      stopping = true
      clearInterval(timer)
      const open = [...subscribers].map(({ socket }) => closeInOrder(socket))
      await Promise.all(open)
    },
  }
}

/** A reader that does not keep up is dropped: it catches up by cursor when it is back. */
function tell(socket: WebSocket, message: Uint8Array): void {
  if (socket.readyState !== socket.OPEN) return
  if (socket.bufferedAmount + message.length > LIVE_UNREAD_MAX_BYTES) socket.terminate()
  else socket.send(message)
}

function closeInOrder(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => socket.terminate(), CLOSING_MS)
    socket.once('close', () => {
      clearTimeout(cut)
      resolve()
    })
    socket.close(LIVE_CLOSE.stopping, 'stopping')
  })
}

/** The problem as an HTTP answer, since there is no WebSocket yet to close with a code. */
function refuse(stream: Duplex, error: unknown, options: LiveOptions): void {
  if (!(error instanceof Problem)) options.failed('live', error)
  const problem = problemOf(error, options.newRequestId())
  const body = Buffer.from(encodeMessage(problemMessage(problem), 'json'))
  const headers = {
    ...problemHeaders(problem),
    'content-type': 'application/problem+json',
    'content-length': String(body.length),
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  stream.end(
    Buffer.concat([Buffer.from(`HTTP/1.1 ${problem.status} Refused\r\n${lines.join('')}\r\n`), body]),
  )
}
