import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3'
import { withEngine } from '@pileus/engines/in-tests'
import { launchS3 } from '@pileus/engines/s3'
import { afterAll, describe, expect, it } from 'vitest'
import { EngineUnreachable, EngineUnusable } from '../engine-errors.ts'
import { blobsContract } from './blobs.contract.ts'
import { fileBlobs } from './files.ts'
import { memoryBlobs } from './memory.ts'
import { type S3Options, s3Blobs } from './s3.ts'

const folder = mkdtempSync(join(tmpdir(), 'pileus-blobs-'))
afterAll(() => rmSync(folder, { recursive: true }))
let folders = 0
const newFolder = () => join(folder, String(++folders))

blobsContract('memory', async () => memoryBlobs())
blobsContract('files', () => fileBlobs(newFolder()))

it('removes at start what an earlier process left half-written', async () => {
  const root = newFolder()
  await fileBlobs(root)
  writeFileSync(join(root, 'incoming', 'left'), 'half')
  await fileBlobs(root)
  expect(readdirSync(join(root, 'incoming'))).toEqual([])
})

it('never makes a path of anything but hex ids', async () => {
  const blobs = await fileBlobs(newFolder())
  await expect(async () =>
    blobs.read({ zone: '../../etc', object: 'passwd' }, 0, new Uint8Array(1)),
  ).rejects.toThrow(RangeError)
})

await withEngine('s3', 'blobs on S3', ({ title, settings }) => {
  const optionsOf = (given: Readonly<Record<string, string>>): S3Options => ({
    endpoint: given.PILEUS_S3_ENDPOINT!,
    region: 'us-east-1',
    bucket: given.PILEUS_S3_BUCKET!,
    accessKey: given.PILEUS_S3_ACCESS_KEY!,
    secretKey: given.PILEUS_S3_SECRET_KEY!,
  })
  const options = optionsOf(settings)

  blobsContract(title, () => s3Blobs(options))

  it('leaves no unfinished upload behind when a source failed', async () => {
    const blobs = await s3Blobs(options)
    async function* broken() {
      for (let n = 0; n < 12; n++) yield new Uint8Array(1_048_576)
      throw new Error('the connection was cut')
    }
    await expect(blobs.put({ zone: 'aaaa', object: 'bbbb' }, broken())).rejects.toThrow(
      'the connection was cut',
    )
    const client = clientOf(options)
    const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: options.bucket }))
    expect(Uploads ?? []).toEqual([])
    client.destroy()
    await blobs.close()
  })

  it('says that the store does not answer, and goes on when it is back', async () => {
    const server = await launchS3()
    const blobs = await s3Blobs(optionsOf(server.settings))
    try {
      const key = { zone: 'aaaa', object: 'bbbb' }
      async function* source() {
        yield Uint8Array.of(1, 2, 3)
      }
      await blobs.put(key, source())
      await server.stop('killed')
      await expect(blobs.put(key, source())).rejects.toThrow(EngineUnreachable)
      await expect(blobs.read(key, 0, new Uint8Array(1))).rejects.toThrow(EngineUnreachable)
      await expect(blobs.exists(key)).rejects.toThrow(EngineUnreachable)
      await expect(blobs.check()).rejects.toThrow(EngineUnreachable)
      await server.start()
      const into = new Uint8Array(3)
      await blobs.read(key, 0, into)
      expect([...into]).toEqual([1, 2, 3])
    } finally {
      await blobs.close()
      await server.remove()
    }
  })

  it('gives up a store that takes connections and says nothing, at the start and in the middle of an object', async () => {
    await using before = await standingBefore(options.endpoint!)
    const through = { ...options, endpoint: before.url }
    const times = { silenceMs: 200 }
    const blobs = await s3Blobs(through, times)
    const key = { zone: 'aaaa', object: 'cccc' }
    async function* large() {
      for (let n = 0; n < 8; n++) yield new Uint8Array(1_048_576)
    }
    await blobs.put(key, large())
    before.silentAfter(300_000)
    await expect(blobs.read(key, 0, new Uint8Array(8 * 1_048_576))).rejects.toThrow(EngineUnreachable)
    before.silentAfter(0)
    await expect(blobs.put({ ...key, object: 'dddd' }, large())).rejects.toThrow(EngineUnreachable)
    await expect(s3Blobs(through, times)).rejects.toThrow(
      /^cannot reach the S3 store at 127\.0\.0\.1:\d+: .*inactivity.*; start it, or correct PILEUS_S3_ENDPOINT$/,
    )
    await blobs.close()
  })

  describe('an S3 store that cannot be used', () => {
    const sentenceFor = async (wrong: Partial<S3Options>): Promise<string> => {
      const failure = await s3Blobs({ ...options, ...wrong }).then(
        () => undefined,
        (error: unknown) => error,
      )
      expect(failure).toBeInstanceOf(EngineUnusable)
      return (failure as Error).message
    }

    it('without the bucket', async () => {
      expect(await sentenceFor({ bucket: 'nowhere' })).toMatch(
        /it has no bucket "nowhere"; create it, or correct PILEUS_S3_BUCKET$/,
      )
    })

    it('with a wrong access key or secret key', async () => {
      for (const wrong of [{ accessKey: 'nobody' }, { secretKey: 'guess' }]) {
        expect(await sentenceFor(wrong)).toMatch(/refuses the access key; correct PILEUS_S3_ACCESS_KEY and/)
      }
    })

    it('with a bucket that this key may not write', async () => {
      const server = await launchS3({ readOnly: true })
      try {
        expect(await sentenceFor(optionsOf(server.settings))).toMatch(
          /the access key may not write objects in the bucket "pileus"; allow it to get, put and delete them$/,
        )
      } finally {
        await server.remove()
      }
    })

    it('out of reach', async () => {
      expect(await sentenceFor({ endpoint: 'http://127.0.0.1:1' })).toMatch(
        /^cannot reach the S3 store at 127\.0\.0\.1:1: .*ECONNREFUSED.*; start it, or correct PILEUS_S3_ENDPOINT$/,
      )
    })
  })
})

/** Stands before a store. From `silentAfter` on it passes so many bytes of answers on, and then nothing. */
async function standingBefore(store: string) {
  let left = Number.POSITIVE_INFINITY
  const sockets = new Set<Socket>()
  const keep = (socket: Socket) => {
    sockets.add(socket)
    return socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  }
  const server = createServer((client) => {
    const onward = keep(connect(Number(new URL(store).port), '127.0.0.1'))
    keep(client).pipe(onward)
    onward.on('data', (bytes: Buffer) => {
      left -= bytes.length
      if (left >= 0) client.write(bytes)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    silentAfter(bytes: number) {
      left = bytes
    },
    async [Symbol.asyncDispose]() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function clientOf({ endpoint, region, accessKey, secretKey }: S3Options): S3Client {
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey }
  return new S3Client({ endpoint: endpoint!, region, credentials, forcePathStyle: true })
}
