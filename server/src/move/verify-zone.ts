/** Comparing one zone in two engines, in pages. */
import type { Crypto } from '@pileus/core/crypto/crypto'
import { addToSet, emptySetHash, removeFromSet } from '@pileus/core/crypto/lthash'
import { idBytes, type ZoneId } from '@pileus/core/ids/ids'
import { logHead, verifyEntry, type ZoneState } from '@pileus/core/keys/zone-log'
import { firstChain, nextChain } from '@pileus/core/records/figure'
import { leafOf } from '@pileus/core/records/seal'
import type { Head, Zones } from '../zones/zones.ts'
import { requireSame } from './same.ts'

const ENTRIES_AT_ONCE = 100
const STEPS_AT_ONCE = 5_000
const BATCHES_AT_ONCE = 50

/** The entries are the same, and each is what the one before allows. */
export async function compareLog(crypto: Crypto, from: Zones, to: Zones, zone: ZoneId, head: Head) {
  let state: ZoneState | null = null
  for (let at = 0; at < head.logLength; ) {
    const entries = await to.log(zone, at, ENTRIES_AT_ONCE)
    requireSame(entries, await from.log(zone, at, ENTRIES_AT_ONCE), `the log of zone ${zone}`)
    if (entries.length === 0) break
    for (const entry of entries) state = verifyEntry(crypto, state, entry)
    at += entries.length
  }
  requireSame(state && logHead(state), head.logHead, `the head of the log of zone ${zone}`)
}

/** The steps are the same, and the chain and the set that follow from them are the head's. */
export async function compareSteps(crypto: Crypto, from: Zones, to: Zones, zone: ZoneId, head: Head) {
  const setState = emptySetHash()
  let chain = firstChain(crypto, zone)
  for (let at = 0; at < head.sequence; at += STEPS_AT_ONCE) {
    const steps = await to.steps(zone, at, head.sequence, STEPS_AT_ONCE)
    requireSame(
      steps,
      await from.steps(zone, at, head.sequence, STEPS_AT_ONCE),
      `the commits of zone ${zone}`,
    )
    for (const { sequence, record, oldLeaf, newLeaf, chain: stored } of steps) {
      if (oldLeaf !== null) removeFromSet(crypto, setState, idBytes(oldLeaf))
      addToSet(crypto, setState, idBytes(newLeaf))
      chain = nextChain(crypto, chain, sequence, record, newLeaf)
      requireSame(stored, chain, `the chain of zone ${zone} at sequence ${sequence}`)
    }
  }
  requireSame(chain, head.chain, `the chain of zone ${zone}`)
  requireSame(setState, new Uint8Array(head.setState), `the set hash of zone ${zone}`)
}

/** Batches and all kept versions are the same, and each version is what its leaf says. */
export async function compareRecords(crypto: Crypto, from: Zones, to: Zones, zone: ZoneId, head: Head) {
  for (let at = 0; at < head.sequence; ) {
    const batches = await from.origin.batches(zone, at, BATCHES_AT_ONCE)
    if (batches.length === 0) break
    const listed = await to.origin.batches(zone, at, BATCHES_AT_ONCE)
    requireSame(listed, batches, `the batches of zone ${zone}`)
    for (const { sequence } of batches) {
      const versions = await from.origin.kept(zone, at, sequence)
      const copied = await to.origin.kept(zone, at, sequence)
      requireSame(copied, versions, `records of zone ${zone} after sequence ${at}`)
      for (const { record, leaf, id } of copied) {
        requireSame(leafOf(crypto, record), leaf, `record ${id} of zone ${zone}`)
      }
      at = sequence
    }
  }
}
