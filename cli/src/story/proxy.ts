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
  /** WebSockets asked for so far. */
  readonly asked: number
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
    server.write(first)
    client.on('data', (bytes) => isSilent(client, isWebSocket) || server.write(bytes))
    server.on('data', (bytes) => isSilent(client, isWebSocket) || client.write(bytes))
    client.on('close', () => server.destroy())
    server.on('close', () => isSilent(client, isWebSocket) || client.destroy())
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
    get asked() {
      return asked
    },
    close() {
      listener.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
