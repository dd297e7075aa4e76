/**
 * Node's primitives with signatures that cost a hash: anybody could forge them, and nobody here does. Forgers are in
 * `sim/src/hostile`, which has the real ones.
 */
import type { Crypto } from '@pileus/core/crypto/crypto'
import { nodeCrypto } from '@pileus/core/crypto/node'

const ascii = (text: string) => new TextEncoder().encode(text)
const [PUBLIC, FIRST, SECOND] = [ascii('public'), ascii('first'), ascii('second')]

export const quickCrypto: Crypto = {
  ...nodeCrypto,
  ed25519PublicKey: (seed) => nodeCrypto.sha256(PUBLIC, seed),
  ed25519Sign: (seed, message) => signature(nodeCrypto.sha256(PUBLIC, seed), message),
  ed25519Verify: (publicKey, message, signed) => Buffer.compare(signature(publicKey, message), signed) === 0,
}

function signature(publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const signed = new Uint8Array(64)
  signed.set(nodeCrypto.sha256(FIRST, publicKey, message))
  signed.set(nodeCrypto.sha256(SECOND, publicKey, message), 32)
  return signed
}
