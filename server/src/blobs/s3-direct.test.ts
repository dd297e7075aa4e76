import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ADDRESS_MAX_CHARACTERS, ADDRESS_PERIOD_SECONDS } from '@pileus/core/limits'
import { withEngine } from '@pileus/engines/in-tests'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BlobKey, Blobs } from './blobs.ts'
import { type S3Options, s3Blobs } from './s3.ts'
import type { S3DirectReads } from './s3-direct.ts'

const PERIOD_MS = ADDRESS_PERIOD_SECONDS * 1_000
const bytes = randomBytes(3_000_000)
const key: BlobKey = { zone: randomBytes(32).toString('hex'), object: randomBytes(32).toString('hex') }

await withEngine('s3', 'direct reads of blobs on S3', ({ title, settings }) => {
  const endpoint = settings.PILEUS_S3_ENDPOINT!
  const opened: Blobs[] = []
  const open = async (direct: S3DirectReads, clock?: () => number) => {
    const options: S3Options = {
      endpoint,
      region: 'us-east-1',
      bucket: settings.PILEUS_S3_BUCKET!,
      accessKey: settings.PILEUS_S3_ACCESS_KEY!,
      secretKey: settings.PILEUS_S3_SECRET_KEY!,
      direct,
    }
    const blobs = await s3Blobs(options, clock ? { clock } : {})
    opened.push(blobs)
    return blobs
  }
  const atTheStore: S3DirectReads = { origin: null, host: 'origin' }

  describe(`direct reads on ${title} (SRV-49)`, () => {
    let blobs: Blobs
    beforeAll(async () => {
      blobs = await open(atTheStore)
      async function* whole() {
        yield bytes
      }
      await blobs.put(key, whole())
    })
    afterAll(async () => {
      for (const each of opened) await each.close()
    })

    it('gives an address that whoever has it can read in ranges, without the secret key', async () => {
      const address = await blobs.directRead!(key)
      expect(address.startsWith(`${endpoint}/`)).toBe(true)
      expect(address).not.toContain(settings.PILEUS_S3_SECRET_KEY)
      expect(address.length).toBeLessThan(ADDRESS_MAX_CHARACTERS / 2)
      const part = await fetch(address, { headers: { range: 'bytes=1000-1999999' } })
      expect(part.status).toBe(206)
      expect(part.headers.get('content-range')).toBe('bytes 1000-1999999/3000000')
      expect(part.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      expect(Buffer.compare(Buffer.from(await part.arrayBuffer()), bytes.subarray(1_000, 2_000_000))).toBe(0)
      const all = await fetch(address)
      expect(Buffer.compare(Buffer.from(await all.arrayBuffer()), bytes)).toBe(0)
    })

    it('gives nothing but that object: no other one, and no writing', async () => {
      const address = await blobs.directRead!(key)
      const other = address.replace(key.object, randomBytes(32).toString('hex'))
      expect((await fetch(other)).status).toBe(403)
      expect((await fetch(address, { method: 'PUT', body: 'x' })).status).toBe(403)
      expect((await fetch(address, { method: 'DELETE' })).status).toBe(403)
      expect(await blobs.exists(key)).toBe(true)
    })

    it('gives the same address within a period, and another one after it', async () => {
      let now = Math.floor(Date.now() / PERIOD_MS) * PERIOD_MS
      const timed = await open(atTheStore, () => now)
      const first = await timed.directRead!(key)
      now += PERIOD_MS - 1
      expect(await timed.directRead!(key)).toBe(first)
      now += 1
      expect(await timed.directRead!(key)).not.toBe(first)
    })

    it('lasts to the end of the next period, and no longer', async () => {
      const late = await open(atTheStore, () => Date.now() - PERIOD_MS)
      expect((await fetch(await late.directRead!(key))).status).toBe(200)
      const over = await open(atTheStore, () => Date.now() - 2 * PERIOD_MS - 1_000)
      expect((await fetch(await over.directRead!(key))).status).toBe(403)
    })

    it('is signed for the name that the address has, or for the store’s own behind a CDN', async () => {
      await using passing = await passOn(endpoint, 'kept')
      await using cdn = await passOn(endpoint, 'replaced')
      const read = async (origin: string, host: S3DirectReads['host']) => {
        const address = await (await open({ origin, host })).directRead!(key)
        expect(address.startsWith(`${origin}/`)).toBe(true)
        return (await fetch(address, { headers: { range: 'bytes=0-9' } })).status
      }
      expect(await read(passing.url, 'origin')).toBe(206)
      expect(await read(cdn.url, 'store')).toBe(206)
      expect(await read(cdn.url, 'origin'), 'signed for a name that the store never hears').toBe(403)
    })
  })
})

/** Stands before the store; the store hears the name that was asked for, or its own. */
async function passOn(store: string, host: 'kept' | 'replaced') {
  const server = createServer((asked, answer) => {
    const headers = host === 'kept' ? asked.headers : { ...asked.headers, host: new URL(store).host }
    const onward = request(new URL(asked.url!, store), { method: asked.method!, headers, setHost: false })
    onward.on('response', (response) => {
      answer.writeHead(response.statusCode!, response.headers)
      response.pipe(answer)
    })
    asked.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
    },
  }
}
