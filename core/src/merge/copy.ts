/** Conflict copies: what becomes of the content that lost (R8, R9). */
import type { Crypto } from '../crypto/crypto.ts'
import { idBytes, idFromBytes, type RecordId } from '../ids/ids.ts'
import type { Attributes, Content, RecordBody, Stamp } from '../records/record.ts'
import { conflictName } from '../tree/names.ts'

/**
 * The id of the conflict copy of a record's losing version: derived from both, so that a device that crashes
 * between making and pushing it makes the same record again, and no second one.
 */
export function conflictCopyId(crypto: Crypto, record: RecordId, losingVector: string): RecordId {
  const text = new TextEncoder().encode(`pileus conflict copy v1\n${losingVector}\n`)
  return idFromBytes('record', crypto.sha256(text, idBytes(record)).subarray(0, 16))
}

/** The conflict copy beside the record that kept the name. */
export function conflictCopy(
  record: RecordId,
  winner: RecordBody,
  loser: { readonly content: Content; readonly attributes: Attributes },
  label: { readonly by: string; readonly day: string; readonly number?: number; readonly stamp: Stamp },
): RecordBody {
  const { by, day, number, stamp } = label
  return {
    kind: winner.kind,
    deleted: false,
    place: {
      parent: winner.place.parent,
      name: conflictName(winner.place.name, by, day, number),
      former: null,
      stamp,
      by,
      day,
    },
    content: { ...loser.content, base: '' },
    attributes: loser.attributes,
    conflictOf: record,
  }
}
