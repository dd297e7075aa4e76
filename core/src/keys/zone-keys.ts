/** The keys of one epoch of a zone, all derived from that epoch's zone key. */
import type { Crypto } from '../crypto/crypto.ts'
import { idBytes, type ZoneId } from '../ids/ids.ts'
import { SecretKey } from './secrets.ts'
import { deriveBytes } from './suite.ts'

export interface ZoneKeys {
  readonly zone: ZoneId
  readonly epoch: number
  /** Wraps the fresh key of each sealed record. */
  readonly recordWrapping: SecretKey
  /** From which the keys of chunks are derived. */
  readonly chunkSecret: SecretKey
  /** Decides where chunks end. */
  readonly chunkerKey: SecretKey
}

/** Derives the keys of an epoch by HKDF with zone and epoch bound (KEY-5). `epoch` counts from 1. */
export function deriveZoneKeys(crypto: Crypto, zoneKey: SecretKey, zone: ZoneId, epoch: number): ZoneKeys {
  const facts = [idBytes(zone), epoch]
  const derive = (purpose: 'record wrapping' | 'chunk secret' | 'chunker') =>
    new SecretKey(deriveBytes(crypto, zoneKey.bytes(), purpose, facts))
  return {
    zone,
    epoch,
    recordWrapping: derive('record wrapping'),
    chunkSecret: derive('chunk secret'),
    chunkerKey: derive('chunker'),
  }
}

/** The keys of whatever epochs of one zone are known, derived when first asked for. */
export function keyRing(
  crypto: Crypto,
  zone: ZoneId,
  zoneKeys: ReadonlyMap<number, SecretKey>,
): (epoch: number) => ZoneKeys | undefined {
  const derived = new Map<number, ZoneKeys>()
  return (epoch) => {
    const known = derived.get(epoch)
    if (known) return known
    const zoneKey = zoneKeys.get(epoch)
    if (!zoneKey) return undefined
    const keys = deriveZoneKeys(crypto, zoneKey, zone, epoch)
    derived.set(epoch, keys)
    return keys
  }
}
