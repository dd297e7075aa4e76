/** The live line over a WebSocket, and this platform's timers. */
import { LIVE_NEWS_MAX_BYTES } from '@pileus/core/limits'
import { decodeMessage } from '@pileus/core/protocol/codec'
import { ENDPOINTS } from '@pileus/core/protocol/endpoints'
import { Announcement, LIVE_CLOSE } from '@pileus/core/protocol/live'
import { WebSocket } from 'ws'
import { Unreachable } from '../remote/remote.ts'
import { unreachable } from '../remote/server.ts'
import type { Session } from '../remote/session.ts'
import type { LiveLine } from './line.ts'
import type { Timers } from './timers.ts'

/** An announcement and what is around its news. */
const MESSAGE_MAX_BYTES = 4 * LIVE_NEWS_MAX_BYTES
const HANDSHAKE_MS = 15_000

/** `server` as `parseServer` gives it; the session's token opens each line. */
export function webSocketLine(options: { readonly server: string; readonly session: Session }): LiveLine {
  const { server, session } = options
  let refused: string | undefined
  return {
    open(zone, heard) {
      let ended = false
      let socket: WebSocket | undefined
      const end = (why: Error) => {
        if (ended) return
        ended = true
        socket?.terminate()
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
            end(new Unreachable(`${server} refused the live channel (${response.statusCode})`))
          })
          socket.on('error', (error) => end(unreachable(server, error)))
          socket.on('close', (code) => {
            if (code === LIVE_CLOSE.ended) refused = token
            end(new Unreachable(`the live channel to ${server} was closed (${code})`))
          })
        })
        .catch((error: Error) => end(error))
      return {
        close() {
          ended = true
          socket?.terminate()
        },
      }
    },
  }
}

export const nodeTimers: Timers = {
  after(milliseconds, act) {
    const timer = setTimeout(act, milliseconds)
    return () => clearTimeout(timer)
  },
}
