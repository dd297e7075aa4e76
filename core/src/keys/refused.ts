/** Why keys, certificates and log entries are refused. */

export type KeyReason =
  /** All zero, or of the wrong length. */
  | 'weak-key'
  /** Bytes that are not the format. */
  | 'malformed'
  /** Wrapped for something else, under another key, or damaged. */
  | 'not-authentic'
  /** A private key that is not the one of the public key beside it. */
  | 'wrong-pair'
  /** Not the key the zone log commits to. */
  | 'wrong-commitment'
  /** No key was given to this account. */
  | 'no-key'
  | 'bad-signature'

/** A key or certificate that must not be used. The message never holds the key. */
export class KeyRefused extends Error {
  readonly reason: KeyReason
  constructor(reason: KeyReason, why: string) {
    super(`a key is refused: ${why}`)
    this.name = 'KeyRefused'
    this.reason = reason
  }
}

export type LogReason =
  | 'malformed'
  /** The first entry is not the one the zone is named by. */
  | 'wrong-zone'
  /** Reordered, dropped, doubled or of another log. */
  | 'broken-chain'
  /** The author may not do this, or is no member. */
  | 'not-allowed'
  | 'bad-signature'
  /** An epoch that is not the next. */
  | 'wrong-epoch'
  /** Keys not sealed to exactly the members that should have them. */
  | 'wrong-wraps'
  /** A change to somebody it cannot be made to. */
  | 'bad-target'

/** A zone log entry that breaks the log's rules. */
export class LogRefused extends Error {
  readonly reason: LogReason
  /** Which entry, from 0. */
  readonly index: number
  constructor(reason: LogReason, index: number, why: string) {
    super(`entry ${index} of a zone log is refused: ${why}`)
    this.name = 'LogRefused'
    this.reason = reason
    this.index = index
  }
}
