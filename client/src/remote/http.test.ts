import { encodePack } from '@pileus/core/content/pack'
import { nodeCrypto as crypto } from '@pileus/core/crypto/node'
import { idFromBytes, parseId } from '@pileus/core/ids/ids'
import { createDevice } from '@pileus/core/keys/device'
import { seededRandom } from '@pileus/core/keys/fixtures'
import { FetchRequest } from '@pileus/core/protocol/chunks'
import { decodeMessage, encodeMessage } from '@pileus/core/protocol/codec'
import { Problem } from '@pileus/core/protocol/problem'
import { describe, expect, test } from 'vitest'
import { httpRemote } from './http.ts'
import { httpCalls } from './http-calls.ts'
import { nodeTimers } from './node.ts'
import { nodeExchange } from './node-exchange.ts'
import { listening } from './node-told-server.ts'
import { Patience, TimedOut } from './patience.ts'
import { patientExchange } from './patient-exchange.ts'
import { Unreachable } from './remote.ts'
import { BadServerAddress, checkServer, parseServer } from './server.ts'
import { deviceSession, signedIn } from './session.ts'
import { webExchange } from './web-exchange.ts'

const zone = parseId('zone', 'cd'.repeat(32))
async function bodyOf(request: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of request) parts.push(part)
  return Buffer.concat(parts)
}

const chunks = [1, 2, 3].map((fill) => {
  const bytes = new Uint8Array(100_000).fill(fill)
  return { id: idFromBytes('chunk', crypto.sha256(bytes)), bytes }
})

function packOf(body: Uint8Array): Uint8Array {
  const { ids } = decodeMessage(FetchRequest, 'cbor', body)
  return Buffer.concat(encodePack(ids.map((id) => chunks.find((chunk) => chunk.id === id)!)))
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

test('an address is http or https and nothing else', () => {
  expect(parseServer(' http://localhost:3001/ ')).toBe('http://localhost:3001')
  expect(parseServer('https://a.example/pileus/?x#y')).toBe('https://a.example/pileus')
  for (const text of ['localhost:3001', 'ftp://a', 'http://', 'http://u:p@h']) {
    expect(() => parseServer(text)).toThrow(BadServerAddress)
  }
})

describe.each([
  ['fetch', webExchange(fetch)],
  ['node:http', nodeExchange],
])('over %s', (_, exchange) => {
  test('a server that is down, and one that is no Pileus server, are told apart in a sentence', async () => {
    const server = await listening((_, response) => response.end('<html>Welcome to nginx!</html>'))
    await expect(checkServer(exchange, server)).rejects.toThrow('is not a Pileus server')
    await expect(httpCalls({ server, exchange }).call('account', {})).rejects.toThrow(
      'is not a Pileus server',
    )
    await expect(checkServer(exchange, 'http://127.0.0.1:1')).rejects.toThrow(
      /nothing listens there|cannot reach/,
    )
    const pileus = await listening((_, response) => response.end('{"product":"pileus","protocol":1}'))
    await checkServer(exchange, pileus)
    const balancer = await listening((_, response) => response.writeHead(502).end('bad gateway'))
    await expect(httpCalls({ server: balancer, exchange }).call('account', {})).rejects.toThrow(
      'is not available (502)',
    )
  })

  test('a server of another protocol is refused (SRV-9, attack 3)', async () => {
    for (const protocol of ['0', '2', '"1"', 'null', '[1]']) {
      const other = await listening((_, response) =>
        response.end(`{"product":"pileus","protocol":${protocol}}`),
      )
      await expect(checkServer(exchange, other)).rejects.toThrow(
        /speaks protocol .* and this program 1: update/,
      )
    }
  })

  test('a problem whose code is none of ours is a failure of the server, whatever it is called', async () => {
    for (const code of ['constructor', '__proto__', 'toString', 'new']) {
      const problem = JSON.stringify({ type: 'about:blank', title: 'odd', status: 400, code })
      const server = await listening((_, response) =>
        response.writeHead(400, { 'content-type': 'application/problem+json' }).end(problem),
      )
      await expect(httpCalls({ server, exchange }).call('account', {})).rejects.toMatchObject({
        code: 'internal',
        status: 500,
      })
    }
  })

  test('a problem document becomes a Problem, with its ids and its Retry-After', async () => {
    const server = await listening((_, response) => {
      const problem = {
        type: 'about:blank',
        title: 'T',
        status: 429,
        code: 'too-many-requests',
        detail: 'D',
        ids: ['x'],
      }
      response.writeHead(429, { 'content-type': 'application/problem+json', 'retry-after': '7' })
      response.end(JSON.stringify(problem))
    })
    const failure: unknown = await httpCalls({ server, exchange })
      .call('account', {})
      .catch((error) => error)
    expect(failure).toBeInstanceOf(Problem)
    expect(failure).toMatchObject({
      code: 'too-many-requests',
      message: 'D',
      ids: ['x'],
      retryAfterSeconds: 7,
    })
  })

  test('an answer that does not fit the protocol is not believed', async () => {
    const server = await listening((_, response) => {
      response.setHeader('content-type', 'application/cbor')
      response.end(encodeMessage({ account: 7 }, 'cbor'))
    })
    await expect(httpCalls({ server, exchange }).call('account', {})).rejects.toThrow('does not understand')
  })

  test('chunks arrive in the order asked, over as many requests as it takes when the line breaks', async () => {
    let asked = 0
    const server = await listening(async (request, response) => {
      const pack = packOf(await bodyOf(request))
      asked += 1
      response.writeHead(200, { 'content-type': 'application/octet-stream' })
      // After the first whole chunk the line breaks, each time.
      response.write(pack.subarray(0, Math.min(pack.length, 150_000)), () =>
        pack.length > 150_000 ? response.destroy() : response.end(),
      )
    })
    const remote = httpRemote(httpCalls({ server, exchange }))
    const got = await all(
      remote.fetch(
        zone,
        chunks.map((chunk) => chunk.id),
      ),
    )
    expect(got.map((chunk) => chunk.id)).toEqual(chunks.map((chunk) => chunk.id))
    expect(got.every((chunk, i) => Buffer.compare(chunk.bytes, chunks[i]!.bytes) === 0)).toBe(true)
    expect(asked).toBe(3)
  })

  test('a download that brings nothing ends, and one for another chunk is refused', async () => {
    const dead = await listening((_, response) => {
      response.writeHead(200)
      response.flushHeaders()
      response.destroy()
    })
    const ids = chunks.map((chunk) => chunk.id)
    await expect(all(httpRemote(httpCalls({ server: dead, exchange })).fetch(zone, ids))).rejects.toThrow(
      Unreachable,
    )
    const wrong = await listening((_, response) => response.end(Buffer.concat(encodePack([chunks[2]!]))))
    await expect(all(httpRemote(httpCalls({ server: wrong, exchange })).fetch(zone, ids))).rejects.toThrow(
      'was asked for',
    )
  })

  test('a fetch that would be too large is asked for in parts', async () => {
    const sizes: number[] = []
    const server = await listening(async (request, response) => {
      const body = await bodyOf(request)
      const count = decodeMessage(FetchRequest, 'cbor', body).ids.length
      sizes.push(count)
      if (count === 1) return void response.end(packOf(body))
      response.writeHead(413, { 'content-type': 'application/problem+json' })
      response.end('{"type":"about:blank","title":"T","status":413,"code":"body-too-large"}')
    })
    const got = await all(
      httpRemote(httpCalls({ server, exchange })).fetch(
        zone,
        chunks.map((chunk) => chunk.id),
      ),
    )
    expect(got.length).toBe(3)
    expect(sizes).toEqual([3, 2, 1, 1, 1])
  })

  test('a pack is sent whole, with its length told beforehand', async () => {
    let received: { length: string | undefined; body: Uint8Array } | undefined
    const server = await listening(async (request, response) => {
      received = { length: request.headers['content-length'], body: await bodyOf(request) }
      response.setHeader('content-type', 'application/cbor')
      response.end(encodeMessage({ chunks: 3, storedBytes: 300_000 }, 'cbor'))
    })
    const parts = encodePack(chunks)
    await httpRemote(httpCalls({ server, exchange })).putPack(zone, parseId('pack', 'ef'.repeat(32)), parts)
    expect(received?.length).toBe(String(Buffer.concat(parts).length))
    expect(Buffer.compare(received!.body, Buffer.concat(parts))).toBe(0)
  })

  test('an ended session is opened again with the device key, once for many calls', async () => {
    const device = createDevice(crypto, seededRandom('session'))
    let opened = 0
    const server = await listening(async (request, response) => {
      await bodyOf(request)
      response.setHeader('content-type', 'application/cbor')
      const answer = (message: object) => response.end(encodeMessage(message, 'cbor'))
      if (request.url?.endsWith('/challenge')) return void answer({ nonce: new Uint8Array(32) })
      if (request.url?.endsWith('/device')) {
        opened += 1
        const token = String(opened).repeat(43)
        return void answer({ token, expiresInSeconds: 3600, device: device.id, account: 'ab'.repeat(16) })
      }
      if (request.headers.authorization === `Bearer ${'2'.repeat(43)}`) return void answer({ devices: [] })
      response.writeHead(401, { 'content-type': 'application/problem+json' })
      response.end('{"type":"about:blank","title":"T","status":401,"code":"not-signed-in"}')
    })
    const calls = httpCalls({ server, exchange })
    const inSession = signedIn(calls, deviceSession({ calls, crypto, clock: () => 0, device }))
    await Promise.all([1, 2, 3].map(() => inSession.call('devices', {})))
    expect(opened).toBe(2)
  })

  test('aborting ends a call with the reason', async () => {
    const server = await listening(() => undefined)
    const abort = new AbortController()
    const call = httpCalls({ server, exchange, signal: abort.signal }).call('account', {})
    abort.abort(new Error('the person pressed Ctrl-C'))
    await expect(call).rejects.toThrow('the person pressed Ctrl-C')
  })

  /** Waits as in earnest, but for a fraction of a second. */
  const patient = (slow: (isSlow: boolean) => void = () => {}) =>
    patientExchange(
      exchange,
      new Patience(nodeTimers, { slow, answered() {} }, { answerMs: 300, stallMs: 300, slowMs: 100 }),
    )

  test('a server that accepts and never answers is given up, and called slow before that', async () => {
    const server = await listening(() => {})
    const told: boolean[] = []
    const calls = httpCalls({ server, exchange: patient((slow) => told.push(slow)) })
    await expect(calls.call('account', {})).rejects.toThrow(/did not answer within \d+ seconds: check/)
    expect(told).toEqual([true, false])
    await expect(checkServer(patient(), server)).rejects.toThrow('did not answer within')
  })

  test('chunks that a server never begins to send are not asked for again and again', async () => {
    let asked = 0
    const server = await listening(() => void asked++)
    const remote = httpRemote(httpCalls({ server, exchange: patient() }))
    await expect(all(remote.fetch(zone, [chunks[0]!.id]))).rejects.toThrow(/did not answer within/)
    expect(asked).toBe(1)
  })

  test('an answer is heard of, whatever it says; that nothing answers is not', async () => {
    const refusing = await listening((_request, response) => response.writeHead(500).end())
    const silent = await listening((_request, response) => response.destroy())
    let answers = 0
    const heard = { slow() {}, answered: () => void answers++ }
    const waiting = patientExchange(exchange, new Patience(nodeTimers, heard))
    await expect(httpCalls({ server: silent, exchange: waiting }).call('account', {})).rejects.toThrow()
    expect(answers).toBe(0)
    await expect(httpCalls({ server: refusing, exchange: waiting }).call('account', {})).rejects.toThrow()
    expect(answers).toBe(1)
  })

  test('a server that stops in the middle of an answer is given up, one that goes on slowly is not', async () => {
    const body = packOf(encodeMessage({ ids: chunks.map(({ id }) => id) }, 'cbor'))
    let pieces = 2
    const server = await listening(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream' })
      const step = Math.ceil(body.length / 6)
      for (let n = 0; n < pieces; n++) {
        response.write(body.subarray(n * step, (n + 1) * step))
        await new Promise((resolve) => setTimeout(resolve, 150))
      }
      if (pieces === 6) response.end()
    })
    const fetchAll = () =>
      all(
        httpRemote(httpCalls({ server, exchange: patient() })).fetch(
          zone,
          chunks.map(({ id }) => id),
        ),
      )
    await expect(fetchAll()).rejects.toThrow(/stopped in the middle of its answer/)
    pieces = 6
    expect((await fetchAll()).map(({ id }) => id)).toEqual(chunks.map(({ id }) => id))
  })

  test('a large pack may take as long as a slow line needs', async () => {
    const server = await listening(async (request, response) => {
      await bodyOf(request)
      setTimeout(
        () =>
          response
            .writeHead(200, { 'content-type': 'application/cbor' })
            .end(encodeMessage({ chunks: 1, storedBytes: 1 }, 'cbor')),
        600,
      )
    })
    const calls = httpCalls({ server, exchange: patient() })
    const body = [new Uint8Array(64 * 1_000)]
    const params = { zone, pack: parseId('pack', 'ef'.repeat(32)) }
    await calls.call('putPack', { params, body })
    await expect(calls.call('putPack', { params, body: [new Uint8Array(10)] })).rejects.toThrow(TimedOut)
  })
})
