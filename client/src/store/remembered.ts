/**
 * A store that remembers rows as they were decoded, and holds what a transaction writes until its end: a wrapper of
 * the port. The rules look at the same few rows many times, and often write one row twice. One process writes a
 * database (the folder's lock sees to that), so what is remembered stays true between transactions.
 */
import type { KeyRange, RowCodec, Store, StoreReader, StoreValue, StoreWriter } from './store.ts'

/** Rows remembered at least; up to twice as many are. */
const REMEMBERED_ROWS = 6_000
/** Rows that a transaction holds back; beyond them what it has is written early. */
const HELD_ROWS = 24_000

interface Row {
  /** Decoded; undefined where there is none. */
  value: unknown
  /** Whether the store below has the row, as far as that is known. */
  stored: boolean | undefined
  codec: Encoding
}

type Encoding = Pick<RowCodec<never>, 'encode' | 'brief'>

type Tables = Map<string, Map<string, Row>>

/** Remembers the rows of this store. Whoever uses the result must be the only one to write. */
export function rememberRows(store: Store): Store {
  return new RememberedStore(store)
}

class RememberedStore implements Store {
  readonly #store: Store
  /** Written in the running transaction and held back. */
  readonly #held: Tables = new Map()
  #heldRows = 0
  /** Two generations: what is not asked for while the younger fills is forgotten. */
  #young: Tables = new Map()
  #old: Tables = new Map()
  #youngRows = 0
  #writer: StoreWriter | null = null
  /** Tables looked into since they were written: whether nothing is in them. */
  readonly #empty = new Map<string, boolean>()

  constructor(store: Store) {
    this.#store = store
  }

  get(table: string, key: string): StoreValue | undefined {
    this.#flush(table)
    return this.#store.get(table, key)
  }

  decoded<V>(table: string, key: string, codec: RowCodec<V>): V | undefined {
    const known = this.#held.get(table)?.get(key) ?? this.#young.get(table)?.get(key)
    if (known) return known.value as V | undefined
    const older = this.#old.get(table)?.get(key)
    if (older) {
      this.#keep(table, key, older)
      return older.value as V | undefined
    }
    if (this.#isEmpty(table)) return undefined
    const found = this.#store.get(table, key)
    const value = found === undefined ? undefined : codec.decode(found)
    this.#keep(table, key, { value, stored: found !== undefined, codec })
    return value
  }

  /** Looked up once until the table is written: most devices have nothing to push, and ask for it at every record. */
  #isEmpty(table: string): boolean {
    const known = this.#empty.get(table)
    if (known !== undefined) return known
    const empty = this.#store.scan(table, { limit: 1 })[Symbol.iterator]().next().done === true
    this.#empty.set(table, empty)
    return empty
  }

  count(table: string): number {
    this.#flush(table)
    return this.#store.count(table)
  }

  scan(table: string, range?: KeyRange): Iterable<readonly [key: string, value: StoreValue]> {
    this.#flush(table)
    return this.#store.scan(table, range)
  }

  transaction<T>(durability: 'durable' | 'lazy', work: (tx: StoreWriter) => T): T {
    if (this.#writer) throw new Error('a transaction of the local database was begun inside another')
    try {
      return this.#store.transaction(durability, (tx) => {
        this.#writer = tx
        const result = work(this.#transactionWriter(tx))
        for (const table of this.#held.keys()) this.#flush(table)
        return result
      })
    } catch (error) {
      this.#forget()
      throw error
    } finally {
      this.#writer = null
    }
  }

  rest(): void {
    this.#forget()
    this.#store.rest?.()
  }

  close(): void {
    this.#forget()
    this.#store.close()
  }

  #transactionWriter(tx: StoreWriter): StoreWriter {
    const writing = () => {
      if (this.#writer !== tx) throw new Error('the local database was written after its transaction ended')
    }
    const reader: Required<StoreReader> = {
      get: (table, key) => this.get(table, key),
      decoded: (table, key, codec) => this.decoded(table, key, codec),
      scan: (table, range) => this.scan(table, range),
      count: (table) => this.count(table),
    }
    return {
      ...reader,
      put: (table, key, value) => {
        writing()
        this.#hold(table, key, value, RAW)
      },
      putDecoded: (table, key, value, codec) => {
        writing()
        this.#hold(table, key, value, codec)
      },
      delete: (table, key) => {
        writing()
        if (!this.#isAbsent(table, key)) this.#hold(table, key, undefined, RAW)
      },
    }
  }

  /** Whether it is known, without looking for the row, that there is none. */
  #isAbsent(table: string, key: string): boolean {
    if (this.#held.get(table)?.has(key)) return false
    const remembered = this.#young.get(table)?.get(key) ?? this.#old.get(table)?.get(key)
    return remembered?.stored === false || this.#isEmpty(table)
  }

  #hold(table: string, key: string, value: unknown, codec: Encoding): void {
    const rows = rowsOf(this.#held, table)
    const held = rows.get(key)
    if (held) {
      held.value = value
      held.codec = codec
      return
    }
    const remembered = this.#young.get(table)?.get(key) ?? this.#old.get(table)?.get(key)
    const stored = this.#empty.get(table) ? false : remembered?.stored
    rows.set(key, { value, stored, codec })
    if (++this.#heldRows > HELD_ROWS) for (const each of this.#held.keys()) this.#flush(each)
  }

  /** Writes what is held of a table, in the order in which it was first written. */
  #flush(table: string): void {
    const rows = this.#held.get(table)
    if (!rows || rows.size === 0 || !this.#writer) return
    this.#empty.delete(table)
    for (const [key, row] of rows) {
      if (row.value !== undefined) this.#writer.put(table, key, row.codec.encode(row.value as never))
      else if (row.stored !== false) this.#writer.delete(table, key)
      row.stored = row.value !== undefined
      this.#old.get(table)?.delete(key)
      if (row.codec.brief) this.#young.get(table)?.delete(key)
      else this.#keep(table, key, row)
    }
    this.#heldRows -= rows.size
    rows.clear()
  }

  #keep(table: string, key: string, row: Row): void {
    const rows = rowsOf(this.#young, table)
    if (!rows.has(key)) this.#youngRows++
    rows.set(key, row)
    if (this.#youngRows <= REMEMBERED_ROWS) return
    this.#old = this.#young
    this.#young = new Map()
    this.#youngRows = 0
  }

  /** After a failure nothing remembered can be trusted. */
  #forget(): void {
    this.#held.clear()
    this.#heldRows = 0
    this.#young.clear()
    this.#old.clear()
    this.#youngRows = 0
    this.#empty.clear()
  }
}

const RAW: RowCodec<StoreValue> = { decode: (value) => value, encode: (value) => value }

function rowsOf(tables: Tables, table: string): Map<string, Row> {
  const found = tables.get(table)
  if (found) return found
  const rows = new Map<string, Row>()
  tables.set(table, rows)
  return rows
}
