/** A record version as the server stores it. */
import type { Refs } from './refs.ts'

export interface SealedRecord {
  /** Canonical CBOR of the facts bound to the seal, kept verbatim: see `facts.ts`. */
  readonly facts: Uint8Array
  /** Wrapped record key, nonce, ciphertext, tag: see `seal.ts`. */
  readonly seal: Uint8Array
  readonly refs: Refs
}
