/** A database as a backup or an image keeps it. */
import { tables } from '@pileus/client/replica/tables'
import { type MemoryStore, memoryStore } from '@pileus/client/store/memory'

/** Another one with the same rows. */
export function copyOf(store: MemoryStore): MemoryStore {
  const copy = memoryStore()
  copy.transaction('durable', (tx) => {
    for (const table of ['meta', ...Object.values(tables).map(({ name }) => name)])
      for (const [key, value] of store.scan(table)) tx.put(table, key, value)
  })
  return copy
}
