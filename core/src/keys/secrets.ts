/** Secret keys that cannot be printed by accident. */
import type { Random } from '../crypto/random.ts'
import { KeyRefused } from './refused.ts'

export const KEY_BYTES = 32

/** 32 secret bytes. In a log, an error, JSON or a debugger's print it reads `[secret]` (KEY-3). */
export class SecretKey {
  readonly #bytes: Uint8Array

  /** Keeps a copy. Throws KeyRefused 'weak-key' for bytes that are all zero or not 32 (KEY-4). */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== KEY_BYTES)
      throw new KeyRefused('weak-key', `it has ${bytes.length} bytes, expected ${KEY_BYTES}`)
    if (bytes.every((byte) => byte === 0)) throw new KeyRefused('weak-key', 'all its bytes are zero')
    this.#bytes = Uint8Array.from(bytes)
  }

  /** The bytes themselves, not a copy: they sit in hot loops. Never change them. */
  bytes(): Uint8Array {
    return this.#bytes
  }

  toString(): string {
    return '[secret]'
  }

  toJSON(): string {
    return '[secret]'
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]'
  }
}

/** A new random key. */
export function randomKey(random: Random): SecretKey {
  return new SecretKey(random(KEY_BYTES))
}

/** True when both hold the same bytes; takes the same time wherever they differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!
  return difference === 0
}
