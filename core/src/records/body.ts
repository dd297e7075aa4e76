/**
 * The sealed half of a record as bytes. Another person may have written it, so reading takes exactly what
 * `encodeBody` writes and nothing that could harm whoever uses it: names are single path components.
 */
import { type CborValue, encodeCbor } from '../bytes/cbor.ts'
import { ID_BYTES, idBytes, idFromBytes, type RecordId } from '../ids/ids.ts'
import {
  arrayField,
  BadField,
  booleanField,
  bytesField,
  countField,
  expectLength,
  readFormat,
  textField,
} from '../keys/fields.ts'
import { FORMAT, SUITE } from '../keys/suite.ts'
import { RECORD_MAX_BYTES } from '../limits.ts'
import { contentValue, readContent } from './content-field.ts'
import { readDay, requireLabel, requireName } from './names.ts'
import type { Attributes, Content, Kind, Place, RecordBody } from './record.ts'
import { RecordRefused } from './refused.ts'

/** By number, and what a live record of the kind holds. The order is the format: only append. */
const KINDS: readonly { readonly kind: Kind; readonly holds: Content['type'] | null }[] = [
  { kind: 'file', holds: 'chunks' },
  { kind: 'folder', holds: null },
  { kind: 'link', holds: 'link' },
  { kind: 'identity', holds: 'inline' },
  { kind: 'settings', holds: 'inline' },
  { kind: 'device', holds: 'inline' },
]

/**
 * [suite, format, kind, deleted, place, content, mtime, executable, conflict of], canonical CBOR (REC-6).
 * Throws RecordRefused 'malformed' for a body that `decodeBody` would refuse.
 */
export function encodeBody(body: RecordBody): Uint8Array {
  try {
    checkBody(body)
    return encodeCbor([
      SUITE,
      FORMAT.recordBody,
      KINDS.findIndex(({ kind }) => kind === body.kind),
      body.deleted,
      placeValue(body.place),
      body.content === null ? null : contentValue(body.content),
      body.attributes.mtime,
      body.attributes.executable,
      optionalId(body.conflictOf),
    ])
  } catch (error) {
    if (error instanceof BadField) throw new RecordRefused('malformed', error.message)
    throw error
  }
}

/** Reads a body strictly. Throws RecordRefused 'malformed'. */
export function decodeBody(bytes: Uint8Array): RecordBody {
  return readFormat(bytes, FORMAT.recordBody, LIMITS, readBody, refuse)
}

const LIMITS = { maxBytes: RECORD_MAX_BYTES, maxDepth: 5, maxItems: 4_096 }

function readBody(fields: readonly CborValue[]): RecordBody {
  expectLength(fields, 'body', 7)
  const [kind, deleted, place, content, mtime, executable, conflictOf] = fields
  const body: RecordBody = {
    kind: KINDS[countField(kind, 'kind', 0, KINDS.length - 1)]!.kind,
    deleted: booleanField(deleted, 'deleted'),
    place: readPlace(place),
    content: content === null ? null : readContent(content),
    attributes: readAttributes(mtime, executable),
    conflictOf: readOptionalId(conflictOf, 'conflict of'),
  }
  checkBody(body)
  return body
}

/** What holds between the fields, on both sides. */
function checkBody(body: RecordBody): void {
  requireName(body.place.name)
  requireLabel(body.place.by)
  countField(body.place.stamp.counter, 'stamp')
  countField(body.attributes.mtime, 'mtime', Number.MIN_SAFE_INTEGER)
  const holds = KINDS.find(({ kind }) => kind === body.kind)!.holds
  const expected = body.deleted ? null : holds
  const found = body.content?.type ?? null
  if (found !== expected) {
    throw new BadField(
      `${body.deleted ? 'a deleted' : 'a'} ${body.kind} holds ${found}, expected ${expected}`,
    )
  }
}

function placeValue(place: Place): CborValue {
  return [
    idBytes(place.parent),
    place.name,
    optionalId(place.former),
    place.stamp.counter,
    idBytes(place.stamp.writer),
    place.by,
    readDay(place.day),
  ]
}

function readPlace(value: CborValue | undefined): Place {
  const [parent, name, former, counter, writer, by, day] = arrayField(value, 'place', 7)
  return {
    parent: idFromBytes('record', bytesField(parent, 'parent', ID_BYTES.record)),
    name: textField(name, 'name'),
    former: readOptionalId(former, 'former parent'),
    stamp: {
      counter: countField(counter, 'stamp'),
      writer: idFromBytes('writer', bytesField(writer, 'stamp writer', ID_BYTES.writer)),
    },
    by: textField(by, 'by'),
    day: dayText(countField(day, 'day', 0, 9999_12_31)),
  }
}

function dayText(number: number): string {
  const digits = String(number).padStart(8, '0')
  const day = `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`
  readDay(day)
  return day
}

function readAttributes(mtime: CborValue | undefined, executable: CborValue | undefined): Attributes {
  return {
    mtime: countField(mtime, 'mtime', Number.MIN_SAFE_INTEGER),
    executable: booleanField(executable, 'executable'),
  }
}

function optionalId(id: RecordId | null): CborValue {
  return id === null ? null : idBytes(id)
}

function readOptionalId(value: CborValue | undefined, name: string): RecordId | null {
  return value === null ? null : idFromBytes('record', bytesField(value, name, ID_BYTES.record))
}

function refuse(why: string): RecordRefused {
  return new RecordRefused('malformed', `its body cannot be read (${why})`)
}
