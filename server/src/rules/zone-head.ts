/** A zone's head: its first state, its chain, and how it is shown. */

import type { Crypto } from '@pileus/core/crypto/crypto'
import { emptySetHash } from '@pileus/core/crypto/lthash'
import type { Digest, ZoneId } from '@pileus/core/ids/ids'
import type { ZoneHead } from '@pileus/core/protocol/zone'
import { firstFigure } from '@pileus/core/records/figure'
import type { Head, NewZone } from '../zones/zones.ts'

/** A zone that has only its first log entry. */
export function newZone(crypto: Crypto, zone: ZoneId, genesis: Uint8Array, logHead: Digest): NewZone {
  return {
    zone,
    genesis,
    head: {
      ...firstFigure(crypto, zone, 1),
      setState: emptySetHash(),
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
