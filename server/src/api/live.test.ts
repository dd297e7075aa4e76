/** The live channel over real sockets: SRV-60 to SRV-64 in docs/spec/protocol.md. */
import { once } from 'node:events'
import { LIVE_NEWS_MAX_BYTES } from '@pileus/core/limits'
import { decodeMessage } from '@pileus/core/protocol/codec'
import { Announcement, LIVE_CLOSE } from '@pileus/core/protocol/live'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type RunningServer, startServer } from '../start.ts'
import { ask, get, newZone, type Person, pushOf, random, signUp, type TestZone } from './fixtures.ts'

let server: RunningServer
let ana: Person
let zone: TestZone
beforeEach(async () => {
  server = await startServer({ data: 'memory', port: 0, heartbeatSeconds: 0.2 })
  ana = await signUp(server.url, 'ana')
  zone = await newZone(ana)
})
afterEach(() => server.close())

interface Listener {
  readonly socket: WebSocket
  /** The next announcement that `wanted` takes; others are passed over. */
  next(wanted?: (announcement: Announcement) => boolean): Promise<Announcement>
}

function connect(token: string | null, of = zone.zone as string): WebSocket {
  const headers = token === null ? {} : { authorization: `Bearer ${token}` }
  return new WebSocket(`${server.url.replace('http', 'ws')}/api/v1/zones/${of}/live`, { headers })
}

async function listen(token = ana.token): Promise<Listener> {
  const socket = connect(token)
  const arrived: Announcement[] = []
  const waiting: (() => void)[] = []
  socket.on('message', (bytes: Buffer) => {
    arrived.push(decodeMessage(Announcement, 'cbor', new Uint8Array(bytes)))
    for (const wake of waiting.splice(0)) wake()
  })
  await once(socket, 'open')
  return {
    socket,
    async next(wanted = () => true) {
      for (;;) {
        const found = arrived.shift()
        if (found && wanted(found)) return found
        if (!found) await new Promise<void>((resolve) => waiting.push(resolve))
      }
    },
  }
}

/** The status and code with which an upgrade is refused. */
async function refused(token: string | null, of?: string): Promise<string> {
  const socket = connect(token, of)
  socket.on('error', () => {})
  const [, response] = (await once(socket, 'unexpected-response')) as [
    unknown,
    AsyncIterable<Buffer> & { statusCode: number },
  ]
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part)
  return `${response.statusCode} ${JSON.parse(Buffer.concat(parts).toString()).code}`
}

const withNews = ({ news }: Announcement) => news !== null
const push = (wanted: Parameters<typeof pushOf>[2]) =>
  get(server.url, 'push', { token: ana.token, message: pushOf(ana, zone, wanted) })

test('tells the head when it opens, then each commit with its records and their proof', async () => {
  const first = await listen()
  const before = (await first.next()).head
  expect(before).toMatchObject({ zone: zone.zone, sequence: 0 })
  const { head } = await push([{}, {}])
  const { head: told, news } = await first.next(withNews)
  expect(told).toEqual(head)
  const { incarnation, sequence, chain } = before
  expect(news?.after).toEqual({ incarnation, sequence, chain })
  const page = await get(server.url, 'changes', { token: ana.token, params: { zone: zone.zone } })
  expect({ changes: news?.changes, batches: news?.batches }).toEqual({
    changes: page.changes,
    batches: page.batches,
  })
  first.socket.terminate()
})

test('a commit that is too large to be carried is announced by its head alone', async () => {
  const { next, socket } = await listen()
  const { head } = await push(Array.from({ length: Math.ceil(LIVE_NEWS_MAX_BYTES / 300) }, () => ({})))
  expect(await next(({ head }) => head.sequence > 0)).toEqual({ head, news: null })
  socket.terminate()
})

test('heartbeats carry the head', async () => {
  const { next, socket } = await listen()
  await push([{}])
  await next(withNews)
  expect(await next()).toMatchObject({ head: { sequence: 1 }, news: null })
  socket.terminate()
})

test('is open to devices of members only, and is no ordinary request', async () => {
  const ben = await signUp(server.url, 'ben')
  expect(await refused(null)).toBe('401 not-signed-in')
  expect(await refused('x')).toBe('401 not-signed-in')
  expect(await refused(ben.token)).toBe('404 not-found')
  expect(await refused(ana.token, 'not-a-zone')).toBe('400 malformed-request')
  const plain = await ask(server.url, 'live', { token: ana.token, params: { zone: zone.zone } })
  expect(plain.status).toBe(400)
})

test('one device has a bounded number of channels', async () => {
  const open = await Promise.all(Array.from({ length: 32 }, () => listen()))
  expect(await refused(ana.token)).toBe('429 too-many-requests')
  for (const { socket } of open) socket.terminate()
})

test('ends with the session', async () => {
  const { socket } = await listen()
  await get(server.url, 'logout', { token: ana.token })
  const [code] = (await once(socket, 'close')) as [number]
  expect(code).toBe(LIVE_CLOSE.ended)
})

test('a peer that answers no heartbeat is dropped, and so is one that speaks', async () => {
  const deaf = new WebSocket(`${server.url.replace('http', 'ws')}/api/v1/zones/${zone.zone}/live`, {
    headers: { authorization: `Bearer ${ana.token}` },
    autoPong: false,
  })
  await once(deaf, 'close')
  const { socket } = await listen()
  socket.send('hello')
  const [code] = (await once(socket, 'close')) as [number]
  expect(code).toBe(1008)
})

test('a reader that takes nothing in is dropped before it costs memory', async () => {
  const socket = connect(ana.token)
  await once(socket, 'open')
  const dropped = once(socket, 'close')
  socket.pause()
  const message = random(1_000_000)
  for (let n = 0; n < 20; n++) await server.engines.live.publish(`zone:${zone.zone}`, message)
  socket.resume()
  expect(((await dropped) as [number])[0]).toBe(1006)
})

test('a stopping server closes its channels and says so', async () => {
  const { socket } = await listen()
  const closed = once(socket, 'close')
  await server.close()
  expect(((await closed) as [number])[0]).toBe(LIVE_CLOSE.stopping)
})
