/** A TCP proxy on loopback that counts what passes, so that every contender's bytes are counted by the same means. */
import { connect, createServer, type Server, type Socket } from 'node:net'

export class CountingProxy {
  readonly port: number
  readonly #server: Server
  readonly #open: Set<Socket>
  readonly #count: { bytes: number }

  private constructor(server: Server, open: Set<Socket>, count: { bytes: number }) {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
    this.port = address.port
    this.#server = server
    this.#open = open
    this.#count = count
  }

  /** Passes every connection on to this port of loopback. The port is not asked for before somebody connects. */
  static async before(port: number): Promise<CountingProxy> {
    const open = new Set<Socket>()
    const count = { bytes: 0 }
    const pass = (from: Socket, to: Socket) => {
      open.add(from)
      from.on('data', (data) => {
        count.bytes += data.length
      })
      from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        open.delete(from)
        to.destroySoon()
      })
    }
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
      const far = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true })
      pass(near, far)
      pass(far, near)
    })
    await new Promise<void>((resolve, reject) => {
      server.on('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    return new CountingProxy(server, open, count)
  }

  /** All bytes so far, both ways, without what TCP and IP add. */
  get bytes(): number {
    return this.#count.bytes
  }

  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#open) socket.destroy()
    return closed
  }
}
