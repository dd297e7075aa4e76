/** Test helpers: randomness that repeats, and bytes with one thing wrong. */
import { sha256 } from '@noble/hashes/sha2.js'
import type { Random } from '../crypto/random.ts'

/** The same bytes for the same seed, as SHA-256(seed ‖ counter). */
export function seededRandom(seed: string): Random {
  let counter = 0
  return (bytes) => {
    const out = new Uint8Array(bytes)
    for (let at = 0; at < bytes; at += 32) {
      const block = sha256(new TextEncoder().encode(`${seed}:${counter++}`))
      out.set(block.subarray(0, Math.min(32, bytes - at)), at)
    }
    return out
  }
}

/** The bytes with one bit of one byte flipped. */
export function flipBit(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[bit >> 3]! ^= 1 << (bit & 7)
  return copy
}

/** The class of what `run` throws, or 'nothing'. */
export function thrown(run: () => unknown): string {
  try {
    run()
    return 'nothing'
  } catch (error) {
    return error instanceof Error ? error.name : String(error)
  }
}

/** The reason of the refusal that `run` throws or rejects with, 'nothing' when it does not. */
export async function refusal(run: () => unknown): Promise<string> {
  try {
    await run()
    return 'nothing'
  } catch (error) {
    if (error instanceof Error && 'reason' in error) return String(error.reason)
    throw error
  }
}
