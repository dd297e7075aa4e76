/**
 * Node's primitives with signatures that cost a hash: anybody could forge them, and nobody here does. Forgers are in
 * `sim/src/hostile`, which has the real ones. A chunker key is expanded once for all processes, not by each that starts.
 */
import type { Crypto } from '@pileus/core/crypto/crypto'
import { nodeCrypto } from '@pileus/core/crypto/node'

const ascii = (text: string) => new TextEncoder().encode(text)
const CHUNKER = Buffer.from('pileus chunker')
const expanded = new Map<string, Uint8Array>()

const [PUBLIC, FIRST, SECOND] = [ascii('public'), ascii('first'), ascii('second')]

export const quickCrypto: Crypto = {
  ...nodeCrypto,
  hkdfSha256(secret, salt, info, bytes) {
    if (!Buffer.from(info.subarray(0, CHUNKER.length)).equals(CHUNKER))
      return nodeCrypto.hkdfSha256(secret, salt, info, bytes)
    const name = Buffer.concat([secret, info]).toString('latin1')
    const key = expanded.get(name) ?? nodeCrypto.hkdfSha256(secret, salt, info, bytes)
    expanded.set(name, key)
    return key.slice()
  },
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
