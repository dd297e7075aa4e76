/** A zone's head: its first state, its chain, and how it is shown. */

import type { Crypto } from '@pileus/core/crypto/crypto'
import { emptySetHash, setDigest } from '@pileus/core/crypto/lthash'
import { type Digest, idBytes, idFromBytes, type RecordId, type ZoneId } from '@pileus/core/ids/ids'
import type { ZoneHead } from '@pileus/core/protocol/zone'
import type { Head, NewZone } from '../zones/zones.ts'

const CHAIN_LABEL = new TextEncoder().encode('pileus chain')

/** The chain before the first commit: SHA-256('pileus chain' ‖ zone) (SRV-30). */
export function firstChain(crypto: Crypto, zone: ZoneId): Digest {
  return idFromBytes('digest', crypto.sha256(CHAIN_LABEL, idBytes(zone)))
}

/** SHA-256(chain before ‖ sequence (u64, big endian) ‖ record ‖ new leaf) (SRV-30). */
export function nextChain(
  crypto: Crypto,
  chain: Digest,
  sequence: number,
  record: RecordId,
  leaf: Digest,
): Digest {
  const number = new Uint8Array(8)
  new DataView(number.buffer).setBigUint64(0, BigInt(sequence))
  return idFromBytes('digest', crypto.sha256(idBytes(chain), number, idBytes(record), idBytes(leaf)))
}

/** A zone that has only its first log entry. */
export function newZone(crypto: Crypto, zone: ZoneId, genesis: Uint8Array, logHead: Digest): NewZone {
  const setState = emptySetHash()
  return {
    zone,
    genesis,
    head: {
      incarnation: 1,
      sequence: 0,
      chain: firstChain(crypto, zone),
      setState,
      setHash: setDigest(crypto, setState),
      logLength: 1,
      logHead,
      generation: 0,
      floor: 0,
      storedBytes: genesis.length,
    },
  }
}

/** The head as devices see it. */
export function shownHead(zone: ZoneId, head: Omit<Head, 'setState' | 'storedBytes'>): ZoneHead {
  const { incarnation, sequence, chain, setHash, logLength, logHead, generation, floor } = head
  return { zone, incarnation, sequence, chain, setHash, logLength, logHead, generation, floor }
}
