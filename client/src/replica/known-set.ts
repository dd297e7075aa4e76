/** The set hash over the versions that the server is known to have (LtHash), kept up to date version by version. */
import type { Crypto } from '@pileus/core/crypto/crypto'
import { addToSet, emptySetHash, removeFromSet } from '@pileus/core/crypto/lthash'
import { type Digest, idBytes } from '@pileus/core/ids/ids'
import type { StoreReader, StoreWriter } from '../store/store.ts'
import { tables } from './tables.ts'

/** Its state; not to be changed. */
export function knownSetState(from: StoreReader): Uint8Array {
  return tables.setHash.get(from, 'known') ?? emptySetHash()
}

/** Takes the leaf of one version out and that of another in. */
export function changeKnownSet(
  crypto: Crypto,
  tx: StoreWriter,
  before: Digest | null,
  after: Digest | null,
): void {
  // Copied, since a store may keep the array it was given.
  const state = knownSetState(tx).slice()
  if (before) removeFromSet(crypto, state, idBytes(before))
  if (after) addToSet(crypto, state, idBytes(after))
  tables.setHash.put(tx, 'known', state)
}
