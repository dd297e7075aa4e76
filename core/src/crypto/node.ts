/** The primitives by node:crypto (OpenSSL): the hot path of servers, clients and workers. */
import {
  type Cipheriv,
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  type Decipheriv,
  hash,
  hkdfSync,
  type KeyObject,
  randomBytes,
  randomFillSync,
  sign,
  verify,
} from 'node:crypto'
import { copyBytes } from '../bytes/copy.ts'
import { free } from '../bytes/free.ts'
import { AuthenticationFailed, type Crypto, type Sha256 } from './crypto.ts'
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
import { nodeKem } from './node-kem.ts'
import type { Random } from './random.ts'

const TAG_BYTES = 16
/** A piece of this size stays in the processor's cache between the cipher's writing and our reading of it. */
const PIECE_BYTES = 128 * 1024
/** RFC 3394 §2.2.3.1. */
const KEY_WRAP_IV = new Uint8Array(8).fill(0xa6)

export const nodeCrypto: Crypto = {
  sha256(...parts) {
    if (parts.length === 1) return plain(hash('sha256', parts[0]!, 'buffer'))
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    if (length <= joined.length) return hashJoined(parts, length)
    const state = createHash('sha256')
    for (const part of parts) state.update(part)
    return plain(state.digest())
  },

  createSha256(): Sha256 {
    const state = createHash('sha256')
    return {
      update: (data) => void state.update(data),
      digest: () => plain(state.digest()),
    }
  },

  hmacSha256: (key, data) => plain(createHmac('sha256', key).update(data).digest()),

  hkdfSha256(secret, salt, info, bytes) {
    assertHkdfLength(bytes)
    return new Uint8Array(hkdfSync('sha256', secret, salt, info, bytes))
  },

  aesGcmSeal(key, nonce, associated, plaintext) {
    const sealed = new Uint8Array(plaintext.length + TAG_BYTES)
    nodeCrypto.aesGcmSealInto(key, nonce, associated, [plaintext], sealed)
    return sealed
  },

  aesGcmSealInto(key, nonce, associated, parts, into) {
    assertAesInputs(key, nonce)
    assertSealedLength(parts, into)
    const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    if (associated.length > 0) cipher.setAAD(associated)
    const length = into.length - TAG_BYTES
    // Of little data each call costs more than another copy.
    if (length <= PIECE_BYTES) updateInto(cipher, concatenatedInto(parts, into), into, 0)
    else parts.reduce((at, part) => updateInto(cipher, part, into, at), 0)
    cipher.final()
    into.set(cipher.getAuthTag(), length)
  },

  aesGcmOpenInPlace(key, nonce, associated, text) {
    assertAesInputs(key, nonce)
    const length = textLength(text)
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    if (associated.length > 0) decipher.setAAD(associated)
    decipher.setAuthTag(text.subarray(length))
    updateInto(decipher, text.subarray(0, length), text, 0)
    try {
      decipher.final()
    } catch {
      throw new AuthenticationFailed('a sealed text')
    }
  },

  aesGcmOpen(key, nonce, associated, sealed) {
    assertAesInputs(key, nonce)
    const length = sealed.length - TAG_BYTES
    if (length < 0) throw new AuthenticationFailed('a sealed text')
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
    if (associated.length > 0) decipher.setAAD(associated)
    decipher.setAuthTag(sealed.subarray(length))
    const opened = decipher.update(sealed.subarray(0, length))
    try {
      decipher.final()
    } catch {
      throw new AuthenticationFailed('a sealed text')
    }
    return plain(opened)
  },

  aesKeyWrap(wrappingKey, key) {
    assertKey(wrappingKey, 'wrapping key')
    assertKeyData(key)
    const cipher = createCipheriv('id-aes256-wrap', wrappingKey, KEY_WRAP_IV)
    const wrapped = cipher.update(key)
    cipher.final()
    return plain(wrapped)
  },

  aesKeyUnwrap(wrappingKey, wrapped) {
    assertKey(wrappingKey, 'wrapping key')
    if (wrapped.length < 24 || wrapped.length % 8 !== 0) throw new AuthenticationFailed('a wrapped key')
    try {
      // A wrapped key is one piece to OpenSSL: all of it comes at once, and nothing at the end.
      const decipher = createDecipheriv('id-aes256-wrap', wrappingKey, KEY_WRAP_IV)
      const key = decipher.update(wrapped)
      decipher.final()
      return plain(key)
    } catch {
      throw new AuthenticationFailed('a wrapped key')
    }
  },

  ed25519PublicKey(seed) {
    const spki = createPublicKey(privateKeyOf(seed)).export({ format: 'der', type: 'spki' })
    return plain(spki).slice(SPKI_PREFIX.length)
  },

  ed25519Sign: (seed, message) => plain(sign(null, message, privateKeyOf(seed))),

  ed25519Verify(publicKey, message, signature) {
    if (!isStrictEd25519(publicKey, signature)) return false
    try {
      return verify(null, message, publicKeyOf(publicKey), signature)
    } catch {
      return false // not a point of the curve
    }
  },

  shake128: (data, bytes) => plain(hash('shake128', data, { outputEncoding: 'buffer', outputLength: bytes })),
  shake256: (data, bytes) => plain(createHash('shake256', { outputLength: bytes }).update(data).digest()),
  sha3: (data) => plain(hash('sha3-256', data, 'buffer')),
  ...nodeKem,
}

/** Small parts are copied together: a hash that is fed bit by bit costs several times one of all at once. */
const joined = new Uint8Array(16 * 1024)

function hashJoined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const digest = plain(hash('sha256', concatenatedInto(parts, joined), 'buffer'))
  // Parts may be secret.
  joined.fill(0, 0, length)
  return digest
}

const POOL_BYTES = 4_096
const pool = new Uint8Array(POOL_BYTES)
let poolUsed = POOL_BYTES

/**
 * Unpredictable bytes of the operating system. Few of them come out of a pool, since a call for 16 costs as much as
 * one for all; each byte of it is given out once, and not kept.
 */
export const nodeRandom: Random = (bytes) => {
  if (bytes > POOL_BYTES / 16) return plain(randomBytes(bytes))
  if (poolUsed + bytes > POOL_BYTES) {
    randomFillSync(pool)
    poolUsed = 0
  }
  const given = pool.slice(poolUsed, poolUsed + bytes)
  pool.fill(0, poolUsed, poolUsed + bytes)
  poolUsed += bytes
  return given
}

function concatenatedInto(parts: readonly Uint8Array[], into: Uint8Array): Uint8Array {
  let at = 0
  for (const part of parts) {
    copyBytes(part, into, at)
    at += part.length
  }
  return into.subarray(0, at)
}

/** Returns where what came out ends. `into` may be where `text` is. */
function updateInto(
  cipher: Cipheriv | Decipheriv,
  text: Uint8Array,
  into: Uint8Array,
  start: number,
): number {
  for (let at = 0; at < text.length; at += PIECE_BYTES) {
    const piece = cipher.update(text.subarray(at, at + PIECE_BYTES))
    copyBytes(piece, into, start + at)
    free(piece)
  }
  return start + text.length
}

/** A view without Buffer's methods: a Buffer's slice() aliases, and tests and copies tell them apart. */
function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

/** RFC 8410: what stands before the 32 bytes of a key in PKCS #8 and in SubjectPublicKeyInfo. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/** Not kept: signing is rare, and a cache of secrets outlives what its owner forgot. */
function privateKeyOf(seed: Uint8Array): KeyObject {
  assertSeed(seed)
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, seed]), format: 'der', type: 'pkcs8' })
}

const PUBLIC_KEYS_KEPT = 1_024
/** Parsing a key costs as much as verifying; a device meets the same few keys over and over. */
const publicKeys = new Map<string, KeyObject>()

function publicKeyOf(bytes: Uint8Array): KeyObject {
  const name = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  let key = publicKeys.get(name)
  if (!key) {
    key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, bytes]), format: 'der', type: 'spki' })
    if (publicKeys.size >= PUBLIC_KEYS_KEPT) publicKeys.delete(publicKeys.keys().next().value!)
    publicKeys.set(name, key)
  }
  return key
}
