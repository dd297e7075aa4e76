/** The live channel of a simulation: the server's announcements, late, some of them lost, until the line breaks. */
import type { LiveLine } from '@pileus/client/live/line'
import { Unreachable } from '@pileus/client/remote/remote'
import type { Session } from '@pileus/client/remote/session'
import { LIVE_HEARTBEAT_SECONDS } from '@pileus/core/limits'
import { decodeMessage } from '@pileus/core/protocol/codec'
import { Announcement } from '@pileus/core/protocol/live'
import { Problem } from '@pileus/core/protocol/problem'
import type { LineParts } from './calls.ts'

export interface LiveLineParts extends LineParts {
  readonly session: Session
  /** Announcements that are lost on the way, 0 to 1. */
  readonly lost: number
}

export function simulatedLine(parts: LiveLineParts): LiveLine {
  const { timeline, server, chance, weather, alive, note, session, lost } = parts
  let refused: string | undefined
  const delay = () => Math.ceil(weather().delayMs * chance.fraction())
  return {
    open(zone, heard) {
      let ended = false
      let leave = () => {}
      let nextBeat = () => {}
      let lastAt = 0
      const stop = () => {
        ended = true
        leave()
        nextBeat()
        forget()
      }
      const end = (why: Error) => {
        if (ended) return
        stop()
        timeline.after(delay(), () => {
          if (alive()) heard.closed(why)
        })
      }
      const forget = server.whenEnded(end)
      // In order, whatever each takes.
      const tell = (message: Uint8Array) => {
        if (ended || chance.happens(lost) || weather().cutOff) return
        lastAt = Math.max(lastAt, timeline.now + delay())
        timeline.after(lastAt - timeline.now, () => {
          if (ended || !alive()) return
          note('announced')
          heard.told(decodeMessage(Announcement, 'cbor', message))
        })
      }
      const open = async () => {
        await timeline.sleep(delay())
        if (ended || !alive()) return
        if (weather().cutOff || !server.up) throw new Unreachable('no way to the server')
        const token = await session.token(refused)
        const answer = await server
          .call('live' as 'zone', { token, params: { zone }, body: undefined })
          .catch((error) => {
            if (error instanceof Problem && error.code === 'not-signed-in') refused = token
            throw error
          })
        const { subscribe, heartbeat } = answer as unknown as {
          subscribe(listener: (message: Uint8Array) => void): Promise<() => void>
          heartbeat(): Promise<Uint8Array>
        }
        leave = await server.whileUp(subscribe(tell))
        if (ended) return leave()
        const beat = async () => {
          const message = await server.whileUp(heartbeat())
          if (ended || !alive()) return
          tell(message)
          nextBeat = timeline.after(LIVE_HEARTBEAT_SECONDS * 1_000, () => void beat().catch(end))
        }
        await beat()
      }
      open().catch(end)
      return { close: stop }
    },
  }
}
