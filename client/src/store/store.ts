/**
 * A device's local database: named tables of ordered key → value pairs, small enough a contract that a
 * browser, a test that pulls the plug, and SQLite can all keep it.
 *
 * Keys are text ordered by their UTF-8 bytes. Values are text (JSON) or bytes.
 */
export type StoreValue = string | Uint8Array

export interface StoreReader {
  get(table: string, key: string): StoreValue | undefined
  /** The same row decoded, where the store remembers rows (`remembered.ts`). Not to be changed by the caller. */
  decoded?<V>(table: string, key: string, codec: RowCodec<V>): V | undefined
  /** Pairs with from ≤ key < to, by ascending key. Reads a consistent state even while the caller writes. */
  scan(table: string, range?: KeyRange): Iterable<readonly [key: string, value: StoreValue]>
  count(table: string): number
}

/** How the rows of one table are kept. */
export interface RowCodec<V> {
  decode(value: StoreValue): V
  encode(value: V): StoreValue
  /** What is written is not read again soon: it is not worth remembering. */
  readonly brief?: boolean
}

export interface StoreWriter extends StoreReader {
  put(table: string, key: string, value: StoreValue): void
  /** Puts a row that is encoded when it is written, where the store remembers rows. */
  putDecoded?<V>(table: string, key: string, value: V, codec: RowCodec<V>): void
  delete(table: string, key: string): void
}

export interface KeyRange {
  readonly from?: string
  readonly to?: string
  readonly limit?: number
}

export interface Store extends StoreReader {
  /**
   * Runs `work` so that all it writes happens or nothing does; reads inside see its own writes. When `work`
   * throws, nothing is written. On return the writes survive a crash of the process; with 'durable' they
   * also survive a loss of power, as does everything committed before. Not to be nested.
   */
  transaction<T>(durability: 'durable' | 'lazy', work: (tx: StoreWriter) => T): T
  /** Gives memory back that only makes it quicker: nothing is going to be asked for a while. Not in a transaction. */
  rest?(): void
  /** Reclaims nothing and loses nothing; afterwards every call throws. */
  close(): void
}

/** The local database cannot be read. */
export class StoreCorrupt extends Error {
  constructor(where: string, cause: unknown) {
    super(
      `the local database ${JSON.stringify(where)} is damaged. Your files and the server's copy are untouched: ` +
        'move the database away and run `pileus link` on the folder again',
      { cause },
    )
    this.name = 'StoreCorrupt'
  }
}

/** The range of all keys that start with this text. */
export function withPrefix(prefix: string): KeyRange {
  return { from: prefix, to: `${prefix}\u{10ffff}` }
}
