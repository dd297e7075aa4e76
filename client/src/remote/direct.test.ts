import { createHash } from 'node:crypto'
import type { IncomingMessage, RequestListener } from 'node:http'
import { encodePack, type StoredChunk } from '@pileus/core/content/pack'
import { nodeCrypto as crypto } from '@pileus/core/crypto/node'
import { type ChunkId, idFromBytes, parseId } from '@pileus/core/ids/ids'
import { FETCH_MAX_BYTES, STORED_CHUNK_MAX_BYTES } from '@pileus/core/limits'
import { type DirectReads, FetchRequest } from '@pileus/core/protocol/chunks'
import { decodeMessage, encodeMessage } from '@pileus/core/protocol/codec'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readRun, runsOf } from './direct-run.ts'
import { httpRemote } from './http.ts'
import { httpCalls } from './http-calls.ts'
import { nodeTimers } from './node.ts'
import { nodeExchange } from './node-exchange.ts'
import { listening } from './node-told-server.ts'
import { Patience } from './patience.ts'
import { patientExchange } from './patient-exchange.ts'

const zone = parseId('zone', 'cd'.repeat(32))
const TOKEN = 'a'.repeat(43)

function chunkOf(fill: number, length: number): StoredChunk {
  const bytes = new Uint8Array(length).fill(fill)
  return { id: idFromBytes('chunk', crypto.sha256(bytes)), bytes }
}

/** The fourth is far behind the third: nobody reads what lies between. */
const chunks = [chunkOf(1, 100_000), chunkOf(2, 70_000), chunkOf(3, 300_000), chunkOf(4, 50_000)]
const [one, two, , four] = chunks
const pack = Buffer.concat(encodePack(chunks))
const ids = chunks.map(({ id }) => id)

type Named = DirectReads['packs'] | 'unknown'
type Place = DirectReads['packs'][number]['chunks'][number]

function placeOf({ id, bytes }: StoredChunk): Place {
  return { id, offset: pack.indexOf(id, 'hex') + 32, length: bytes.length }
}

/** Less than the first chunk of what was asked for. */
function beginningOf({ headers }: IncomingMessage): Buffer {
  const from = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')![1])
  return pack.subarray(from, from + 20_000)
}

const asIs: RequestListener = (asked, answer) => {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(asked.headers.range ?? '')!
  answer.writeHead(206).end(pack.subarray(Number(from), Number(to) + 1))
}

/** A server that names the places that `reads` says, and a device that asks it for everything. */
async function device(reads: (store: string) => Named, store: RequestListener) {
  const direct: IncomingMessage[] = []
  const told: (string | null)[] = []
  let asked = 0
  let throughServer = 0
  const place = await listening((request, response) => {
    direct.push(request)
    store(request, response)
  })
  const server = await listening(async (request, response) => {
    const parts: Uint8Array[] = []
    for await (const part of request) parts.push(part as Uint8Array)
    const wanted = decodeMessage(FetchRequest, 'cbor', Buffer.concat(parts)).ids
    if (request.url!.endsWith('/direct')) {
      asked++
      const packs = reads(place)
      response.setHeader('content-type', 'application/cbor')
      if (packs !== 'unknown') return response.end(encodeMessage({ packs }, 'cbor'))
      const problem = { type: 'about:blank', title: 'x', status: 404, code: 'not-found', detail: 'no such' }
      return response.writeHead(404).end(encodeMessage(problem, 'cbor'))
    }
    throughServer += wanted.length
    return response.end(Buffer.concat(encodePack(wanted.map((id) => chunks.find((c) => c.id === id)!))))
  })
  const exchange = patientExchange(
    nodeExchange,
    new Patience(nodeTimers, undefined, { answerMs: 300, stallMs: 300, slowMs: 300 }),
  )
  const calls = httpCalls({ server, exchange: nodeExchange })
  const withToken: typeof calls = { call: (name, input) => calls.call(name, { ...input, token: TOKEN }) }
  const parts = { exchange, timers: nodeTimers, crypto, server, told: (why: string | null) => told.push(why) }
  const remote = httpRemote(withToken, parts)
  const read = async (wanted: readonly ChunkId[] = ids) => {
    const found = new Map<ChunkId, string>()
    for await (const { id, bytes } of remote.fetch(zone, wanted, undefined, 'anywhere')) {
      expect(found.has(id)).toBe(false)
      found.set(id, createHash('sha256').update(bytes).digest('hex'))
    }
    // Every chunk that was asked for, with its own bytes.
    expect([...found].sort()).toEqual(wanted.map((id) => [id, id]).sort())
  }
  return {
    read,
    direct,
    told,
    store: place,
    get asked() {
      return asked
    },
    get throughServer() {
      return throughServer
    },
  }
}

const everything = (address: string): DirectReads['packs'] => [{ address, chunks: chunks.map(placeOf) }]

test('chunks come from the named place in a few ranges, without the session, and none through the server', async () => {
  const reading = await device((store) => everything(`${store}/pack?signature=s`), asIs)
  await reading.read()
  expect(reading.throughServer).toBe(0)
  expect(reading.told).toEqual([])
  expect(reading.direct.map(({ headers }) => headers.authorization)).toEqual([undefined])
})

test('a connection that breaks off in the middle is worth another one, for what is left', async () => {
  let first = true
  const reading = await device(
    (store) => everything(`${store}/p`),
    (asked, answer) => {
      if (!first) return asIs(asked, answer)
      first = false
      answer.writeHead(206, { 'content-length': pack.length })
      return answer.write(pack.subarray(5, 150_000), () => answer.destroy())
    },
  )
  await reading.read()
  expect(reading.throughServer).toBe(0)
  expect(reading.told).toEqual([])
  expect(reading.direct.map(({ headers }) => headers.range)).toEqual([
    `bytes=5-${pack.length - 1}`,
    `bytes=${placeOf(two!).offset - 36}-${pack.length - 1}`,
  ])
})

test('what is far apart in a pack is asked for apart', async () => {
  const reading = await device(
    (store) => [{ address: `${store}/p`, chunks: [one!, four!].map(placeOf) }],
    asIs,
  )
  await reading.read([one!.id, four!.id])
  expect(reading.direct).toHaveLength(2)
  expect(reading.throughServer).toBe(0)
})

test('what the server names no place for comes through it', async () => {
  const reading = await device((store) => [{ address: `${store}/p`, chunks: [placeOf(two!)] }], asIs)
  await reading.read()
  expect(reading.throughServer).toBe(3)
  expect(reading.told).toEqual([])
})

test.each([
  ['gives no addresses', (): Named => []],
  ['is older than direct reads', (): Named => 'unknown'],
])('a server that %s is asked once, and everything comes through it', async (_, reads) => {
  const reading = await device(reads, asIs)
  for (let times = 1; times <= 3; times++) {
    await reading.read()
    expect(reading.throughServer).toBe(times * ids.length)
  }
  expect(reading.asked).toBe(1)
  expect(reading.told).toEqual([])
})

describe('a place that does not give what the server said: everything comes through the server, and a sentence says so', () => {
  const sentence = (why: string) =>
    new RegExp(
      `^content comes through the server, because ${why}: nothing is lost, but whoever runs the server should know$`,
    )
  const HOST = '127\\.0\\.0\\.1:\\d+'
  const answers: readonly (readonly [string, RequestListener, string])[] = [
    [
      'its address has expired',
      (_, answer) => answer.writeHead(403).end('Request has expired'),
      `${HOST} answered 403`,
    ],
    ['it knows no ranges', (_, answer) => answer.writeHead(200).end(pack), `${HOST} answered 200`],
    [
      'it sends elsewhere',
      (_, answer) => answer.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
      `${HOST} answered 302`,
    ],
    [
      'it gives other bytes',
      (_, answer) => answer.writeHead(206).end(Buffer.alloc(pack.length, 'x')),
      `${HOST} gave other bytes`,
    ],
    [
      'it gives chunks that are damaged',
      (_, answer) => {
        const damaged = Buffer.from(pack)
        damaged[placeOf(one!).offset + 5]! ^= 1
        answer.writeHead(206).end(damaged.subarray(5))
      },
      `${HOST} gave other bytes`,
    ],
    [
      'it ends too soon',
      (asked, answer) => answer.writeHead(206).end(beginningOf(asked)),
      `${HOST} cannot be reached, or broke off`,
    ],
    [
      'it breaks off',
      (asked, answer) => {
        answer.writeHead(206, { 'content-length': pack.length })
        answer.write(beginningOf(asked), () => answer.destroy())
      },
      `${HOST} cannot be reached, or broke off`,
    ],
    [
      'it never ends',
      (_, answer) => answer.writeHead(206).end(Buffer.concat([pack.subarray(5), pack])),
      `${HOST} gave other bytes`,
    ],
    ['it never answers', () => {}, `${HOST} is too slow`],
    [
      'it falls silent',
      (_, answer) => answer.writeHead(206).write(pack.subarray(5, 150_000)),
      `${HOST} is too slow`,
    ],
  ]
  test.each(answers)('%s', async (_, listener, why) => {
    const reading = await device((store) => everything(`${store}/secret-path?signature=secret`), listener)
    await reading.read()
    expect(reading.told).toHaveLength(1)
    expect(reading.told[0]).toMatch(sentence(why))
    expect(reading.told[0]).not.toContain('secret')
  })

  const wrong: readonly (readonly [string, (store: string) => DirectReads['packs'], string])[] = [
    [
      'nobody is there',
      () => everything('http://127.0.0.1:1/p'),
      '127.0.0.1:1 cannot be reached, or broke off',
    ],
    [
      'without TLS',
      () => everything('http://cdn.example.org/p'),
      'the server named an address that is not safe to use',
    ],
    [
      'no address',
      () => everything('file:///etc/passwd'),
      'the server named an address that is not safe to use',
    ],
    [
      'chunks that nobody asked for',
      (store) => [{ address: store, chunks: [{ ...placeOf(one!), id: parseId('chunk', 'ee'.repeat(32)) }] }],
      'the server named places that nobody asked for',
    ],
    [
      'a chunk twice',
      (store) => [...everything(store), ...everything(store)],
      'the server named places that nobody asked for',
    ],
    [
      'a place beyond every pack',
      (store) => [{ address: store, chunks: [{ ...placeOf(one!), offset: Number.MAX_SAFE_INTEGER }] }],
      'the server named places that nobody asked for',
    ],
    [
      'another chunk’s place',
      (store) => [{ address: store, chunks: [{ ...placeOf(two!), id: one!.id }] }],
      `${HOST} gave other bytes`,
    ],
  ]
  test.each(wrong)('%s', async (_, reads, why) => {
    const reading = await device(reads, asIs)
    await reading.read()
    expect(reading.throughServer).toBe(ids.length)
    expect(reading.told).toHaveLength(1)
    expect(reading.told[0]).toMatch(sentence(why))
  })

  test('more bytes than one fetch may have', async () => {
    const many = Array.from({ length: Math.ceil(FETCH_MAX_BYTES / STORED_CHUNK_MAX_BYTES) + 1 }, (_, n) => n)
    const wanted = many.map((n) => chunkOf(n, 10).id)
    const packs = [
      {
        address: 'https://cdn.example.org/p',
        chunks: wanted.map((id) => ({ id, offset: 100, length: STORED_CHUNK_MAX_BYTES })),
      },
    ]
    expect(() => runsOf({ packs }, new Set(wanted), false)).toThrow('more bytes than one fetch may have')
  })

  test('an address on this machine, from a server that is not on it', async () => {
    const packs = everything('http://127.0.0.1:631/')
    expect(() => runsOf({ packs }, new Set(ids), false)).toThrow('not safe to use')
    expect(() => runsOf({ packs }, new Set(ids), true)).not.toThrow()
  })
})

test('after a failure the place is left alone for ever longer, and told of again when it serves', async () => {
  let broken = true
  const reading = await device(
    (store) => everything(`${store}/p`),
    (asked, answer) => (broken ? answer.writeHead(503).end() : asIs(asked, answer)),
  )
  const asks: number[] = []
  for (let n = 0; n < 40; n++) {
    const before = reading.asked
    await reading.read()
    if (reading.asked > before) asks.push(n)
    if (asks.length === 2) broken = false
  }
  expect(asks.slice(0, 3)).toEqual([0, 9, 26])
  expect(reading.told).toHaveLength(3)
  expect(reading.told[2]).toBeNull()
})

test('whatever pieces the bytes come in, and whichever chunks are asked for', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.subarray(chunks, { minLength: 1 }),
      fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 20 }),
      async (wanted, sizes) => {
        const packs = [{ address: 'https://cdn.example.org/p', chunks: wanted.map(placeOf) }]
        const asked = new Set(wanted.map(({ id }) => id))
        const exchange: typeof nodeExchange = async (_, { headers }) => {
          const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range!)!
          return {
            status: 206,
            header: () => null,
            body: inPieces(pack.subarray(Number(from), Number(to) + 1), sizes),
            cancel() {},
          }
        }
        const found: ChunkId[] = []
        for (const run of runsOf({ packs }, asked, false)) {
          const reading = { exchange, timers: nodeTimers, crypto }
          for await (const { id, bytes } of readRun(run, reading, (length) => new Uint8Array(length))) {
            expect(createHash('sha256').update(bytes).digest('hex')).toBe(id)
            found.push(id)
          }
        }
        expect(found).toEqual(wanted.map(({ id }) => id))
      },
    ),
    { numRuns: 50 },
  )
})

/** Pieces in memory that is used again, as the port allows. */
async function* inPieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  const memory = new Uint8Array(90_000)
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const piece = bytes.subarray(at, at + sizes[n % sizes.length]!)
    memory.set(piece)
    yield memory.subarray(0, piece.length)
    memory.fill(0xee)
    at += piece.length
  }
}

test('a signal that is aborted ends the reading with its reason, and nobody is told', async () => {
  const stopped = new AbortController()
  const address = await listening(() => stopped.abort(new Error('asked to stop')))
  const [run] = runsOf({ packs: everything(address) }, new Set(ids), true)
  const reading = { exchange: nodeExchange, timers: nodeTimers, crypto, signal: stopped.signal }
  const read = readRun(run!, reading, (length) => new Uint8Array(length))
  await expect(read.next()).rejects.toThrow('asked to stop')
})
