/**
 * What a record's seal is bound to, in clear: the associated data of its AES-GCM, kept and sent verbatim. The
 * server decides by it (zone, record, vector) and cannot change a byte of it unnoticed.
 */
import { type CborValue, encodeCbor } from '../bytes/cbor.ts'
import { type Digest, ID_BYTES, idBytes, idFromBytes, type RecordId, ROOT, type ZoneId } from '../ids/ids.ts'
import { BadField, bytesField, countField, expectLength, readFormat } from '../keys/fields.ts'
import { FORMAT, SUITE } from '../keys/suite.ts'
import { VECTOR_MAX_WRITERS } from '../limits.ts'
import type { VersionVector } from '../versions/vector.ts'
import { RecordRefused } from './refused.ts'
import { readVector, vectorValue } from './vector-field.ts'

export interface Facts {
  readonly zone: ZoneId
  readonly id: RecordId
  readonly vector: VersionVector
  /** Key epoch, from 1. */
  readonly epoch: number
  /** `refsRoot` of the clear chunk list. */
  readonly refsRoot: Digest
}

/** Facts of the longest vector stay below this. */
export const FACTS_MAX_BYTES = 128 + VECTOR_MAX_WRITERS * 20

/** [suite, format, zone, id, vector, epoch, refs root], canonical CBOR (REC-2). Throws RangeError for facts that `decodeFacts` would refuse. */
export function encodeFacts(facts: Facts): Uint8Array {
  const vector = vectorValue(facts.vector)
  if ((vector as readonly CborValue[]).length === 0) throw new RangeError('a sealed record needs a version')
  if (facts.id === ROOT) throw new RangeError('no record may have the id of the root')
  if (!Number.isSafeInteger(facts.epoch) || facts.epoch < 1) {
    throw new RangeError(`cannot seal under key epoch ${facts.epoch}: epochs count from 1`)
  }
  return encodeCbor([
    SUITE,
    FORMAT.recordFacts,
    idBytes(facts.zone),
    idBytes(facts.id),
    vector,
    facts.epoch,
    idBytes(facts.refsRoot),
  ])
}

/** Reads facts strictly: only what `encodeFacts` writes. Throws RecordRefused 'malformed'. */
export function decodeFacts(bytes: Uint8Array): Facts {
  return readFormat(bytes, FORMAT.recordFacts, LIMITS, readFacts, refuse)
}

const LIMITS = { maxBytes: FACTS_MAX_BYTES, maxDepth: 3, maxItems: 16 + VECTOR_MAX_WRITERS * 3 }

function readFacts(fields: readonly CborValue[]): Facts {
  expectLength(fields, 'facts', 5)
  const [zone, id, vectorField, epoch, root] = fields
  const record = idFromBytes('record', bytesField(id, 'record id', ID_BYTES.record))
  if (record === ROOT) throw new BadField('it has the id of the root')
  const vector = readVector(vectorField, 'version vector')
  if (Object.keys(vector).length === 0) throw new BadField('its version vector is empty')
  return {
    zone: idFromBytes('zone', bytesField(zone, 'zone id', ID_BYTES.zone)),
    id: record,
    vector,
    epoch: countField(epoch, 'key epoch', 1),
    refsRoot: idFromBytes('digest', bytesField(root, 'refs root', ID_BYTES.digest)),
  }
}

function refuse(why: string): RecordRefused {
  return new RecordRefused('malformed', `its facts cannot be read (${why})`)
}
