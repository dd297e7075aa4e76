/** The content register inside a record's body. */
import type { CborValue } from '../bytes/cbor.ts'
import { ID_BYTES, idBytes, idFromBytes } from '../ids/ids.ts'
import { arrayField, BadField, bytesField, countField, textField } from '../keys/fields.ts'
import { CHUNK_MAX_BYTES, LIST_INLINE_ENTRIES, LIST_MAX_DEPTH, RECORD_MAX_BYTES } from '../limits.ts'
import { type VersionVector, vectorKey } from '../versions/vector.ts'
import { requireLabel, requireTarget } from './names.ts'
import type { ChunkEntry, ChunkList, Content } from './record.ts'
import { readVector, vectorValue } from './vector-field.ts'

/** The longest file: what the six bytes of an entry's length can say. */
const FILE_MAX_BYTES = 2 ** 48 - 1

const CHUNKS = 0
const LINK = 1
const INLINE = 2

/** id, key, hash, length of 6 bytes. */
const ENTRY_BYTES = 3 * 32 + 6

/** Throws BadField for a content that `readContent` would not take. */
export function contentValue(content: Content): CborValue {
  const base = baseValue(content.base)
  switch (content.type) {
    case 'chunks':
      checkList(content.list, content.size)
      requireLabel(content.by)
      return [
        CHUNKS,
        base,
        content.by,
        idBytes(content.hash),
        content.size,
        content.list.depth,
        entriesValue(content.list.entries),
      ]
    case 'link':
      requireTarget(content.target)
      requireLabel(content.by)
      return [LINK, base, content.by, content.target]
    case 'inline':
      bytesField(content.bytes, 'inline content', { min: 0, max: RECORD_MAX_BYTES })
      return [INLINE, base, content.bytes]
  }
}

export function readContent(value: CborValue | undefined): Content {
  const fields = arrayField(value, 'content')
  const base = readBase(fields[1])
  switch (countField(fields[0], 'content type', CHUNKS, INLINE)) {
    case CHUNKS:
      return readChunks(arrayField(value, 'content', 7), base)
    case LINK: {
      const [, , by, target] = arrayField(value, 'content', 4)
      const to = textField(target, 'link target')
      requireTarget(to)
      return { type: 'link', target: to, base, by: readLabel(by) }
    }
    default: {
      const bytes = arrayField(value, 'content', 3)[2]
      return {
        type: 'inline',
        bytes: bytesField(bytes, 'inline content', { min: 0, max: RECORD_MAX_BYTES }),
        base,
      }
    }
  }
}

function readChunks(fields: readonly CborValue[], base: string): Content {
  const [, , by, hash, sizeField, depth, entries] = fields
  const size = countField(sizeField, 'file size', 0, FILE_MAX_BYTES)
  const list = { depth: countField(depth, 'list depth', 0, LIST_MAX_DEPTH), entries: readEntries(entries) }
  checkList(list, size)
  return {
    type: 'chunks',
    hash: idFromBytes('digest', bytesField(hash, 'file hash', ID_BYTES.digest)),
    size,
    list,
    base,
    by: readLabel(by),
  }
}

function readLabel(value: CborValue | undefined): string {
  const label = textField(value, 'content by')
  requireLabel(label)
  return label
}

/** The entries cover the file exactly: none can be dropped, doubled or stretched (REC-8). */
function checkList(list: ChunkList, size: number): void {
  if (list.entries.length > LIST_INLINE_ENTRIES) {
    throw new BadField(
      `${list.entries.length} chunk entries, at most ${LIST_INLINE_ENTRIES} stand in a record`,
    )
  }
  countField(list.depth, 'list depth', 0, LIST_MAX_DEPTH)
  countField(size, 'file size', 0, FILE_MAX_BYTES)
  let covered = 0
  for (const entry of list.entries) {
    covered += countField(
      entry.length,
      'chunk length',
      1,
      list.depth === 0 ? CHUNK_MAX_BYTES : FILE_MAX_BYTES,
    )
  }
  if (covered !== size) throw new BadField(`the chunks cover ${covered} bytes of a file of ${size}`)
  if (size === 0 && list.depth > 0) throw new BadField('an empty file has a list of lists')
}

function entriesValue(entries: readonly ChunkEntry[]): Uint8Array {
  const bytes = new Uint8Array(entries.length * ENTRY_BYTES)
  const view = new DataView(bytes.buffer)
  entries.forEach((entry, i) => {
    const at = i * ENTRY_BYTES
    bytes.set(idBytes(entry.id), at)
    bytes.set(idBytes(entry.key), at + 32)
    bytes.set(idBytes(entry.hash), at + 64)
    view.setUint16(at + 96, Math.floor(entry.length / 2 ** 32))
    view.setUint32(at + 98, entry.length % 2 ** 32)
  })
  return bytes
}

function readEntries(value: CborValue | undefined): ChunkEntry[] {
  const bytes = bytesField(value, 'chunk entries', { min: 0, max: LIST_INLINE_ENTRIES * ENTRY_BYTES })
  if (bytes.length % ENTRY_BYTES !== 0) throw new BadField(`${bytes.length} bytes are no whole chunk entries`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: bytes.length / ENTRY_BYTES }, (_, i) => {
    const at = i * ENTRY_BYTES
    return {
      id: idFromBytes('chunk', bytes.subarray(at, at + 32)),
      key: idFromBytes('digest', bytes.subarray(at + 32, at + 64)),
      hash: idFromBytes('digest', bytes.subarray(at + 64, at + 96)),
      length: view.getUint16(at + 96) * 2 ** 32 + view.getUint32(at + 98),
    }
  })
}

const BASE_ENTRY = /^([0-9a-f]{16}):([1-9][0-9]{0,15})$/

/** The base is a vector's key text in memory and a vector in bytes: half the length, and one form only. */
function baseValue(base: string): CborValue {
  const vector: Record<string, number> = {}
  for (const part of base === '' ? [] : base.split(',')) {
    const [, writer, counter] = BASE_ENTRY.exec(part) ?? []
    if (writer === undefined)
      throw new BadField(`the base version ${JSON.stringify(base.slice(0, 80))} is no vector key`)
    vector[writer] = Number(counter)
  }
  const parsed: VersionVector = vector
  if (vectorKey(parsed) !== base) {
    throw new BadField(`the base version ${JSON.stringify(base.slice(0, 80))} is not in canonical order`)
  }
  return vectorValue(parsed)
}

function readBase(value: CborValue | undefined): string {
  return vectorKey(readVector(value, 'base version'))
}
