/**
 * Blobs in one bucket of an S3-compatible store, as `zone/object`. An object up to a limit is one PutObject, a larger one
 * a multipart upload that exists once it is completed.
 */
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { BufferPool } from '@pileus/core/bytes/buffer-pool'
import { DamagedStorage, EngineUnreachable, StorageFull } from '../engine-errors.ts'
import { type BlobKey, BlobMissing, type Blobs } from './blobs.ts'
import { presigned, type S3DirectReads } from './s3-direct.ts'
import { requireUsable } from './s3-start.ts'

export interface S3Options {
  /** http:// or https:// URL of the store; null for Amazon's own. */
  readonly endpoint: string | null
  readonly region: string
  readonly bucket: string
  readonly accessKey: string
  readonly secretKey: string
  /** Whether and where devices may read objects themselves. */
  readonly direct?: S3DirectReads
}

interface Store {
  readonly client: S3Client
  readonly bucket: string
}

/** An object up to this size is sent at once. Packs of the usual 8 MiB are; S3 wants parts of at least 5 MiB. */
const PART_BYTES = 10 * 1_048_576
const parts = new BufferPool(PART_BYTES)
const HEX = /^[0-9a-f]{4,128}$/
const ATTEMPTS_MAX = 3
const CONNECT_MS = 5_000
/** With all attempts no longer than devices wait for an answer. */
const SILENCE_MS = 10_000
const CONNECTIONS_MAX = 64
/** What different stores answer when they have no room. */
const FULL: ReadonlySet<string> = new Set(['QuotaExceeded', 'XMinioStorageFull', 'InsufficientCapacity'])

export interface S3Times {
  /** Milliseconds since 1970. */
  readonly clock?: () => number
  /** A connection on which nothing comes or goes for so long is given up, and the request made on another one. */
  readonly silenceMs?: number
}

/** Connects, and tries out that the bucket can be written and read. Throws EngineUnusable. */
export async function s3Blobs(options: S3Options, times: S3Times = {}): Promise<Blobs> {
  const { clock = Date.now, silenceMs = SILENCE_MS } = times
  const client = clientOf(options, options.endpoint, silenceMs)
  const { bucket, direct } = options
  const store: Store = { client, bucket }
  try {
    await requireUsable(client, options)
  } catch (error) {
    client.destroy()
    throw error
  }
  return {
    put: (key, bytes) => put(store, nameOf(key), key, bytes),
    read: (key, offset, into) => read(store, nameOf(key), key, offset, into),
    ...(direct && { directRead: directReads(options, direct, clock) }),
    exists: (key) => exists(store, nameOf(key)),
    remove: async (key) => {
      await reached(() => client.send(new DeleteObjectCommand({ Bucket: bucket, Key: nameOf(key) })))
    },
    check: async () => {
      await reached(() => client.send(new HeadBucketCommand({ Bucket: bucket })))
    },
    close: async () => client.destroy(),
  }
}

function clientOf(options: S3Options, endpoint: string | null, silenceMs: number): S3Client {
  return new S3Client({
    ...(endpoint !== null && { endpoint, forcePathStyle: true }),
    region: options.region,
    credentials: { accessKeyId: options.accessKey, secretAccessKey: options.secretKey },
    maxAttempts: ATTEMPTS_MAX,
    // Every request's signature covers a hash of its body; further checksums are not known to every store.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: silenceMs,
      httpAgent: { maxSockets: CONNECTIONS_MAX },
      httpsAgent: { maxSockets: CONNECTIONS_MAX },
    },
  })
}

function directReads(options: S3Options, direct: S3DirectReads, clock: () => number) {
  const named = direct.host === 'origin' ? direct.origin : null
  // Never connects: it only signs.
  const client = clientOf(options, named ?? options.endpoint, SILENCE_MS)
  const presigning = { client, bucket: options.bucket, direct, clock }
  return (key: BlobKey) => presigned(presigning, nameOf(key))
}

function nameOf(key: BlobKey): string {
  if (!HEX.test(key.zone) || !HEX.test(key.object)) throw new RangeError('a blob key must be two hex ids')
  return `${key.zone}/${key.object}`
}

/** Gathers the source into one buffer; what does not fit makes the object a multipart upload. */
async function put(
  store: Store,
  name: string,
  key: BlobKey,
  bytes: AsyncIterable<Uint8Array>,
): Promise<void> {
  const buffer = parts.take()
  const upload = new Multipart(store, name, key)
  try {
    let filled = 0
    for await (const piece of bytes) {
      for (let at = 0; at < piece.length; ) {
        if (filled === PART_BYTES) {
          await upload.add(buffer)
          filled = 0
        }
        const taken = Math.min(piece.length - at, PART_BYTES - filled)
        buffer.set(piece.subarray(at, at + taken), filled)
        filled += taken
        at += taken
      }
    }
    await upload.end(buffer.subarray(0, filled))
  } catch (error) {
    await upload.abort()
    throw error
  } finally {
    parts.give(buffer)
  }
}

/** An upload that becomes a multipart one with its first full part. */
class Multipart {
  readonly #store: Store
  readonly #name: string
  readonly #key: BlobKey
  readonly #parts: CompletedPart[] = []
  #id: string | undefined

  constructor(store: Store, name: string, key: BlobKey) {
    this.#store = store
    this.#name = name
    this.#key = key
  }

  /** Sends a part; its memory is free again afterwards. */
  async add(part: Uint8Array): Promise<void> {
    this.#id ??= (
      await this.#send(() => this.#store.client.send(new CreateMultipartUploadCommand(this.#object)))
    ).UploadId
    const number = this.#parts.length + 1
    const { ETag } = await this.#send(() =>
      this.#store.client.send(
        new UploadPartCommand({ ...this.#object, UploadId: this.#id, PartNumber: number, Body: part }),
      ),
    )
    this.#parts.push({ PartNumber: number, ...(ETag !== undefined && { ETag }) })
  }

  /** Sends the rest and makes the object exist. */
  async end(rest: Uint8Array): Promise<void> {
    if (this.#id === undefined) {
      await this.#send(() => this.#store.client.send(new PutObjectCommand({ ...this.#object, Body: rest })))
      return
    }
    if (rest.length > 0) await this.add(rest)
    const completed = { UploadId: this.#id, MultipartUpload: { Parts: this.#parts } }
    await this.#send(() =>
      this.#store.client.send(new CompleteMultipartUploadCommand({ ...this.#object, ...completed })),
    )
  }

  /** Gives the parts back. Where the store does not answer, its rule for unfinished uploads has to. */
  async abort(): Promise<void> {
    if (this.#id === undefined) return
    const aborted = new AbortMultipartUploadCommand({ ...this.#object, UploadId: this.#id })
    await this.#store.client.send(aborted).catch(() => undefined)
  }

  get #object() {
    return { Bucket: this.#store.bucket, Key: this.#name }
  }

  #send<T>(work: () => Promise<T>): Promise<T> {
    return reached(work, `object ${this.#key.object}`)
  }
}

async function read({ client, bucket }: Store, name: string, key: BlobKey, offset: number, into: Uint8Array) {
  if (into.length === 0) return
  const range = `bytes=${offset}-${offset + into.length - 1}`
  let filled = 0
  try {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: name, Range: range }))
    for await (const piece of Body as AsyncIterable<Uint8Array>) {
      if (filled + piece.length > into.length) break
      into.set(piece, filled)
      filled += piece.length
    }
  } catch (error) {
    if (isMissing(error)) throw new BlobMissing(key, error)
    if (nameOfError(error) === 'InvalidRange')
      throw new DamagedStorage(`object ${key.object} is cut off`, error)
    throw s3Error(error, `object ${key.object}`)
  }
  if (filled < into.length)
    throw new DamagedStorage(`object ${key.object} is cut off at ${offset + filled} bytes`)
}

async function exists({ client, bucket }: Store, name: string): Promise<boolean> {
  try {
    await client.send(new HeadObjectCommand({ Bucket: bucket, Key: name }))
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw s3Error(error, 'the S3 store')
  }
}

async function reached<T>(work: () => Promise<T>, what = 'the S3 store'): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw s3Error(error, what)
  }
}

function isMissing(error: unknown): boolean {
  return ['NoSuchKey', 'NotFound'].includes(nameOfError(error) ?? '')
}

function nameOfError(error: unknown): string | undefined {
  return error instanceof S3ServiceException ? error.name : undefined
}

/** The driver's failure as one of the port's own, where it is one. */
function s3Error(error: unknown, what: string): unknown {
  if (!(error instanceof Error)) return error
  const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined
  if (status === 507 || FULL.has(nameOfError(error) ?? '')) return new StorageFull(what, error)
  if (status === undefined || status >= 500 || status === 429)
    return new EngineUnreachable('the S3 store', error)
  return error
}
