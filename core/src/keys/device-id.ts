/** What names a device. */
import type { Crypto } from '../crypto/crypto.ts'
import { type DeviceId, ID_BYTES, idFromBytes } from '../ids/ids.ts'

/** The first 16 bytes of SHA-256 of the device's Ed25519 public key. */
export function deviceIdOf(crypto: Crypto, publicKey: Uint8Array): DeviceId {
  return idFromBytes('device', crypto.sha256(publicKey).subarray(0, ID_BYTES.device))
}
