/**
 * A batch as its device signs it. The header says what the device knew (log head, key epoch, collection
 * generation, the last figure of the zone it verified) and, by its Merkle root, which records it holds.
 */
import { type CborValue, encodeCbor } from '../bytes/cbor.ts'
import type { Crypto } from '../crypto/crypto.ts'
import { merkleRoot } from '../crypto/merkle.ts'
import {
  type BatchId,
  type DeviceId,
  type Digest,
  ID_BYTES,
  idBytes,
  idFromBytes,
  type WriterId,
  type ZoneId,
} from '../ids/ids.ts'
import { deviceIdOf } from '../keys/device-id.ts'
import { bytesField, countField, expectLength, readFormat } from '../keys/fields.ts'
import type { SecretKey } from '../keys/secrets.ts'
import { FORMAT, SUITE } from '../keys/suite.ts'
import { BATCH_MAX_RECORDS } from '../limits.ts'
import type { SignedBatch } from '../protocol/push.ts'
import type { Figure } from './figure.ts'
import { BatchRefused } from './refused.ts'

export interface BatchHeader {
  readonly zone: ZoneId
  readonly batch: BatchId
  readonly device: DeviceId
  readonly writer: WriterId
  /** Hash of the last log entry the device had verified. */
  readonly logHead: Digest
  /** Key epoch at that head, from 1. */
  readonly epoch: number
  /** Collection generation under which its chunks were checked. */
  readonly generation: number
  /** Merkle root (RFC 6962) over the records' leaves, in the order of the push. */
  readonly root: Digest
  readonly count: number
  /** The last state of the zone that the device verified, for the others to compare with (REC-14). */
  readonly seen: Figure
}

/** Header bytes are shorter than this. */
export const BATCH_HEADER_MAX_BYTES = 1_024

/**
 * Signs a batch of the records with these leaves, in this order. Throws RangeError for none or too
 * many, BatchRefused for a header that `readBatch` would refuse.
 */
export function signBatch(
  crypto: Crypto,
  deviceSeed: SecretKey,
  header: Omit<BatchHeader, 'root' | 'count' | 'device'>,
  leaves: readonly Digest[],
): SignedBatch {
  if (leaves.length < 1 || leaves.length > BATCH_MAX_RECORDS) {
    throw new RangeError(
      `cannot sign a batch of ${leaves.length} records: expected 1 to ${BATCH_MAX_RECORDS}`,
    )
  }
  const device = deviceIdOf(crypto, crypto.ed25519PublicKey(deviceSeed.bytes()))
  const root = rootOf(crypto, leaves)
  const bytes = encodeHeader({ ...header, device, root, count: leaves.length })
  const signed = { header: bytes, signature: crypto.ed25519Sign(deviceSeed.bytes(), bytes) }
  // A header that nobody would read is a mistake of the caller: better found before it is sent.
  readBatch(signed)
  return signed
}

/** The header, its signature not checked: for finding whose key to check it with. Throws BatchRefused. */
export function readBatch(signed: SignedBatch): BatchHeader {
  return readFormat(signed.header, FORMAT.batch, LIMITS, readHeader, refuse)
}

/**
 * The header of a batch that this device signed over exactly these leaves in this order (REC-13). Throws
 * BatchRefused. Whether the device might write is for `mayWrite` of the zone log to say.
 */
export function verifyBatch(
  crypto: Crypto,
  signed: SignedBatch,
  devicePublicKey: Uint8Array,
  leaves: readonly Digest[],
): BatchHeader {
  const header = readBatch(signed)
  const device = deviceIdOf(crypto, devicePublicKey)
  if (header.device !== device) {
    throw new BatchRefused(
      'wrong-device',
      `batch ${header.batch} names device ${header.device}, not ${device}`,
    )
  }
  if (!crypto.ed25519Verify(devicePublicKey, signed.header, signed.signature)) {
    throw new BatchRefused('bad-signature', `device ${device} did not sign batch ${header.batch}`)
  }
  if (leaves.length !== header.count || rootOf(crypto, leaves) !== header.root) {
    throw new BatchRefused(
      'wrong-leaves',
      `the ${leaves.length} records are not those of batch ${header.batch}`,
    )
  }
  return header
}

/** [suite, format, zone, batch, device, writer, log head, epoch, generation, root, count, …seen] (REC-12). */
function encodeHeader(header: BatchHeader): Uint8Array {
  return encodeCbor([
    SUITE,
    FORMAT.batch,
    idBytes(header.zone),
    idBytes(header.batch),
    idBytes(header.device),
    idBytes(header.writer),
    idBytes(header.logHead),
    header.epoch,
    header.generation,
    idBytes(header.root),
    header.count,
    header.seen.incarnation,
    header.seen.sequence,
    idBytes(header.seen.chain),
    idBytes(header.seen.setHash),
  ])
}

const LIMITS = { maxBytes: BATCH_HEADER_MAX_BYTES, maxDepth: 1, maxItems: 18 }

function readHeader(fields: readonly CborValue[]): BatchHeader {
  expectLength(fields, 'batch header', 13)
  const [zone, batch, device, writer, logHead, epoch, generation, root, count, ...seen] = fields
  return {
    zone: idFromBytes('zone', bytesField(zone, 'zone id', ID_BYTES.zone)),
    batch: idFromBytes('batch', bytesField(batch, 'batch id', ID_BYTES.batch)),
    device: idFromBytes('device', bytesField(device, 'device id', ID_BYTES.device)),
    writer: idFromBytes('writer', bytesField(writer, 'writer id', ID_BYTES.writer)),
    logHead: idFromBytes('digest', bytesField(logHead, 'log head', ID_BYTES.digest)),
    epoch: countField(epoch, 'key epoch', 1),
    generation: countField(generation, 'generation'),
    root: idFromBytes('digest', bytesField(root, 'root', ID_BYTES.digest)),
    count: countField(count, 'count', 1, BATCH_MAX_RECORDS),
    seen: readFigure(seen),
  }
}

function readFigure([incarnation, sequence, chain, setHash]: readonly CborValue[]): Figure {
  return {
    incarnation: countField(incarnation, 'seen incarnation', 1),
    sequence: countField(sequence, 'seen sequence'),
    chain: idFromBytes('digest', bytesField(chain, 'seen chain', ID_BYTES.digest)),
    setHash: idFromBytes('digest', bytesField(setHash, 'seen set hash', ID_BYTES.digest)),
  }
}

function rootOf(crypto: Crypto, leaves: readonly Digest[]): Digest {
  return idFromBytes('digest', merkleRoot(crypto, leaves.map(idBytes)))
}

function refuse(why: string): BatchRefused {
  return new BatchRefused('malformed', `its header cannot be read (${why})`)
}
