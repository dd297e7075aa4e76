/**
 * HPKE (RFC 9180), base mode, one message per key schedule: X-Wing (draft-connolly-cfrg-xwing-kem, X25519 + ML-KEM-768),
 * HKDF-SHA-256, AES-256-GCM. Base mode proves no sender: what is sealed counts only inside something signed.
 *
 * Sealing, which is rare, is a library's; opening, which every sync begins with, is ours, and far quicker. So each is
 * checked by the other.
 */
import { concatBytes } from '../bytes/concat.ts'
import { AuthenticationFailed, type Crypto } from './crypto.ts'
import type { Random } from './random.ts'
import {
  assertXWingSeed,
  XWING_ENCAPSULATION_BYTES,
  XWING_PUBLIC_KEY_BYTES,
  xwingDecapsulate,
} from './xwing.ts'

const ENCAPSULATION_RANDOM_BYTES = 64
const NONCE_BYTES = 12
const KEY_BYTES = 32
const NOTHING = new Uint8Array()
/** RFC 9180 §5.1: no pre-shared key, no sender's key. */
const MODE_BASE = Uint8Array.of(0)
const VERSION = ascii('HPKE-v1')
/** RFC 9180 §7: X-Wing is 0x647a, HKDF-SHA-256 0x0001, AES-256-GCM 0x0002. */
const SUITE = concatBytes(ascii('HPKE'), Uint8Array.of(0x64, 0x7a, 0, 1, 0, 2))

/** Loaded when it is first used: a server never uses it, nor do most commands, and it is 65 modules. */
async function library() {
  const [{ Aes256Gcm, CipherSuite, HkdfSha256 }, { XWing }] = await Promise.all([
    import('@hpke/core'),
    import('@hpke/hybridkem-x-wing'),
  ])
  const kem = new XWing()
  return { kem, suite: new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Aes256Gcm() }) }
}

/**
 * Seals to the holder of the seed behind `publicKey`; returns the encapsulated key followed by ciphertext
 * and tag. Takes 64 bytes of `random`. Rejects with RangeError for what is not a public key.
 */
export async function hpkeSeal(
  publicKey: Uint8Array,
  info: Uint8Array,
  associated: Uint8Array,
  plaintext: Uint8Array,
  random: Random,
): Promise<Uint8Array> {
  if (publicKey.length !== XWING_PUBLIC_KEY_BYTES) {
    throw new RangeError(
      `a sealing key has ${XWING_PUBLIC_KEY_BYTES} bytes, this one has ${publicKey.length}`,
    )
  }
  const { kem, suite } = await library()
  const recipientPublicKey = await kem.importKey('raw', owned(publicKey), true)
  // `ekm` is the randomness of encapsulation (X-Wing's EncapsulateDerand): ours to give, and fresh per seal.
  const ekm = owned(random(ENCAPSULATION_RANDOM_BYTES))
  const sender = await suite.createSenderContext({ recipientPublicKey, info: owned(info), ekm })
  const ciphertext = await sender.seal(owned(plaintext), owned(associated))
  return concatBytes(new Uint8Array(sender.enc), new Uint8Array(ciphertext))
}

/** Opens what hpkeSeal made for this seed, info and associated data. Rejects with AuthenticationFailed. */
export async function hpkeOpen(
  crypto: Crypto,
  seed: Uint8Array,
  info: Uint8Array,
  associated: Uint8Array,
  sealed: Uint8Array,
): Promise<Uint8Array> {
  assertXWingSeed(seed)
  try {
    const encapsulated = sealed.subarray(0, XWING_ENCAPSULATION_BYTES)
    const { key, nonce } = keySchedule(crypto, await xwingDecapsulate(crypto, seed, encapsulated), info)
    return crypto.aesGcmOpen(key, nonce, associated, sealed.subarray(XWING_ENCAPSULATION_BYTES))
  } catch {
    // Whatever is wrong with it, nobody is told what.
    throw new AuthenticationFailed('a key sealed to this identity')
  }
}

/** RFC 9180 §5.1. The nonce is the one of the first message, which is the only one. */
function keySchedule(crypto: Crypto, sharedSecret: Uint8Array, info: Uint8Array) {
  const context = concatBytes(
    MODE_BASE,
    labeledExtract(crypto, NOTHING, 'psk_id_hash', NOTHING),
    labeledExtract(crypto, NOTHING, 'info_hash', info),
  )
  const secret = labeledExtract(crypto, sharedSecret, 'secret', NOTHING)
  return {
    key: labeledExpand(crypto, secret, 'key', context, KEY_BYTES),
    nonce: labeledExpand(crypto, secret, 'base_nonce', context, NONCE_BYTES),
  }
}

/** RFC 9180 §4. HMAC pads an empty salt with zeros, as RFC 5869 has it. */
function labeledExtract(crypto: Crypto, salt: Uint8Array, label: string, input: Uint8Array): Uint8Array {
  return crypto.hmacSha256(salt, concatBytes(VERSION, SUITE, ascii(label), input))
}

/** RFC 9180 §4, for outputs of one block. */
function labeledExpand(
  crypto: Crypto,
  secret: Uint8Array,
  label: string,
  info: Uint8Array,
  bytes: number,
): Uint8Array {
  const labeled = concatBytes(Uint8Array.of(0, bytes), VERSION, SUITE, ascii(label), info)
  return crypto.hmacSha256(secret, concatBytes(labeled, Uint8Array.of(1))).subarray(0, bytes)
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** The library reads whole ArrayBuffers: a view's neighbours must not come along. */
function owned(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}
