/** X25519 and ML-KEM-768 by node:crypto. */
import nodeModule, { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto'
import type { Crypto } from './crypto.ts'

/** RFC 8410: what stands before the 32 bytes of a key in PKCS #8 and in SubjectPublicKeyInfo. */
const X25519_PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex')
const X25519_SPKI = Buffer.from('302a300506032b656e032100', 'hex')
/** draft-ietf-lamps-kyber-certificates, §6: what stands before the 64 bytes of a seed in PKCS #8. */
const ML_KEM_768_PKCS8 = Buffer.from('3054020100300b060960864801650304040204428040', 'hex')
const ML_KEM_768_PUBLIC_BYTES = 1_184
const ML_KEM_SEED_BYTES = 64
const X25519_SECRET_BYTES = 32

/** Node before 24.7 has no ML-KEM. */
const { decapsulate } = nodeModule as { decapsulate?: (key: KeyObject, ciphertext: Uint8Array) => Uint8Array }

export const nodeKem: Pick<Crypto, 'x25519' | 'mlKem768PublicKey' | 'mlKem768Decapsulate'> = {
  x25519: (secret, publicKey) =>
    plain(
      diffieHellman({
        privateKey: privateKey(X25519_PKCS8, secret, X25519_SECRET_BYTES),
        publicKey: createPublicKey({
          key: Buffer.concat([X25519_SPKI, publicKey]),
          format: 'der',
          type: 'spki',
        }),
      }),
    ),

  async mlKem768PublicKey(seed) {
    if (!decapsulate) return (await import('./noble-kem.ts')).nobleKem.mlKem768PublicKey(seed)
    const spki = createPublicKey(privateKey(ML_KEM_768_PKCS8, seed, ML_KEM_SEED_BYTES)).export({
      format: 'der',
      type: 'spki',
    })
    return plain(spki.subarray(-ML_KEM_768_PUBLIC_BYTES))
  },

  async mlKem768Decapsulate(seed, ciphertext) {
    if (!decapsulate) return (await import('./noble-kem.ts')).nobleKem.mlKem768Decapsulate(seed, ciphertext)
    return plain(decapsulate(privateKey(ML_KEM_768_PKCS8, seed, ML_KEM_SEED_BYTES), ciphertext))
  },
}

/** What the encoding says of its length is not compared with it by OpenSSL. */
function privateKey(prefix: Uint8Array, secret: Uint8Array, bytes: number): KeyObject {
  if (secret.length !== bytes) throw new RangeError(`this secret has ${bytes} bytes, not ${secret.length}`)
  return createPrivateKey({ key: Buffer.concat([prefix, secret]), format: 'der', type: 'pkcs8' })
}

/** A view without Buffer's methods, of memory of its own: some of these are secrets. */
function plain(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer)
}
