/** Whether a bucket can be used, and what is said when it cannot. */
import { randomBytes } from 'node:crypto'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { EngineUnusable } from '../engine-errors.ts'
import type { S3Options } from './s3.ts'

const PROBE = Buffer.from('written at the start')

/** Writes, reads and removes a small object. Throws EngineUnusable. */
export async function requireUsable(client: S3Client, options: S3Options): Promise<void> {
  const object = { Bucket: options.bucket, Key: `start/${randomBytes(16).toString('hex')}` }
  await step(options, 'write', () => client.send(new PutObjectCommand({ ...object, Body: PROBE })))
  await step(options, 'read', async () => {
    const { Body } = await client.send(new GetObjectCommand({ ...object, Range: 'bytes=1-3' }))
    const bytes = await Body!.transformToByteArray()
    if (Buffer.compare(bytes, PROBE.subarray(1, 4)) !== 0) {
      throw new EngineUnusable(
        `cannot use ${storeOf(options)}: it does not answer reads of a part of an object with that part; use a store that does`,
      )
    }
  })
  await step(options, 'remove', () => client.send(new DeleteObjectCommand(object)))
}

async function step(
  options: S3Options,
  doing: 'write' | 'read' | 'remove',
  work: () => Promise<unknown>,
): Promise<void> {
  try {
    await work()
  } catch (error) {
    throw error instanceof EngineUnusable ? error : unusable(error, options, doing)
  }
}

function storeOf({ endpoint }: S3Options): string {
  return endpoint === null ? 'Amazon S3' : `the S3 store at ${new URL(endpoint).host}`
}

function unusable(error: unknown, options: S3Options, doing: string): EngineUnusable {
  const store = storeOf(options)
  if (!(error instanceof S3ServiceException)) {
    return new EngineUnusable(
      `cannot reach ${store}: ${messageOf(error)}; start it, or correct PILEUS_S3_ENDPOINT`,
    )
  }
  const bucket = JSON.stringify(options.bucket)
  return new EngineUnusable(`cannot use ${store}: ${refusal(error, bucket, doing)}`)
}

function refusal(error: S3ServiceException, bucket: string, doing: string): string {
  switch (error.name) {
    case 'NoSuchBucket':
    case 'NotFound':
      return `it has no bucket ${bucket}; create it, or correct PILEUS_S3_BUCKET`
    case 'InvalidAccessKeyId':
    case 'SignatureDoesNotMatch':
    case 'XAdminUserNotFound':
      return 'it refuses the access key; correct PILEUS_S3_ACCESS_KEY and PILEUS_S3_SECRET_KEY'
    case 'RequestTimeTooSkewed':
      return "its clock and this machine's differ by more than 15 minutes; set both by NTP"
    case 'PermanentRedirect':
    case 'AuthorizationHeaderMalformed':
      return `it serves the bucket ${bucket} in another region (${error.message}); correct PILEUS_S3_REGION`
    case 'AccessDenied':
      return `the access key may not ${doing} objects in the bucket ${bucket}; allow it to get, put and delete them`
    default:
      return `it answered ${error.name} (${error.message}) to an attempt to ${doing} an object in the bucket ${bucket}`
  }
}

/** A connection tried at several addresses hides its reasons inside. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(', ')
  return error instanceof Error ? error.message : String(error)
}
