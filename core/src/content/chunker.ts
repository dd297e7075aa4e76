/**
 * Content-defined chunking under a key, in two stages. A gear hash with a keyed table cheaply nominates about one
 * position in 16 KiB; a pseudo-random function over the 64 bytes before it accepts one candidate in 16. The gear
 * hash alone would not do: chunk lengths betray the table of a keyed rolling hash (eprint 2025/558). The rules are
 * in docs/spec/content.md (CNT-1 to CNT-9).
 */
import type { Crypto } from '../crypto/crypto.ts'
import { CHUNK_MAX_BYTES, CHUNK_MIN_BYTES } from '../limits.ts'
import { candidates } from './gear.ts'

/** These bytes before a position and the key decide whether it is a cut; so cuts come back after an edit. */
const WINDOW_BYTES = 64
/** Four bits of the function's output: one candidate in 16, so that cuts are 256 KiB apart on average. */
const VERDICT_MASK = 0b1111
/**
 * A chunk has some 240 candidates at most, by chance never this many. Only periodic data does, and a candidate
 * costs a thousand times what a plain byte does: such a chunk gets the greatest length.
 */
const MAX_CANDIDATES = 1_024

const KEY_BYTES = 32
const TABLE_ENTRIES = 256
const SHA256_BLOCK_BYTES = 64
const NO_SALT = new Uint8Array(0)

/** Expands the zone's 32-byte chunker key; do it once per zone and epoch. Throws RangeError on other lengths. */
export function chunkerKey(crypto: Crypto, key: Uint8Array): ChunkerKey {
  if (key.length !== KEY_BYTES) {
    throw new RangeError(`cannot chunk under a key of ${key.length} bytes: expected ${KEY_BYTES}`)
  }
  const table = crypto.hkdfSha256(key, NO_SALT, ascii('pileus chunker 1 table'), TABLE_ENTRIES * 4)
  const view = new DataView(table.buffer, table.byteOffset, table.byteLength)
  const gear = Int32Array.from({ length: TABLE_ENTRIES }, (_, byte) => view.getInt32(byte * 4, true))
  const verdictKey = crypto.hkdfSha256(key, NO_SALT, ascii('pileus chunker 1 verdict'), KEY_BYTES)
  return new ExpandedKey(crypto, gear, verdictKey)
}

/** An expanded chunker key: opaque, secret, and nothing of it shows when printed. */
export type ChunkerKey = ExpandedKey

/**
 * The length of the next chunk at the start of `bytes`; 0 means that more bytes are needed to tell. CHUNK_MAX_BYTES
 * are always enough, fewer can do. `last` says that nothing follows `bytes`: then the answer is 0 only for no bytes.
 */
export function cutLength(key: ChunkerKey, bytes: Uint8Array, last: boolean): number {
  const end = Math.min(bytes.length, CHUNK_MAX_BYTES)
  const cut = end < CHUNK_MIN_BYTES ? 0 : key.firstCut(bytes, end)
  if (cut > 0) return cut
  return last || end === CHUNK_MAX_BYTES ? end : 0
}

class ExpandedKey {
  readonly #crypto: Crypto
  readonly #gear: Int32Array
  /** One block that holds the verdict key, then the window: allocated once. */
  readonly #message = new Uint8Array(SHA256_BLOCK_BYTES + WINDOW_BYTES)

  constructor(crypto: Crypto, gear: Int32Array, verdictKey: Uint8Array) {
    this.#crypto = crypto
    this.#gear = gear
    this.#message.set(verdictKey)
  }

  /** The first cut from CHUNK_MIN_BYTES to `end`, or 0. */
  firstCut(bytes: Uint8Array, end: number): number {
    let tried = 0
    for (const candidate of candidates(this.#gear, bytes, CHUNK_MIN_BYTES, end)) {
      if (tried++ === MAX_CANDIDATES) break
      if (this.#accepts(bytes, candidate)) return candidate
    }
    return 0
  }

  /**
   * SHA-256(key, filled up to a block ‖ window): the cascade construction, a pseudo-random function because all
   * its inputs have one length (Bellare, Canetti, Krawczyk, FOCS 1996); half the work of HMAC.
   */
  #accepts(bytes: Uint8Array, position: number): boolean {
    this.#message.set(bytes.subarray(position - WINDOW_BYTES, position), SHA256_BLOCK_BYTES)
    return (this.#crypto.sha256(this.#message)[0]! & VERDICT_MASK) === 0
  }
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
