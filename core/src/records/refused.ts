/** Why sealed bytes are refused: one class for records, one for batches. */

export type RecordReason =
  /** Bytes that are not the format. */
  | 'malformed'
  /** Larger than a record may be. */
  | 'too-large'
  /** A record of another zone than the one asked for. */
  | 'wrong-zone'
  /** The clear chunk list is not the one that was sealed. */
  | 'refs-changed'
  /** Sealed under a key epoch this device has no key for. */
  | 'unknown-epoch'
  /** Key, facts or ciphertext were changed, swapped or damaged. */
  | 'not-authentic'

/** A record that is not what a device of the zone sealed. The data is the reason. */
export class RecordRefused extends Error {
  readonly reason: RecordReason
  constructor(reason: RecordReason, why: string) {
    super(`a record is refused: ${why}`)
    this.name = 'RecordRefused'
    this.reason = reason
  }
}

export type BatchReason = 'malformed' | 'wrong-device' | 'bad-signature' | 'wrong-leaves'

/** A batch that is not what its device signed. */
export class BatchRefused extends Error {
  readonly reason: BatchReason
  constructor(reason: BatchReason, why: string) {
    super(`a batch is refused: ${why}`)
    this.name = 'BatchRefused'
    this.reason = reason
  }
}
