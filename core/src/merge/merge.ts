/**
 * Merging two versions of a record that were made apart, register by register, against the version both were
 * made from (R2). Clocks decide nothing; only clashing contents need a policy.
 */
import type { Attributes, Content, Place, RecordBody } from '../records/record.ts'
import { compareStamps, sameStamp } from '../tree/stamp.ts'

/** Two contents of one record, neither of which knew the other. */
export interface Clash {
  readonly base: Content | null
  readonly ours: Content
  readonly theirs: Content
}

export interface Merged {
  /** With the content of `theirs` where contents clash, until the clash is resolved. */
  readonly body: RecordBody
  readonly clash: Clash | null
}

/** Merges `ours` and `theirs`, both made from `base` (null when they have no common ancestor). */
export function mergeBodies(base: RecordBody | null, ours: RecordBody, theirs: RecordBody): Merged {
  const place = mergePlace(base?.place ?? null, ours.place, theirs.place)
  if (ours.deleted !== theirs.deleted) return { body: mergeDeletion(base, ours, theirs, place), clash: null }
  const content = mergeContent(base?.content ?? null, ours.content, theirs.content)
  const attributes = mergeAttributes(base?.attributes ?? null, ours, theirs, content.from)
  const conflictOf = pick(base?.conflictOf ?? null, ours.conflictOf, theirs.conflictOf)
  return { body: { ...theirs, place, content: content.value, attributes, conflictOf }, clash: content.clash }
}

/** True when both say the same in every register. */
export function sameBody(a: RecordBody, b: RecordBody): boolean {
  return (
    a.kind === b.kind &&
    a.deleted === b.deleted &&
    samePlace(a.place, b.place) &&
    sameContent(a.content, b.content) &&
    sameAttributes(a.attributes, b.attributes) &&
    a.conflictOf === b.conflictOf
  )
}

/** A place is named by its stamp; the rest is compared too, since a damaged device could reuse one. */
export function samePlace(a: Place, b: Place): boolean {
  return sameStamp(a.stamp, b.stamp) && a.parent === b.parent && a.name === b.name
}

/** True when both hold the same bytes, however they are chunked. */
export function sameContent(a: Content | null, b: Content | null): boolean {
  if (a === null || b === null) return a === b
  switch (a.type) {
    case 'chunks':
      return b.type === 'chunks' && a.hash === b.hash && a.size === b.size
    case 'link':
      return b.type === 'link' && a.target === b.target
    case 'inline':
      return b.type === 'inline' && sameBytes(a.bytes, b.bytes)
  }
}

/** True when both name the same chunks, which equal contents do unless they were sealed under two keys. */
export function sameChunks(a: RecordBody, b: RecordBody): boolean {
  if (a.content?.type !== 'chunks' || b.content?.type !== 'chunks') return a.content?.type === b.content?.type
  const { list } = a.content
  const other = b.content.list
  const alike = list.depth === other.depth && list.entries.length === other.entries.length
  return alike && list.entries.every(({ id }, index) => id === other.entries[index]!.id)
}

export function sameAttributes(a: Attributes, b: Attributes): boolean {
  return a.mtime === b.mtime && a.executable === b.executable
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

function mergePlace(base: Place | null, ours: Place, theirs: Place): Place {
  if (base && samePlace(ours, base)) return theirs
  if (base && samePlace(theirs, base)) return ours
  return compareStamps(ours.stamp, theirs.stamp) > 0 ? ours : theirs
}

function mergeContent(
  base: Content | null,
  ours: Content | null,
  theirs: Content | null,
): { value: Content | null; from: 'ours' | 'theirs'; clash: Clash | null } {
  if (sameContent(ours, theirs)) return { value: theirs, from: 'theirs', clash: null }
  if (base && sameContent(ours, base)) return { value: theirs, from: 'theirs', clash: null }
  if (base && sameContent(theirs, base)) return { value: ours, from: 'ours', clash: null }
  const clash = ours && theirs ? { base, ours, theirs } : null
  return { value: theirs ?? ours, from: theirs ? 'theirs' : 'ours', clash }
}

/** The attributes go with the content that was taken; where both kept theirs, with whoever changed them. */
function mergeAttributes(
  base: Attributes | null,
  ours: RecordBody,
  theirs: RecordBody,
  contentFrom: 'ours' | 'theirs',
): Attributes {
  const executable = pick(base?.executable ?? null, ours.attributes.executable, theirs.attributes.executable)
  if (contentFrom === 'ours') return { mtime: ours.attributes.mtime, executable }
  if (!sameContent(ours.content, theirs.content)) return { mtime: theirs.attributes.mtime, executable }
  return { mtime: pick(base?.mtime ?? null, ours.attributes.mtime, theirs.attributes.mtime), executable }
}

/** Ours if only we changed it, else theirs: the server had it first. */
function pick<T>(base: T | null, ours: T, theirs: T): T {
  return theirs === base ? ours : theirs
}

/** Edit beats delete (R6): a side that lives on with another content or place than the base keeps the record. */
function mergeDeletion(
  base: RecordBody | null,
  ours: RecordBody,
  theirs: RecordBody,
  place: Place,
): RecordBody {
  const alive = ours.deleted ? theirs : ours
  const tombstone = ours.deleted ? ours : theirs
  const edited =
    !base || base.deleted || !sameContent(alive.content, base.content) || !samePlace(alive.place, base.place)
  return edited ? { ...alive, place } : { ...tombstone, place }
}
