/** The tables of a replica: what is kept under which key. */
import { type Digest, type RecordId, ROOT, type WriterId } from '@pileus/core/ids/ids'
import type { Figure } from '@pileus/core/records/figure'
import type { Attributes, RecordBody } from '@pileus/core/records/record'
import type { Refs } from '@pileus/core/records/refs'
import type { VersionVector } from '@pileus/core/versions/vector'
import type { SignedFigure } from '../account/figures.ts'
import {
  type KeyRange,
  type RowCodec,
  type Store,
  StoreCorrupt,
  type StoreReader,
  type StoreWriter,
} from '../store/store.ts'

/** A record as the server has it, opened. */
export interface Known {
  readonly vector: VersionVector
  readonly body: RecordBody
  readonly leaf: Digest
  readonly sequence: number
}

/** A version this device made that the server has not accepted yet. Its sealed bytes are in `outboxSealed`. */
export interface Pending {
  readonly vector: VersionVector
  readonly body: RecordBody
  readonly leaf: Digest
  /** The known version it was made from, by which it is merged when the server has moved on. */
  readonly base: RecordBody | null
  /** Pending versions of the same group are pushed together, and accepted together or not at all. */
  readonly group: string | null
  /** Pushed in this order, folders before what is in them. */
  readonly order: number
  /**
   * Leaves of the versions it took the place of, each one counter of this writer before the next: they may have reached the
   * server all the same. Undefined where it was not sealed here last, but given back to a server that lost it.
   */
  readonly ours?: readonly Digest[]
}

/** A file, folder or link as it stood on this disk when disk and replica last agreed on it. */
export interface DiskRow {
  readonly kind: 'file' | 'folder' | 'link'
  readonly parent: RecordId
  /** As it is on the disk, a conflict name perhaps. */
  readonly name: string
  readonly sameness: string
  readonly attributes: Attributes
  readonly size: number
  /** Stat.identity and Stat.signature; '' for a row to look at again. */
  readonly identity: string
  readonly signature: string
  /** vectorKey of the version it shows; another text when it shows none of them (its body is in `base`). */
  readonly version: string
}

/** Who has a name in a folder of this disk, with the signature of its row if that is a file's, else '': for a file that is as it was this says all. */
export interface NamedRow {
  readonly id: RecordId
  readonly signature: string
}

/** A displaced file, kept until its content is certain to be in history (R10). */
export interface Stashed {
  readonly record: RecordId
  readonly path: string
  readonly size: number
  readonly mtime: number
  readonly version: string
}

export interface Meta {
  cursor: { incarnation: number; sequence: number; chain: Digest }
  /** Where the server said that the zone stood when it accepted what lies ahead of the cursor; none once that was read. */
  ahead: { incarnation: number; sequence: number; chain: Digest }
  writer: WriterId
  /** The highest stamp counter seen. */
  stamp: number
  /** The next Pending.order. */
  order: number
  /** While the zone is read again from its start: what the server lost will be pushed again. */
  rereading: boolean
  /** The server was found untrue: all is read again from the start, once it is seen to know this cursor. */
  doubted: boolean
  /** Sequence of the last figure in `figure`. */
  verified: number
  /** Sequence of the first figure in this incarnation of the zone. */
  since: number
  /** What was read since the last figure does not show every commit. */
  gap: boolean
  /** The longest log of the zone ever seen. */
  log: { length: number; head: Digest }
  /** Syncs that came to rest. */
  run: number
  /** A look at a part missed something: rows may tell of what is gone, so nothing is changed by them until all is seen. */
  unconfirmed: boolean
  /** Pushes begun. */
  pushes: number
  /** Collection generation of the zone when it was last seen with nothing pending: what is pending was checked under it, or a later one. */
  generation: number
}

interface Table<V> {
  readonly name: string
  get(from: StoreReader, key: string): V | undefined
  put(tx: StoreWriter, key: string, value: V): void
  delete(tx: StoreWriter, key: string): void
  entries(from: StoreReader, range?: KeyRange): Iterable<readonly [string, V]>
  count(from: StoreReader): number
}

function table<V>(name: string, codec: RowCodec<V>): Table<V> {
  return {
    name,
    get(from, key) {
      if (from.decoded) return from.decoded(name, key, codec)
      const value = from.get(name, key)
      return value === undefined ? undefined : codec.decode(value)
    },
    put(tx, key, value) {
      if (tx.putDecoded) tx.putDecoded(name, key, value, codec)
      else tx.put(name, key, codec.encode(value))
    },
    delete: (tx, key) => tx.delete(name, key),
    *entries(from, range) {
      for (const [key, value] of from.scan(name, range)) yield [key, codec.decode(value)]
    },
    count: (from) => from.count(name),
  }
}

function jsonTable<V>(name: string): Table<V> {
  return table(name, {
    decode: (text) => parsed(name, text as string) as V,
    encode: (value) => JSON.stringify(value),
  })
}

/** SQLite does not notice a bit that flipped inside a row. */
function parsed(table: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new StoreCorrupt(`table ${table}`, error)
  }
}

function rawTable<V extends string | Uint8Array>(name: string, brief = false): Table<V> {
  return table(name, { decode: (value) => value as V, encode: (value) => value, brief })
}

/** A table of which a row that was written is seldom looked at soon. */
function briefTable<V extends string | Uint8Array>(name: string): Table<V> {
  return rawTable(name, true)
}

export const tables = {
  known: jsonTable<Known>('known'),
  /** Canonical CBOR of the sealed record, kept to give back to a server that lost it. */
  sealed: briefTable<Uint8Array>('sealed'),
  outbox: jsonTable<Pending>('outbox'),
  outboxSealed: rawTable<Uint8Array>('outboxSealed'),
  /** This writer's highest counter per record, where neither known nor pending version shows it any more. */
  sealedUpTo: jsonTable<number>('sealedUpTo'),
  /** parent/name key/record → ''. */
  child: briefTable<string>('child'),
  redirect: rawTable<RecordId>('redirect'),
  disk: jsonTable<DiskRow>('disk'),
  /** parent/name → record and signature; the name folded on disks that ignore case. */
  diskChild: table<NamedRow>('diskChild', {
    decode: (text) => ({
      id: (text as string).slice(0, ROOT.length) as RecordId,
      signature: (text as string).slice(ROOT.length),
    }),
    encode: ({ id, signature }) => id + signature,
    brief: true,
  }),
  /** Folders that came from the server and are not dated yet: they are when all that came with them is inside. */
  undated: rawTable<string>('undated'),
  /** Rows that show another name than their record's: somebody else had it first (R3). */
  renamed: rawTable<string>('renamed'),
  /** Conflict copies nobody has dealt with. */
  copies: rawTable<string>('copies'),
  /** Rows whose name another row has taken: their node moved or is gone, which the next scan tells. */
  nameless: rawTable<string>('nameless'),
  diskIdentity: briefTable<RecordId>('diskIdentity'),
  /** The body that a disk row shows when the record has moved on: the base to merge a local edit by. */
  base: jsonTable<RecordBody>('base'),
  /** The clear list of a base whose chunk list is too long to stand in its body. */
  baseRefs: jsonTable<Refs>('baseRefs'),
  /** Pending versions of other records that hold what is to be read again for this one. */
  readFor: jsonTable<readonly RecordId[]>('readFor'),
  /** Records whose place on the disk may have to change: record → ''. */
  touched: briefTable<string>('touched'),
  /** Names whose holders may have changed: parent/name key → ''. */
  touchedName: briefTable<string>('touchedName'),
  stash: jsonTable<Stashed>('stash'),
  /** Deletions that wait for the person (R11): record → ''. */
  held: rawTable<string>('held'),
  /** While rereading: records seen so far. */
  seen: rawTable<string>('seen'),
  /** Path → what is wrong there, from the last run. */
  problem: rawTable<string>('problem'),
  /** Those of them that never can be synced: path → ''. */
  leftOut: rawTable<string>('leftOut'),
  setHash: rawTable<Uint8Array>('setHash'),
  /** States of the zone that were verified here, by sequence (16 digits), the newest few. */
  figure: jsonTable<Figure>('figure'),
  /** What others signed in what was read since then, by the sequence (16 digits) of the first record under it. */
  signed: jsonTable<SignedFigure>('signed'),
} as const

/** Makes all tables, because looking into one that is not there costs more than looking into an empty one. */
export function createTables(store: Store): void {
  store.transaction('lazy', (tx) => {
    for (const { name } of Object.values(tables)) {
      tx.put(name, '', '')
      tx.delete(name, '')
    }
  })
}

const metaTable = jsonTable<Meta[keyof Meta]>('meta')

export function getMeta<K extends keyof Meta>(from: StoreReader, key: K): Meta[K] | undefined {
  return metaTable.get(from, key) as Meta[K] | undefined
}

export function putMeta<K extends keyof Meta>(tx: StoreWriter, key: K, value: Meta[K] | undefined): void {
  if (value === undefined) metaTable.delete(tx, key)
  else metaTable.put(tx, key, value)
}
