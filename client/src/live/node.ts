/** The live line over a WebSocket. */
import { LIVE_NEWS_MAX_BYTES } from '@pileus/core/limits'
import { decodeMessage } from '@pileus/core/protocol/codec'
import { ENDPOINTS } from '@pileus/core/protocol/endpoints'
import { Announcement, LIVE_CLOSE } from '@pileus/core/protocol/live'
import { WebSocket } from 'ws'
import { nodeTimers } from '../remote/node.ts'
import { Unreachable } from '../remote/remote.ts'
import { unreachable } from '../remote/server.ts'
import type { Session } from '../remote/session.ts'
import type { LiveLine } from './line.ts'

/** An announcement and what is around its news. */
const MESSAGE_MAX_BYTES = 4 * LIVE_NEWS_MAX_BYTES
const HANDSHAKE_MS = 15_000
/** A connection that died without a word is found after one to two of these. */
const PING_EVERY_MS = 15_000

export interface WebSocketLineOptions {
  /** As `parseServer` gives it. */
  readonly server: string
  /** Its token opens each line. */
  readonly session: Session
  readonly pingEveryMs?: number
}

export function webSocketLine(options: WebSocketLineOptions): LiveLine {
  const { server, session, pingEveryMs = PING_EVERY_MS } = options
  let refused: string | undefined
  return {
    open(zone, heard) {
      let ended = false
      let socket: WebSocket | undefined
      let stopPinging = () => {}
      const close = () => {
        ended = true
        stopPinging()
        socket?.terminate()
      }
      const end = (why: Error) => {
        if (ended) return
        close()
        heard.closed(why)
      }
      session
        .token(refused)
        .then((token) => {
          if (ended) return
          const path = ENDPOINTS.live.path.replace(':zone', zone)
          socket = new WebSocket(`${server.replace(/^http/, 'ws')}${path}`, {
            headers: { authorization: `Bearer ${token}` },
            handshakeTimeout: HANDSHAKE_MS,
            maxPayload: MESSAGE_MAX_BYTES,
            perMessageDeflate: false,
          })
          socket.on('open', () => {
            stopPinging = keepPinging(socket!, pingEveryMs, () =>
              end(new Unreachable(`the live channel to ${server} fell silent`)),
            )
          })
          socket.on('message', (bytes: Buffer) => {
            if (ended) return
            try {
              heard.told(decodeMessage(Announcement, 'cbor', bytes))
            } catch (error) {
              end(error as Error)
            }
          })
          socket.on('unexpected-response', (_request, response) => {
            if (response.statusCode === 401) refused = token
            const isOurs = response.headers['content-type']?.startsWith('application/problem') === true
            end(
              new Unreachable(
                isOurs ? refusedBy(server, response.statusCode) : notPassed(server, response.statusCode),
              ),
            )
          })
          socket.on('error', (error) => end(unreachable(server, error)))
          socket.on('close', (code) => {
            if (code === LIVE_CLOSE.ended) refused = token
            end(new Unreachable(`the live channel to ${server} was closed (${code})`))
          })
        })
        .catch((error: Error) => end(error))
      return { close }
    },
  }
}

function refusedBy(server: string, statusCode = 0): string {
  return `${server} refused the live channel (${statusCode})`
}

/** The answer is not the server's: something in between does not know WebSockets. */
function notPassed(server: string, statusCode = 0): string {
  return `what answers at ${server} does not pass WebSockets on (${statusCode}); let the proxy there do so`
}

/** Calls `silent` once, when neither a pong nor anything else came from one ping to the next. */
function keepPinging(socket: WebSocket, everyMs: number, silent: () => void): () => void {
  let alive = true
  let cancel = () => {}
  const beat = () => {
    if (!alive) return silent()
    alive = false
    socket.ping()
    cancel = nodeTimers.after(everyMs, beat)
  }
  const heard = () => {
    alive = true
  }
  socket.on('pong', heard)
  socket.on('message', heard)
  socket.on('ping', heard)
  beat()
  return () => cancel()
}
