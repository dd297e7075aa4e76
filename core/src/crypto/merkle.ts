/** Merkle trees as in RFC 6962 §2.1: leaves and inner nodes are hashed apart, so neither passes for the other. */
import type { Crypto } from './crypto.ts'

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

/** The root over these leaves, in order. Of no leaves it is the hash of nothing. */
export function merkleRoot(crypto: Crypto, leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return crypto.sha256(new Uint8Array())
  let level = leaves.map((leaf) => crypto.sha256(LEAF, leaf))
  // Pairing from the left and carrying an odd last node up gives the tree of the RFC, which splits at the
  // largest power of two.
  while (level.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i < level.length; i += 2) {
      const right = level[i + 1]
      above.push(right ? crypto.sha256(NODE, level[i]!, right) : level[i]!)
    }
    level = above
  }
  return level[0]!
}
