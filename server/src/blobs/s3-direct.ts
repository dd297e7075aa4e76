/**
 * Addresses at which devices read objects themselves: presigned GETs
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
 */
import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { ADDRESS_PERIOD_SECONDS } from '@pileus/core/limits'

export interface S3DirectReads {
  /** Where devices reach the objects: scheme, host and port. Null: at the store's own address. */
  readonly origin: string | null
  /**
   * Whose name the store is asked by. 'origin': by that in the address, whatever passes the request on; 'store': what stands
   * at `origin`, a CDN say, asks the store by the store's own name.
   */
  readonly host: 'origin' | 'store'
}

/** Objects never change. A presigned answer without this would be kept by nobody on the way. */
const CACHE_CONTROL = 'public, max-age=31536000, immutable'

export interface Presigning {
  /** Of the store as `direct.host` names it; sends nothing. */
  readonly client: S3Client
  readonly bucket: string
  readonly direct: S3DirectReads
  /** Milliseconds since 1970. */
  readonly clock: () => number
}

/**
 * The address of an object. All who ask within one period get the same, so that a cache on the way can know it again. It
 * is signed as of the period's beginning and good until the end of the next.
 */
export async function presigned({ client, bucket, direct, clock }: Presigning, name: string) {
  const period = ADDRESS_PERIOD_SECONDS * 1_000
  const address = await getSignedUrl(
    client,
    new GetObjectCommand({ Bucket: bucket, Key: name, ResponseCacheControl: CACHE_CONTROL }),
    { expiresIn: 2 * ADDRESS_PERIOD_SECONDS, signingDate: new Date(Math.floor(clock() / period) * period) },
  )
  if (direct.origin === null || direct.host === 'origin') return address
  const { pathname, search } = new URL(address)
  return `${direct.origin}${pathname}${search}`
}
