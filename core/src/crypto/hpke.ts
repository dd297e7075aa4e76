/**
 * HPKE (RFC 9180), base mode, one message per key schedule: X-Wing (draft-connolly-cfrg-xwing-kem, X25519 + ML-KEM-768),
 * HKDF-SHA-256, AES-256-GCM. Base mode proves no sender: what is sealed counts only inside something signed.
 */
import { AuthenticationFailed } from './crypto.ts'
import type { Random } from './random.ts'

export const XWING_SEED_BYTES = 32
export const XWING_PUBLIC_KEY_BYTES = 1_216
/** The encapsulated key before the ciphertext. */
export const XWING_ENCAPSULATION_BYTES = 1_120
const ENCAPSULATION_RANDOM_BYTES = 64

/** Loaded when it is first used: a server never uses it, nor do most commands, and it is 65 modules. */
async function hpke() {
  const [{ Aes256Gcm, CipherSuite, HkdfSha256 }, { XWing }] = await Promise.all([
    import('@hpke/core'),
    import('@hpke/hybridkem-x-wing'),
  ])
  const kem = new XWing()
  return { kem, suite: new CipherSuite({ kem, kdf: new HkdfSha256(), aead: new Aes256Gcm() }) }
}

let loaded: ReturnType<typeof hpke> | undefined

function library(): ReturnType<typeof hpke> {
  loaded ??= hpke()
  return loaded
}

/** The public key of a 32-byte seed, which is the private key. */
export async function xwingPublicKey(seed: Uint8Array): Promise<Uint8Array> {
  if (seed.length !== XWING_SEED_BYTES) {
    throw new RangeError(`a sealing seed has ${XWING_SEED_BYTES} bytes, this one has ${seed.length}`)
  }
  const { kem } = await library()
  const pair = await kem.generateKeyPairDerand(new Uint8Array(seed))
  return new Uint8Array(await kem.serializePublicKey(pair.publicKey))
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
  const sealed = new Uint8Array(sender.enc.byteLength + ciphertext.byteLength)
  sealed.set(new Uint8Array(sender.enc))
  sealed.set(new Uint8Array(ciphertext), sender.enc.byteLength)
  return sealed
}

/** Opens what hpkeSeal made for this seed, info and associated data. Rejects with AuthenticationFailed. */
export async function hpkeOpen(
  seed: Uint8Array,
  info: Uint8Array,
  associated: Uint8Array,
  sealed: Uint8Array,
): Promise<Uint8Array> {
  if (seed.length !== XWING_SEED_BYTES) {
    throw new RangeError(`a sealing seed has ${XWING_SEED_BYTES} bytes, this one has ${seed.length}`)
  }
  const { kem, suite } = await library()
  const recipientKey = await kem.importKey('raw', owned(seed), false)
  try {
    const recipient = await suite.createRecipientContext({
      recipientKey,
      enc: owned(sealed.subarray(0, XWING_ENCAPSULATION_BYTES)),
      info: owned(info),
    })
    const ciphertext = owned(sealed.subarray(XWING_ENCAPSULATION_BYTES))
    return new Uint8Array(await recipient.open(ciphertext, owned(associated)))
  } catch {
    throw new AuthenticationFailed('a key sealed to this identity')
  }
}

/** The library reads whole ArrayBuffers: a view's neighbours must not come along. */
function owned(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}
