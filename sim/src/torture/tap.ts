/**
 * A way between one device and the server that sees what passes: which call is under way, and which chunks travel.
 * Its address stays while the server behind it is killed and started again.
 */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Uploads } from './uploads.ts'

/** What a device is busy with, as its calls show. */
export type Call = 'pull' | 'missing' | 'pack' | 'push' | 'fetch' | 'other'
/**
 * A call arrives; its bytes travel (of a pack the request's, else the answer's); the server has acted, and nothing of
 * its answer has gone back; all of it has.
 */
export type Part = 'asked' | 'midway' | 'acted' | 'answered'

export interface Passing {
  readonly call: Call
  readonly part: Part
  /** Of this call so far; for 'midway'. */
  readonly bytes: number
}

export type Listener = (passing: Passing) => void

const CALLS: readonly (readonly [RegExp, Call])[] = [
  [/\/changes$/, 'pull'],
  [/\/chunks\/missing$/, 'missing'],
  [/\/packs\/[0-9a-f]+$/, 'pack'],
  [/\/sync\/push$/, 'push'],
  [/\/chunks\/fetch$/, 'fetch'],
]

export class Tap {
  readonly #server: Server
  readonly #uploads: Uploads
  readonly #listeners = new Set<Listener>()
  readonly #sockets = new Set<Duplex>()
  #port: number
  #last: Passing | null = null

  /** Forwards to `port` of this machine. */
  private constructor(port: number, uploads: Uploads) {
    this.#port = port
    this.#uploads = uploads
    this.#server = createServer((asked, answer) => this.#forward(asked, answer))
    this.#server.on('connection', (socket) => this.#keep(socket))
    this.#server.on('upgrade', (asked, socket, head) => this.#forwardSocket(asked, socket, head))
  }

  static async open(port: number, uploads: Uploads): Promise<Tap> {
    const tap = new Tap(port, uploads)
    await new Promise<void>((resolve) => tap.#server.listen(0, '127.0.0.1', resolve))
    return tap
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** What passed last since `forget`; null when nothing did. */
  get last(): Passing | null {
    return this.#last
  }

  forget(): void {
    this.#last = null
  }

  /** Told of everything that passes, before it goes on. Returns what ends that. */
  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    // Whoever stands at one end is killed all the time.
    socket.on('error', () => socket.destroy())
  }

  #tell(passing: Passing): void {
    if (passing.call !== 'other' || this.#last === null) this.#last = passing
    for (const listener of this.#listeners) listener(passing)
  }

  #forward(asked: IncomingMessage, answer: ServerResponse): void {
    const { method, headers, url = '' } = asked
    const path = url.split('?')[0]!
    const call = CALLS.find(([shape]) => shape.test(path))?.[1] ?? 'other'
    this.#tell({ call, part: 'asked', bytes: 0 })
    const upload = call === 'pack' ? this.#uploads.begin() : null
    const onward = request({ host: '127.0.0.1', port: this.#port, method, path: url, headers, agent: false })
    const cut = () => {
      onward.destroy()
      answer.destroy()
    }
    onward.on('error', cut)
    asked.on('error', cut)
    answer.on('close', () => onward.destroy())
    // Nothing of a body counts as sent before there is a server.
    onward.on('socket', (socket) =>
      socket.once('connect', () => {
        let bytes = 0
        asked.on('data', (piece: Uint8Array) => {
          bytes += piece.length
          upload?.sent(piece)
          if (call === 'pack') this.#tell({ call, part: 'midway', bytes })
        })
        asked.pipe(onward)
      }),
    )
    onward.on('response', (response) => {
      if (response.statusCode === 200) upload?.acknowledged()
      this.#tell({ call, part: 'acted', bytes: 0 })
      answer.writeHead(response.statusCode ?? 502, response.headers)
      let bytes = 0
      response.on('data', (piece: Uint8Array) => {
        bytes += piece.length
        if (call !== 'pack') this.#tell({ call, part: 'midway', bytes })
      })
      response.on('end', () => this.#tell({ call, part: 'answered', bytes }))
      response.on('error', cut)
      response.on('close', () => {
        if (!response.complete) cut()
      })
      response.pipe(answer)
    })
  }

  #forwardSocket(asked: IncomingMessage, socket: Duplex, head: Buffer): void {
    const onward = connect(this.#port, '127.0.0.1', () => {
      const lines = [`${asked.method} ${asked.url} HTTP/1.1`]
      for (let at = 0; at < asked.rawHeaders.length; at += 2)
        lines.push(`${asked.rawHeaders[at]}: ${asked.rawHeaders[at + 1]}`)
      onward.write(`${lines.join('\r\n')}\r\n\r\n`)
      onward.write(head)
      onward.pipe(socket).pipe(onward)
    })
    for (const [one, other] of [
      [onward, socket],
      [socket, onward],
    ] as const) {
      one.on('error', () => other.destroy())
      one.on('close', () => other.destroy())
    }
  }
}
