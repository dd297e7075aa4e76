/** What a server says of a zone, believed only as far as signatures and hashes carry it. */
import type { Crypto } from '@pileus/core/crypto/crypto'
import { addToSet, emptySetHash, setDigest } from '@pileus/core/crypto/lthash'
import {
  type DeviceId,
  type Digest,
  ID_BYTES,
  idBytes,
  idFromBytes,
  type RecordId,
  type ZoneId,
} from '@pileus/core/ids/ids'
import type { CertifiedDevice } from '@pileus/core/keys/device'
import { readLog, type ZoneState } from '@pileus/core/keys/zone-log'
import { deviceInZone, judgeWrite, type WriteVerdict } from '@pileus/core/keys/zone-writers'
import type { BatchProof, Change } from '@pileus/core/protocol/changes'
import type { ZoneHead } from '@pileus/core/protocol/zone'
import { type BatchHeader, readBatch, verifyBatch } from '@pileus/core/records/batch'
import { decodeFacts, type Facts } from '@pileus/core/records/facts'
import { checkSealed, leafOf } from '@pileus/core/records/seal'
import type { Calls } from '../remote/calls.ts'
import { AccountRefused } from './account.ts'
import { contradiction, figuresOf, type Verifier } from './figures.ts'

/** The verified log of a zone. Rejects with LogRefused. */
export async function fetchLog(
  calls: Calls,
  crypto: Crypto,
  zone: ZoneId,
  token?: string,
): Promise<ZoneState> {
  let state: ZoneState | null = null
  for (let more = true; more; ) {
    const page = await calls.call('log', {
      params: { zone },
      query: { from: String(state?.heads.length ?? 0) },
      ...(token !== undefined && { token }),
    })
    // Page by page, so that nobody can make this device keep entries that are none.
    state = readLog(crypto, page.entries, zone, state)
    more = page.more && page.entries.length > 0
  }
  return state!
}

/** Devices that an identity in the log vouches for. A certificate that nobody signed counts for nothing. */
export function certifiedWriters(
  crypto: Crypto,
  state: ZoneState,
  certificates: readonly { readonly certificate: Uint8Array }[],
): ReadonlyMap<DeviceId, CertifiedDevice> {
  const devices = new Map<DeviceId, CertifiedDevice>()
  for (const { certificate } of certificates) {
    const device = deviceInZone(crypto, state, certificate)
    devices.set(device.device, device)
  }
  return devices
}

/** A batch whose signature and leaves hold, and whose device it is. */
interface VerifiedBatch {
  readonly header: BatchHeader
  readonly writer: CertifiedDevice
  readonly leaves: readonly Digest[]
}

/** Throws AccountRefused for a device nobody vouches for, BatchRefused for what it did not sign. */
function verifyProof(
  crypto: Crypto,
  zone: ZoneId,
  writers: ReadonlyMap<DeviceId, CertifiedDevice>,
  proof: BatchProof,
): VerifiedBatch {
  const { device } = readBatch(proof.signed)
  const writer = writers.get(device)
  if (!writer)
    throw new AccountRefused(`device ${device}, which nobody vouches for, signed batch ${proof.id}`)
  const leaves = splitLeaves(proof.leaves)
  const header = verifyBatch(crypto, proof.signed, writer.publicKey, leaves)
  if (header.zone !== zone)
    throw new AccountRefused(`batch ${header.batch} was signed for zone ${header.zone}`)
  return { header, writer, leaves }
}

/** Whether the batch might be written, at the log head it names, to the place in the zone that it has. */
function judgeBatch(state: ZoneState, { header, writer }: VerifiedBatch, sequence: number): WriteVerdict {
  const { device, logHead, epoch } = header
  return judgeWrite(state, { account: writer.account, device, logHead, epoch, sequence })
}

/** What a record says of itself in clear, and its leaf. */
export interface Proven {
  readonly facts: Facts
  readonly leaf: Digest
}

/**
 * Checks that each record is a leaf of a batch, signed by a device that might write it at its place. Returns what was
 * found of each, in order. Throws AccountRefused, BatchRefused or RecordRefused.
 */
export function verifyChanges(
  crypto: Crypto,
  state: ZoneState,
  writers: ReadonlyMap<DeviceId, CertifiedDevice>,
  page: { readonly changes: readonly Change[]; readonly batches: readonly BatchProof[] },
): Proven[] {
  const proofs = page.batches.map((proof) => verifyProof(crypto, state.zone, writers, proof))
  const batches = new Map(proofs.map((proof) => [proof.header.batch, proof]))
  return page.changes.map(({ record, batch, leaf: index, sequence }) => {
    const proof = batches.get(batch)
    const facts = checkSealed(crypto, state.zone, record)
    const { id, epoch } = facts
    const leaf = leafOf(crypto, record)
    if (!proof || proof.leaves[index] !== leaf) {
      throw new AccountRefused(`record ${id} belongs to no signed batch of its zone`)
    }
    const verdict = judgeBatch(state, proof, sequence)
    // A record of an older epoch comes again from a device that gives back what the server lost.
    if (verdict !== 'allowed' || epoch > proof.header.epoch) {
      throw new AccountRefused(`record ${id} was written by a device that might not (${verdict})`)
    }
    return { facts, leaf }
  })
}

/**
 * Checks that these are all the records of the zone as its head says, and that what the devices saw which wrote them fits
 * (figures.ts). `steps` asks for commits after a sequence, up to the head. Rejects with AccountRefused.
 */
export async function verifyWhole(
  crypto: Crypto,
  page: { readonly changes: readonly Change[]; readonly batches: readonly BatchProof[] },
  head: ZoneHead,
  steps: Verifier['steps'],
): Promise<void> {
  const setState = emptySetHash()
  const versions = new Map<RecordId, { leaf: Digest; sequence: number }>()
  for (const { record, sequence } of page.changes) {
    const leaf = leafOf(crypto, record)
    addToSet(crypto, setState, idBytes(leaf))
    versions.set(decodeFacts(record.facts).id, { leaf, sequence })
  }
  if (setDigest(crypto, setState) !== head.setHash)
    throw new AccountRefused('records were left out of the answer, or old ones given')
  const { zone, incarnation, sequence, chain } = head
  const here = { incarnation, sequence, chain, setState, current: (id: RecordId) => versions.get(id) }
  const why = await contradiction({ crypto, zone, here, own: () => undefined, steps }, figuresOf(page))
  if (why !== null) throw new AccountRefused(why)
}

function splitLeaves(bytes: Uint8Array): Digest[] {
  const leaves: Digest[] = []
  for (let at = 0; at < bytes.length; at += ID_BYTES.digest) {
    leaves.push(idFromBytes('digest', bytes.subarray(at, at + ID_BYTES.digest)))
  }
  return leaves
}
