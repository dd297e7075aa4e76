/** What HTTP itself can bring: bad bodies, other formats, probes, logs. SRV-1, SRV-6 to SRV-9 in docs/spec/protocol.md. */
import { createConnection } from 'node:net'
import { encodeCbor } from '@pileus/core/bytes/cbor'
import { ENDPOINTS } from '@pileus/core/protocol/endpoints'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EngineUnreachable } from '../engine-errors.ts'
import { type RunningServer, startServer } from '../start.ts'
import { ask, get, newZone, type Person, pushOf, refusal, signUp } from './fixtures.ts'

let server: RunningServer
let url: string
let ana: Person
const lines: string[] = []

beforeAll(async () => {
  server = await startServer({
    data: 'memory',
    port: 0,
    logLevel: 'debug',
    logTo: { write: (line) => void lines.push(line) },
  })
  url = server.url
  ana = await signUp(url, 'secret-name')
})
afterAll(() => server.close())

async function post(path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string>) {
  const response = await fetch(url + path, { method: 'POST', body, headers })
  return { status: response.status, type: response.headers.get('content-type'), text: await response.text() }
}

function pieces(texts: readonly string[]): ReadableStream {
  return new ReadableStream({
    start(controller) {
      for (const text of texts) controller.enqueue(Buffer.from(text))
      controller.close()
    },
  })
}

const SIGNUP = '/api/v1/accounts/signup/start'

describe('a body', () => {
  it.each([
    ['is not JSON', '{"name":', 'application/json'],
    ['is empty', '', 'application/json'],
    ['has the wrong type', '{"name":5,"registration":"AAAA"}', 'application/json'],
    ['has a property too many', '{"name":"ana","registration":"AAAA","admin":true}', 'application/json'],
    ['is JSON that is called CBOR', '{"name":"ana"}', 'application/cbor'],
    ['is not UTF-8', new Uint8Array([0x22, 0xff, 0x22]), 'application/json'],
    ['is CBOR nested too deep', new Uint8Array(5_000).fill(0x81), 'application/cbor'],
    [
      'is CBOR that claims more than it has',
      new Uint8Array([0x9b, 0, 0, 0, 1, 0, 0, 0, 0]),
      'application/cbor',
    ],
  ])('that %s is refused with 400', async (_what, body, type) => {
    const { status, text } = await post(SIGNUP, body, { 'content-type': type })
    expect(status).toBe(400)
    const code = type === 'application/json' ? JSON.parse(text).code : 'malformed-request'
    expect(code).toBe('malformed-request')
    expect(text).toContain('malformed-request')
  })

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'application/octet-stream',
  ])('of type %s is refused with 415', async (type) => {
    const { status, text } = await post(SIGNUP, '{}', { 'content-type': type })
    expect({ status, code: JSON.parse(text).code }).toEqual({ status: 415, code: 'unsupported-media-type' })
  })

  it('that is too large is refused with 413, declared or streamed', async () => {
    const large = 'x'.repeat(20_000)
    expect((await post(SIGNUP, large, { 'content-type': 'application/json' })).status).toBe(413)
    const streamed = await fetch(url + SIGNUP, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: pieces([large, large]),
      duplex: 'half',
    } as RequestInit)
    expect(streamed.status).toBe(413)
    expect((await ask(url, 'account', { token: ana.token })).status).toBe(200)
  })

  it('that is cut off changes nothing and harms nobody', async () => {
    const before = lines.length
    const socket = createConnection(server.port, '127.0.0.1')
    socket.write(
      `POST ${SIGNUP} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{`,
    )
    await new Promise((resolve) => setTimeout(resolve, 50))
    socket.destroy()
    expect((await ask(url, 'account', { token: ana.token })).status).toBe(200)
    // Nor is it a failure of the server: its log has no error, and no stack.
    await expect.poll(() => lines.slice(before).join('')).toContain('the connection ended')
    expect(lines.slice(before).join('')).not.toContain('"level":50')
  })
})

describe('parameters', () => {
  it('are parsed, never interpolated', async () => {
    for (const zone of ["'; DROP TABLE zones; --", '%2e%2e%2f%2e%2e', 'A'.repeat(64), '0'.repeat(63)]) {
      expect(await refusal(url, 'zone', { token: ana.token, params: { zone } })).toMatch(/^4\d\d /)
    }
    const params = { zone: ana.accountZone.zone }
    const asked = { token: ana.token, params }
    expect(await refusal(url, 'changes', { ...asked, query: { after: '-1' } })).toBe('400 malformed-request')
    expect(await refusal(url, 'changes', { ...asked, query: { nonsense: 1 } })).toBe('400 malformed-request')
    expect((await get(url, 'changes', { ...asked, query: { limit: 0 } })).changes.length).toBe(1)
  })
})

describe('an answer', () => {
  it('comes in the format asked for, else in that of the request, else in JSON', async () => {
    const path = '/api/v1/account'
    const authorization = `Bearer ${ana.token}`
    const typeOf = async (headers: Record<string, string>) =>
      (await fetch(url + path, { headers: { authorization, ...headers } })).headers.get('content-type')
    expect(await typeOf({})).toBe('application/json')
    expect(await typeOf({ accept: 'application/cbor' })).toBe('application/cbor')
    expect(await typeOf({ accept: 'application/json, application/cbor;q=0.5' })).toBe('application/json')
    const body = encodeCbor({ name: 'nobody' })
    const cbor = await post('/api/v1/accounts/recovery/start', new Uint8Array(body), {
      'content-type': 'application/cbor',
    })
    expect(cbor.type).toBe('application/cbor')
  })

  it('of a refusal is a problem document', async () => {
    const response = await fetch(`${url}/api/v1/account`)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.get('www-authenticate')).toBe('Bearer')
    expect(await response.json()).toMatchObject({
      status: 401,
      code: 'not-signed-in',
      title: expect.any(String),
    })
    const unknown = await fetch(`${url}/api/v2/everything`)
    expect(await unknown.json()).toMatchObject({ status: 404, code: 'not-found' })
    const other = await fetch(`${url}/health`, { method: 'DELETE' })
    expect(await other.json()).toMatchObject({ status: 404, code: 'not-found' })
    const undecodable = await fetch(`${url}/api/v1/%ff`)
    expect(undecodable.headers.get('content-type')).toBe('application/problem+json')
    expect(await undecodable.json()).toMatchObject({ status: 400, code: 'malformed-request' })
  })

  it('to what is not HTTP is one too', async () => {
    const socket = createConnection(server.port, '127.0.0.1')
    socket.end('this is not HTTP\r\n\r\n')
    let text = ''
    for await (const part of socket) text += part
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
    expect(JSON.parse(text.slice(text.indexOf('{')))).toMatchObject({ code: 'malformed-request' })
  })
})

describe('the server', () => {
  it('says what it is', async () => {
    for (const path of ['/', '/api/v1']) {
      const answer = await (await fetch(url + path)).json()
      expect(answer).toEqual({ product: 'pileus', version: server.version, protocol: 1 })
    }
  })

  it('describes every endpoint of the table, and mounts each', async () => {
    const description = await (await fetch(`${url}/api/v1/openapi.json`)).json()
    for (const { method, path } of Object.values(ENDPOINTS)) {
      const named = description.paths[path.replace(/:(\w+)/g, '{$1}')]
      expect(named?.[method.toLowerCase()]).toBeDefined()
      const response = await fetch(url + path.replace(/:\w+/g, '0'), { method })
      expect((await response.json()).detail).not.toContain('there is no such endpoint')
    }
  })

  it('answers probes', async () => {
    for (const path of ['/health', '/health/live', '/health/ready']) {
      const response = await fetch(url + path)
      expect(response.status).toBe(200)
      expect(await response.json()).toMatchObject({ status: 'healthy' })
    }
  })

  it('is not ready while an engine does not answer, and is alive', async () => {
    const broken = await startServer({
      data: 'memory',
      port: 0,
      wrap: (engines) => ({
        ...engines,
        zones: { ...engines.zones, check: () => Promise.reject(new Error('no answer')) },
      }),
    })
    try {
      expect((await fetch(`${broken.url}/health/ready`)).status).toBe(503)
      expect((await fetch(`${broken.url}/health/live`)).status).toBe(200)
      const health = await (await fetch(`${broken.url}/health`)).json()
      expect(health.components).toMatchObject({
        zones: { status: 'unhealthy' },
        accounts: { status: 'healthy' },
      })
    } finally {
      await broken.close()
    }
  })

  it('tells nothing of its own failure but where to look', async () => {
    const broken = await startServer({
      data: 'memory',
      port: 0,
      wrap: (engines) => ({
        ...engines,
        accounts: {
          ...engines.accounts,
          byName: () => Promise.reject(new Error('the password of the database')),
        },
      }),
    })
    try {
      const message = { name: 'ana', registration: 'AAAA' }
      const answer = await ask(broken.url, 'signupStart', { message })
      expect(answer.message).toMatchObject({ status: 500, code: 'internal' })
      expect(JSON.stringify(answer.message)).not.toContain('password')
    } finally {
      await broken.close()
    }
  })

  it('says when to come back while an engine does not answer, and not which', async () => {
    const away = () => Promise.reject(new EngineUnreachable('the database accounts', new Error('10.0.0.1')))
    const broken = await startServer({
      data: 'memory',
      port: 0,
      wrap: (engines) => ({ ...engines, accounts: { ...engines.accounts, byName: away } }),
    })
    try {
      const message = { name: 'ana', registration: 'AAAA' }
      const answer = await ask(broken.url, 'signupStart', { message })
      expect(answer.status).toBe(500)
      expect(answer.message).toMatchObject({ code: 'internal' })
      expect(answer.headers.get('retry-after')).toBe('5')
      expect(JSON.stringify(answer.message)).not.toMatch(/accounts|10\.0/)
    } finally {
      await broken.close()
    }
  })

  it('logs routes and outcomes, and never a name, a token or a body', async () => {
    const zone = await newZone(ana)
    await get(url, 'push', { token: ana.token, message: pushOf(ana, zone, [{ name: 'diary' }]) })
    await refusal(url, 'loginFinish', { message: { attempt: 'A'.repeat(43), login: 'AAAA' } })
    const all = lines.join('')
    expect(all).toContain('"route":"/api/v1/sync/push"')
    for (const secret of ['secret-name', ana.token, 'diary', ana.password, zone.zone]) {
      expect(all).not.toContain(secret)
    }
    const metrics = await (await fetch(`${url}/metrics`)).text()
    expect(metrics).toContain('icloud_http_request_duration_seconds')
    expect(metrics).toContain('icloud_sync_operations_total{operation="push",result="success"}')
    expect(metrics).not.toContain('secret-name')
  })
})
