/** Test helpers: records with fixed content, and arbitrary ones. */
import fc from 'fast-check'
import { toHex } from '../bytes/hex.ts'
import {
  type ChunkId,
  type Digest,
  idFromBytes,
  parseId,
  type RecordId,
  ROOT,
  type WriterId,
} from '../ids/ids.ts'
import { vectorKey } from '../versions/vector.ts'
import type { ChunkEntry, Content, Kind, RecordBody, RecordVersion } from './record.ts'

export const WRITER = parseId('writer', 'a1'.repeat(8))
export const ZONE = parseId('zone', 'b2'.repeat(32))

export function entry(n: number, length = 100_000): ChunkEntry {
  const of = (byte: number) => new Uint8Array(32).fill(n).with(0, byte)
  return {
    id: idFromBytes('chunk', of(1)),
    key: idFromBytes('digest', of(2)),
    hash: idFromBytes('digest', of(3)),
    length,
  }
}

export function fileBody(entries: readonly ChunkEntry[] = [entry(1)]): RecordBody {
  return {
    kind: 'file',
    deleted: false,
    place: {
      parent: ROOT,
      name: 'Ferien ☀ 2026.jpg',
      former: parseId('record', 'c3'.repeat(16)),
      stamp: { counter: 17, writer: WRITER },
      by: 'Laptop',
      day: '2026-02-28',
    },
    content: {
      type: 'chunks',
      hash: parseId('digest', 'd4'.repeat(32)),
      size: entries.reduce((sum, one) => sum + one.length, 0),
      list: { depth: 0, entries },
      base: `${WRITER}:16`,
      by: 'desk',
    },
    attributes: { mtime: -1_234_567_890_123_456, executable: true },
    conflictOf: null,
  }
}

export function fileVersion(entries?: readonly ChunkEntry[]): RecordVersion {
  return {
    zone: ZONE,
    id: parseId('record', 'e5'.repeat(16)),
    vector: { [WRITER]: 17 },
    body: fileBody(entries),
  }
}

const hexId = (bytes: number) => fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((b) => toHex(b))
const digest = hexId(32) as fc.Arbitrary<Digest>
const recordId = hexId(16) as fc.Arbitrary<RecordId>
const writerId = hexId(8) as fc.Arbitrary<WriterId>
const counter = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const base = fc
  .dictionary(hexId(8), counter, { maxKeys: 3, noNullPrototype: true })
  .map((vector) => vectorKey(vector))
const name = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 60 })
  .filter((text) => !/^\.{1,2}$|[/\0]/.test(text))
const label = fc.string({ unit: 'grapheme', maxLength: 10 }).filter((text) => !/[/\p{Cc}]/u.test(text))
const day = fc
  .tuple(fc.integer({ min: 0, max: 9999 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 31 }))
  .map(([y, m, d]) =>
    [String(y).padStart(4, '0'), ...[m, d].map((n) => String(n).padStart(2, '0'))].join('-'),
  )

const chunkEntry: fc.Arbitrary<ChunkEntry> = fc.record({
  id: hexId(32) as fc.Arbitrary<ChunkId>,
  key: digest,
  hash: digest,
  length: fc.integer({ min: 1, max: 1024 * 1024 }),
})
const chunks: fc.Arbitrary<Content> = fc
  .record({
    hash: digest,
    entries: fc.array(chunkEntry, { maxLength: 6 }),
    base,
    by: label,
    depth: fc.nat(3),
  })
  .map(({ hash, entries, base, by, depth }) => ({
    type: 'chunks',
    hash,
    size: entries.reduce((sum, one) => sum + one.length, 0),
    list: { depth: entries.length === 0 ? 0 : depth, entries },
    base,
    by,
  }))
const link: fc.Arbitrary<Content> = fc.record({
  type: fc.constant('link' as const),
  target: fc.string({ minLength: 1, maxLength: 100 }).filter((text) => !text.includes('\0')),
  base,
  by: label,
})
const inline: fc.Arbitrary<Content> = fc.record({
  type: fc.constant('inline' as const),
  bytes: fc.uint8Array({ maxLength: 200 }),
  base,
})
const holds: Record<Kind, fc.Arbitrary<Content | null>> = {
  file: chunks,
  folder: fc.constant(null),
  link,
  identity: inline,
  settings: inline,
  device: inline,
}

/** Any body that may be sealed. */
export const anyBody: fc.Arbitrary<RecordBody> = fc
  .tuple(fc.constantFrom(...(Object.keys(holds) as Kind[])), fc.boolean())
  .chain(([kind, deleted]) =>
    fc.record({
      kind: fc.constant(kind),
      deleted: fc.constant(deleted),
      place: fc.record({
        parent: recordId,
        name,
        former: fc.option(recordId),
        stamp: fc.record({ counter: fc.nat(Number.MAX_SAFE_INTEGER), writer: writerId }),
        by: label,
        day,
      }),
      content: deleted ? fc.constant(null) : holds[kind],
      attributes: fc.record({ mtime: fc.maxSafeInteger(), executable: fc.boolean() }),
      conflictOf: fc.option(recordId),
    }),
  )
