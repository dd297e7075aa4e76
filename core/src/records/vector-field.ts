/** A version vector inside a format: [[writer, counter], …], by ascending writer. */
import type { CborValue } from '../bytes/cbor.ts'
import { ID_BYTES, idBytes, idFromBytes, type WriterId } from '../ids/ids.ts'
import { arrayField, BadField, bytesField, countField } from '../keys/fields.ts'
import { VECTOR_MAX_WRITERS } from '../limits.ts'
import { entries, type VersionVector } from '../versions/vector.ts'

/** Throws RangeError for a vector that `readVector` would not take. */
export function vectorValue(vector: VersionVector): CborValue {
  const list = entries(vector)
  if (list.length > VECTOR_MAX_WRITERS) {
    throw new RangeError(`cannot write a vector of ${list.length} writers: at most ${VECTOR_MAX_WRITERS}`)
  }
  return list.map(([writer, counter]) => {
    if (!Number.isSafeInteger(counter) || counter < 1) {
      throw new RangeError(`cannot write the counter ${counter} of writer ${writer}: expected 1 or more`)
    }
    return [idBytes(writer), counter]
  })
}

/** Takes ascending writers and counters from 1 only, so that one vector has one form (REC-3). */
export function readVector(value: CborValue | undefined, name: string): VersionVector {
  const items = arrayField(value, name)
  if (items.length > VECTOR_MAX_WRITERS) {
    throw new BadField(`${name} names ${items.length} writers, at most ${VECTOR_MAX_WRITERS} are taken`)
  }
  const vector: Record<WriterId, number> = {}
  let last = ''
  for (const item of items) {
    const [writerBytes, counter] = arrayField(item, name, 2)
    const writer = idFromBytes('writer', bytesField(writerBytes, 'a writer', ID_BYTES.writer))
    if (writer <= last) throw new BadField(`${name} is not in ascending order of writers`)
    vector[writer] = countField(counter, 'a counter', 1)
    last = writer
  }
  return vector
}
