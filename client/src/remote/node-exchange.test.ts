import { idFromBytes, parseId } from '@pileus/core/ids/ids'
import { encodeMessage } from '@pileus/core/protocol/codec'
import { Problem } from '@pileus/core/protocol/problem'
import { expect, test } from 'vitest'
import { httpRemote } from './http.ts'
import { httpCalls } from './http-calls.ts'
import { nodeExchange } from './node-exchange.ts'
import { listening } from './node-told-server.ts'
import { Unreachable } from './remote.ts'

const zone = parseId('zone', 'cd'.repeat(32))
const pack = idFromBytes('pack', new Uint8Array(32).fill(7))
/** Larger than what a socket takes at once, in parts that are views of one buffer. */
const whole = new Uint8Array(9_000_000).map((_, n) => n >> 8)
const parts = [
  whole.subarray(0, 5),
  whole.subarray(5, 5),
  whole.subarray(5, 8_000_000),
  whole.subarray(8_000_000),
]
const ANSWER = encodeMessage({ chunks: 3, storedBytes: 300_000 }, 'cbor')

function put(server: string, signal?: AbortSignal): Promise<void> {
  const calls = httpCalls({ server, exchange: nodeExchange, ...(signal && { signal }) })
  return httpRemote(calls).putPack(zone, pack, parts)
}

test('the parts arrive as one body of a length told beforehand, pack after pack on one connection', async () => {
  const connections = new Set<unknown>()
  const received: { length: string | undefined; body: Buffer }[] = []
  const server = await listening(async (request, response) => {
    connections.add(request.socket)
    const pieces: Uint8Array[] = []
    for await (const piece of request) pieces.push(piece)
    received.push({ length: request.headers['content-length'], body: Buffer.concat(pieces) })
    response.setHeader('content-type', 'application/cbor')
    response.end(ANSWER)
  })
  await put(server)
  await put(server)
  expect([received.length, connections.size]).toEqual([2, 1])
  for (const { length, body } of received) {
    expect(length).toBe(String(whole.length))
    expect(Buffer.compare(body, whole)).toBe(0)
  }
})

test('a refusal is told as what it is, with its headers, also when it comes before the body was sent', async () => {
  const server = await listening((_, response) => {
    response.writeHead(429, { 'content-type': 'application/problem+json', 'retry-after': '7' })
    response.end('{"type":"about:blank","title":"T","status":429,"code":"too-many-requests"}')
  })
  const failure: unknown = await put(server).catch((error) => error)
  expect(failure).toBeInstanceOf(Problem)
  expect(failure).toMatchObject({ code: 'too-many-requests', retryAfterSeconds: 7 })
})

test('a server that is not there, one that hangs up and one that is another are told apart', async () => {
  await expect(put('http://127.0.0.1:1')).rejects.toThrow('nothing listens there')
  const hangsUp = await listening((request) => void request.socket.destroy())
  await expect(put(hangsUp)).rejects.toThrow(Unreachable)
  const breaksOff = await listening((_, response) => {
    response.writeHead(200, { 'content-type': 'application/cbor', 'content-length': '500' })
    response.write(ANSWER, () => response.destroy())
  })
  await expect(put(breaksOff)).rejects.toThrow(Unreachable)
  const elsewhere = await listening((request, response) => {
    request.resume()
    response.writeHead(301, { location: '/login' }).end()
  })
  await expect(put(elsewhere)).rejects.toThrow('is not a Pileus server')
  const empty = await listening((request, response) => {
    request.resume()
    response.writeHead(204).end()
  })
  await expect(put(empty)).rejects.toThrow('is not a Pileus server')
})

test('aborting ends the sending with the reason', async () => {
  const abort = new AbortController()
  const server = await listening(() => abort.abort(new Error('the person pressed Ctrl-C')))
  await expect(put(server, abort.signal)).rejects.toThrow('the person pressed Ctrl-C')
})
