/** Test helper: what may stand between a device and its server, and how it can spoil a connection. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface ProxyServer {
  readonly url: string
  /**
   * Connections of this kind die without a word: nothing goes through any more, and nothing is closed. New ones do as well
   * until 'none'; those that died stay dead.
   */
  silence(which: 'none' | 'websockets' | 'all'): void
  /** How WebSockets are treated: cut after so many milliseconds, or refused by a page of the proxy's own. */
  webSockets(how: 'pass' | 'refuse' | number): void
  /**
   * The next request of this path, as in 'POST /api/v1/zones', is cut once: its connection ends before the server hears of
   * it, or when the server has answered. `act` runs before it ends.
   */
  cutOnce(request: string, when: 'before' | 'after', act?: () => Promise<unknown>): void
  /** Requests that were cut so far. */
  readonly cuts: number
  /** WebSockets asked for so far. */
  readonly asked: number
  /** Bytes that the server sent through it so far. */
  readonly bytesServed: number
  close(): void
}

const REFUSAL =
  'HTTP/1.1 400 Bad Request\r\ncontent-type: text/html\r\ncontent-length: 0\r\nconnection: close\r\n\r\n'

/** A proxy on a port of its own before the server at `url`. */
export async function startProxy(url: string): Promise<ProxyServer> {
  const sockets = new Set<Socket>()
  let silenced: 'none' | 'websockets' | 'all' = 'none'
  let webSockets: 'pass' | 'refuse' | number = 'pass'
  let asked = 0
  let cuts = 0
  let bytesServed = 0
  let cut: { request: string; when: 'before' | 'after'; act: () => Promise<unknown> } | null = null
  const dead = new WeakSet<Socket>()
  const isSilent = (socket: Socket, isWebSocket: boolean) => {
    if (silenced === 'all' || (silenced === 'websockets' && isWebSocket)) dead.add(socket)
    return dead.has(socket)
  }

  function keep(socket: Socket): Socket {
    sockets.add(socket)
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  }

  function serve(client: Socket, first: Buffer): void {
    const isWebSocket = /^upgrade: *websocket/im.test(first.toString('latin1'))
    if (isWebSocket) asked++
    if (isWebSocket && webSockets === 'refuse') {
      client.end(REFUSAL)
      return
    }
    if (isSilent(client, isWebSocket)) return
    const server = keep(connect(Number(new URL(url).port), '127.0.0.1'))
    let doomed: typeof cut = null
    const end = async () => {
      await doomed!.act()
      client.resetAndDestroy()
      server.destroy()
    }
    const send = (bytes: Buffer) => {
      if (cut !== null && bytes.toString('latin1').startsWith(`${cut.request} `)) {
        doomed = cut
        cut = null
        cuts++
        if (doomed.when === 'before') void end()
      }
      if (doomed?.when !== 'before') server.write(bytes)
    }
    send(first)
    client.on('data', (bytes: Buffer) => isSilent(client, isWebSocket) || send(bytes))
    server.on('data', (bytes) => {
      if (isSilent(client, isWebSocket)) return
      bytesServed += bytes.length
      if (doomed) void end()
      else client.write(bytes)
    })
    client.on('close', () => server.destroy())
    // What the server sent before it hung up still goes through.
    server.on('close', () => isSilent(client, isWebSocket) || client.destroySoon())
    if (isWebSocket && typeof webSockets === 'number') setTimeout(() => client.destroy(), webSockets)
  }

  const listener = createServer((client) =>
    keep(client).once('data', (first: Buffer) => serve(client, first)),
  )
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    silence(which) {
      silenced = which
    },
    webSockets(how) {
      webSockets = how
    },
    cutOnce(request, when, act = async () => {}) {
      cut = { request, when, act }
    },
    get cuts() {
      return cuts
    },
    get asked() {
      return asked
    },
    get bytesServed() {
      return bytesServed
    },
    close() {
      listener.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
