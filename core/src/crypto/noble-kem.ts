/** X25519 and ML-KEM-768 by noble: for browsers, and for a Node whose OpenSSL does not have ML-KEM yet. */
import { x25519 } from '@noble/curves/ed25519.js'
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import type { Crypto } from './crypto.ts'

export const nobleKem: Pick<Crypto, 'x25519' | 'mlKem768PublicKey' | 'mlKem768Decapsulate'> = {
  x25519: (secret, publicKey) => x25519.getSharedSecret(secret, publicKey),

  mlKem768PublicKey: async (seed) => ml_kem768.keygen(seed).publicKey,

  mlKem768Decapsulate: async (seed, ciphertext) =>
    ml_kem768.decapsulate(ciphertext, ml_kem768.keygen(seed).secretKey),
}
