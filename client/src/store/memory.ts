/** A local database in memory, which a simulation can stop at any commit and rob of what was lazy. */
import type { KeyRange, Store, StoreValue, StoreWriter } from './store.ts'

/** The process ended at this transaction, of which nothing was written. */
export class StoreCrash extends Error {
  constructor() {
    super('the simulated process ended before it could commit')
    this.name = 'StoreCrash'
  }
}

export interface MemoryStore extends Store {
  /**
   * The process is gone and the database is opened again. 'all' is a killed process; else a loss of power, in
   * which of the lazy commits since the last durable one none ('none'), or as many as a coin (0 ≤ coin < 1)
   * says, survive: always the oldest. Undoes failAfter.
   */
  crash(survival: 'all' | 'none' | (() => number)): void
  /** Throws StoreCrash at the commit of the n-th transaction from now (1: the next), and at every later one. */
  failAfter(transactions: number): void
  /** Transactions committed so far. */
  readonly commits: number
}

type Tables = Map<string, Map<string, StoreValue>>
type Change = readonly [table: string, key: string, value: StoreValue | undefined]

export function memoryStore(): MemoryStore {
  return new SimulatedStore()
}

class SimulatedStore implements MemoryStore {
  #tables: Tables = new Map()
  /** What each lazy commit since the last durable one replaced, oldest first. */
  #lazy: Change[][] = []
  /** What the running transaction replaced. */
  #undo: Change[] | null = null
  #sorted = new Map<string, string[]>()
  #callsLeft = Number.POSITIVE_INFINITY
  #closed = false
  commits = 0

  get(table: string, key: string): StoreValue | undefined {
    this.#assertOpen()
    const value = this.#tables.get(table)?.get(key)
    return value instanceof Uint8Array ? value.slice() : value
  }

  count(table: string): number {
    this.#assertOpen()
    return this.#tables.get(table)?.size ?? 0
  }

  *scan(table: string, range: KeyRange = {}): Iterable<readonly [string, StoreValue]> {
    this.#assertOpen()
    const keys = this.#keys(table)
    const first = range.from === undefined ? 0 : lowerBound(keys, range.from)
    const end = range.to === undefined ? keys.length : lowerBound(keys, range.to)
    const rows = this.#tables.get(table)
    const pairs = keys
      .slice(first, Math.min(end, first + (range.limit ?? keys.length)))
      .map((key) => [key, rows?.get(key) ?? ''] as const)
    yield* pairs
  }

  transaction<T>(durability: 'durable' | 'lazy', work: (tx: StoreWriter) => T): T {
    this.#assertOpen()
    if (this.#undo) throw new Error('a transaction of the local database was begun inside another')
    const undo: Change[] = []
    this.#undo = undo
    try {
      const result = work(this.#writer(undo))
      if (this.#callsLeft <= 1) {
        this.#callsLeft = 0
        throw new StoreCrash()
      }
      this.#callsLeft -= 1
      this.commits += 1
      if (durability === 'durable') this.#lazy = []
      else this.#lazy.push(undo)
      return result
    } catch (error) {
      this.#revert(undo)
      throw error
    } finally {
      this.#undo = null
    }
  }

  failAfter(transactions: number): void {
    this.#callsLeft = transactions
  }

  crash(survival: 'all' | 'none' | (() => number)): void {
    this.#callsLeft = Number.POSITIVE_INFINITY
    this.#closed = false
    if (survival === 'all') return
    const kept = survival === 'none' ? 0 : Math.floor(survival() * (this.#lazy.length + 1))
    for (const undo of this.#lazy.slice(kept).reverse()) this.#revert(undo)
    this.#lazy = []
  }

  close(): void {
    this.#closed = true
  }

  #writer(undo: Change[]): StoreWriter {
    const set = (table: string, key: string, value: StoreValue | undefined): void => {
      if (this.#undo !== undo) throw new Error('the local database was written after its transaction ended')
      undo.push([table, key, this.#tables.get(table)?.get(key)])
      this.#set(table, key, value)
    }
    return {
      get: (table, key) => this.get(table, key),
      scan: (table, range) => this.scan(table, range),
      count: (table) => this.count(table),
      put: (table, key, value) => set(table, key, value instanceof Uint8Array ? value.slice() : value),
      delete: (table, key) => set(table, key, undefined),
    }
  }

  #set(table: string, key: string, value: StoreValue | undefined): void {
    const rows = this.#tables.get(table) ?? new Map<string, StoreValue>()
    this.#tables.set(table, rows)
    if (rows.has(key) !== (value !== undefined)) this.#sorted.delete(table)
    if (value === undefined) rows.delete(key)
    else rows.set(key, value)
  }

  #revert(undo: readonly Change[]): void {
    for (const [table, key, value] of undo.toReversed()) this.#set(table, key, value)
  }

  #keys(table: string): readonly string[] {
    const known = this.#sorted.get(table)
    if (known) return known
    const keys = [...(this.#tables.get(table)?.keys() ?? [])].sort(compareUtf8)
    this.#sorted.set(table, keys)
    return keys
  }

  #assertOpen(): void {
    if (this.#closed) throw new Error('the local database is closed')
  }
}

function lowerBound(keys: readonly string[], key: string): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compareUtf8(keys[middle]!, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}

/** By UTF-8 bytes, which is by code points; UTF-16 units put U+E000 to U+FFFF after the surrogates instead. */
function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

function rank(unit: number): number {
  if (unit >= 0xe000) return unit - 0x800
  return unit >= 0xd800 ? unit + 0x2000 : unit
}
