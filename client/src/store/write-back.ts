/** A transaction that holds the writes of small, busy tables until its end: a wrapper of the port. */
import type { StoreValue, StoreWriter } from './store.ts'

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
  const result = work({
    get(table, key) {
      const rows = held.get(table)
      if (!rows) return tx.get(table, key)
      const known = rows.get(key)
      if (known) return known.value
      const value = tx.get(table, key)
      rows.set(key, { value, dirty: false })
      return value
    },
    put(table, key, value) {
      const rows = held.get(table)
      if (rows) rows.set(key, { value, dirty: true })
      else tx.put(table, key, value)
    },
    delete(table, key) {
      const rows = held.get(table)
      if (rows) rows.set(key, { value: undefined, dirty: true })
      else tx.delete(table, key)
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

function requireDirect(held: ReadonlyMap<string, unknown>, table: string): string {
  if (held.has(table))
    throw new Error(`table ${table} is written back at the end: it cannot be scanned before`)
  return table
}
