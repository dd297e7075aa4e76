/**
 * The blobs port: immutable objects, written once, read in ranges. Packs rest here.
 *
 * Promises of every engine:
 * - `put` resolves only once the whole object is durable; an object is either whole or not there at all, whatever
 *   crashes. While the source throws or is cut, nothing becomes visible.
 * - `put` of a key that exists leaves the stored object and resolves: objects with equal keys are equal.
 * - After `put` resolved every process can read; after `remove` resolved `read` throws `BlobMissing`.
 * - Memory is bounded by a few buffers per call, whatever the size; a part is copied or written before the next is
 *   asked for, so that its memory can be used again.
 * - Every call may be repeated. Failures: `BlobMissing`, `StorageFull`, `DamagedStorage`, or the driver's own.
 *
 * S3: `put` is a PutObject or a multipart upload completed at the end, `read` a ranged GetObject.
 */
export interface Blobs {
  put(key: BlobKey, bytes: AsyncIterable<Uint8Array>): Promise<void>
  /** Fills `into` with the bytes from `offset`. Throws DamagedStorage when the object ends before that. */
  read(key: BlobKey, offset: number, into: Uint8Array): Promise<void>
  /**
   * An address where whoever has it may read the object in ranges (RFC 9110 §14) for ADDRESS_PERIOD_SECONDS and up to twice
   * as long, without this server. Whether there is such an object is not looked at. Only engines that can give one have
   * this, and only where the operator wants it.
   */
  directRead?(key: BlobKey): Promise<string>
  exists(key: BlobKey): Promise<boolean>
  /** Resolves as well when there is no such object. */
  remove(key: BlobKey): Promise<void>
  check(): Promise<void>
  close(): Promise<void>
}

/** Two hex ids: the zone and the object in it. Safe as a path, an URL and an object name. */
export interface BlobKey {
  readonly zone: string
  readonly object: string
}

/** There is no such object. */
export class BlobMissing extends Error {
  readonly key: BlobKey
  constructor(key: BlobKey, cause?: unknown) {
    super(`no object ${key.object} in zone ${key.zone}`, { cause })
    this.name = 'BlobMissing'
    this.key = key
  }
}
