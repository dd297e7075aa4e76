/**
 * A transaction that holds the writes of small, busy tables until its end, and remembers what it read or wrote of the
 * others: a wrapper of the port. The rules look at the same few rows many times.
 */
import type { StoreValue, StoreWriter } from './store.ts'

/** Rows of other tables that are remembered; a transaction that reads more begins anew. */
const REMEMBERED_ROWS = 4_000

/**
 * Runs `work` with a writer that keeps what is written to `tables` in memory and writes each key once, at the
 * end. These tables must not be scanned or counted in `work`.
 */
export function withWriteBack<T>(
  tx: StoreWriter,
  tables: readonly string[],
  work: (tx: StoreWriter) => T,
): T {
  const held = new Map<string, Map<string, { value: StoreValue | undefined; dirty: boolean }>>()
  for (const table of tables) held.set(table, new Map())
  const remembered = new Memory()
  const result = work({
    get(table, key) {
      const rows = held.get(table)
      if (!rows) return remembered.get(table, key, () => tx.get(table, key))
      const known = rows.get(key)
      if (known) return known.value
      const value = tx.get(table, key)
      rows.set(key, { value, dirty: false })
      return value
    },
    put(table, key, value) {
      const rows = held.get(table)
      if (rows) rows.set(key, { value, dirty: true })
      else {
        tx.put(table, key, value)
        remembered.set(table, key, value)
      }
    },
    delete(table, key) {
      const rows = held.get(table)
      if (rows) rows.set(key, { value: undefined, dirty: true })
      else {
        tx.delete(table, key)
        remembered.set(table, key, undefined)
      }
    },
    scan: (table, range) => tx.scan(requireDirect(held, table), range),
    count: (table) => tx.count(requireDirect(held, table)),
  })
  for (const [table, rows] of held) {
    for (const [key, { value, dirty }] of rows) {
      if (!dirty) continue
      if (value === undefined) tx.delete(table, key)
      else tx.put(table, key, value)
    }
  }
  return result
}

class Memory {
  readonly #tables = new Map<string, Map<string, StoreValue | undefined>>()
  #rows = 0

  get(table: string, key: string, read: () => StoreValue | undefined): StoreValue | undefined {
    const rows = this.#tables.get(table)
    const value = rows?.get(key)
    if (value !== undefined || rows?.has(key)) return value
    const found = read()
    this.set(table, key, found)
    return found
  }

  set(table: string, key: string, value: StoreValue | undefined): void {
    if (this.#rows >= REMEMBERED_ROWS) {
      this.#tables.clear()
      this.#rows = 0
    }
    const rows = this.#tables.get(table) ?? new Map<string, StoreValue | undefined>()
    this.#tables.set(table, rows)
    rows.set(key, value)
    this.#rows++
  }
}

function requireDirect(held: ReadonlyMap<string, unknown>, table: string): string {
  if (held.has(table))
    throw new Error(`table ${table} is written back at the end: it cannot be scanned before`)
  return table
}
