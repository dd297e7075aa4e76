/** The primitives by noble, for browsers: WebCrypto has most of them, but none that is synchronous. */
import { aeskw, gcm } from '@noble/ciphers/aes.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { hmac } from '@noble/hashes/hmac.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { sha3_256, shake128, shake256 } from '@noble/hashes/sha3.js'
import { AuthenticationFailed, type Crypto } from './crypto.ts'
import { isStrictEd25519 } from './ed25519-rule.ts'
import {
  assertAesInputs,
  assertHkdfLength,
  assertKey,
  assertKeyData,
  assertSealedLength,
  assertSeed,
  textLength,
} from './lengths.ts'
import { nobleKem } from './noble-kem.ts'
import type { Random } from './random.ts'

export const browserCrypto: Crypto = {
  sha256(...parts) {
    const state = sha256.create()
    for (const part of parts) state.update(part)
    return state.digest()
  },

  createSha256() {
    const state = sha256.create()
    return {
      update: (data) => void state.update(data),
      digest: () => state.digest(),
    }
  },

  hmacSha256: (key, data) => hmac(sha256, key, data),

  hkdfSha256(secret, salt, info, bytes) {
    assertHkdfLength(bytes)
    return hkdf(sha256, secret, salt, info, bytes)
  },

  aesGcmSeal(key, nonce, associated, plaintext) {
    assertAesInputs(key, nonce)
    return gcm(key, nonce, associated).encrypt(plaintext)
  },

  aesGcmSealInto(key, nonce, associated, parts, into) {
    assertAesInputs(key, nonce)
    assertSealedLength(parts, into)
    let at = 0
    for (const part of parts) {
      into.set(part, at)
      at += part.length
    }
    into.set(gcm(key, nonce, associated).encrypt(into.subarray(0, at)))
  },

  aesGcmOpenInPlace(key, nonce, associated, text) {
    textLength(text)
    text.set(browserCrypto.aesGcmOpen(key, nonce, associated, text))
  },

  aesGcmOpen(key, nonce, associated, sealed) {
    assertAesInputs(key, nonce)
    try {
      return gcm(key, nonce, associated).decrypt(sealed)
    } catch {
      throw new AuthenticationFailed('a sealed text')
    }
  },

  aesKeyWrap(wrappingKey, key) {
    assertKey(wrappingKey, 'wrapping key')
    assertKeyData(key)
    return aeskw(wrappingKey).encrypt(key)
  },

  aesKeyUnwrap(wrappingKey, wrapped) {
    assertKey(wrappingKey, 'wrapping key')
    if (wrapped.length < 24 || wrapped.length % 8 !== 0) throw new AuthenticationFailed('a wrapped key')
    try {
      return aeskw(wrappingKey).decrypt(wrapped)
    } catch {
      throw new AuthenticationFailed('a wrapped key')
    }
  },

  ed25519PublicKey(seed) {
    assertSeed(seed)
    return ed25519.getPublicKey(seed)
  },

  ed25519Sign(seed, message) {
    assertSeed(seed)
    return ed25519.sign(message, seed)
  },

  ed25519Verify(publicKey, message, signature) {
    return isStrictEd25519(publicKey, signature) && isCofactorless(publicKey, message, signature)
  },

  shake128: (data, bytes) => shake128(data, { dkLen: bytes }),
  shake256: (data, bytes) => shake256(data, { dkLen: bytes }),
  sha3: (data) => sha3_256(data),
  ...nobleKem,
}

const RANDOM_CALL_MAX_BYTES = 65_536

/** Unpredictable bytes of the browser. */
export const browserRandom: Random = (bytes) => {
  const random = new Uint8Array(bytes)
  for (let at = 0; at < bytes; at += RANDOM_CALL_MAX_BYTES) {
    globalThis.crypto.getRandomValues(random.subarray(at, at + RANDOM_CALL_MAX_BYTES))
  }
  return random
}

/**
 * RFC 8032 §5.1.7 with the equation S·B = R + k·A, as OpenSSL checks it. The library's own verify
 * multiplies both sides by 8 and so accepts signatures that OpenSSL refuses. The scalars are public.
 */
function isCofactorless(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const { Point } = ed25519
  try {
    const a = Point.fromBytes(publicKey)
    const r = Point.fromBytes(signature.subarray(0, 32))
    const s = Point.Fn.fromBytes(signature.subarray(32))
    const k = sha512.create().update(signature.subarray(0, 32)).update(publicKey).update(message).digest()
    const kA = a.multiplyUnsafe(Point.Fn.create(littleEndian(k)))
    return Point.BASE.multiplyUnsafe(s).equals(r.add(kA))
  } catch {
    return false // not a point of the curve
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}
