/** Where places that make a cycle or hang nowhere show instead, kept in the local database. */
import type { RecordId } from '@pileus/core/ids/ids'
import { Redirects } from '@pileus/core/tree/redirects'
import type { StoreReader, StoreWriter } from '../store/store.ts'
import { effectiveBody, treeNode } from './forest.ts'
import { tables } from './tables.ts'

export class StoredRedirects {
  readonly #redirects = new Redirects()

  get all(): ReadonlyMap<RecordId, RecordId> {
    return this.#redirects.all
  }

  /** Takes them as they are in the database: at the start, and after a transaction that came to nothing. */
  load(from: StoreReader): void {
    const entries = [...tables.redirect.entries(from)]
    this.#redirects.load(entries.map(([id, to]) => [id as RecordId, to] as const))
  }

  /** Follows places that changed; returns the nodes that show elsewhere now. */
  settle(tx: StoreWriter, placed: Iterable<RecordId>): RecordId[] {
    const nodes = {
      node: (id: RecordId) => {
        const body = effectiveBody(tx, id)
        return body && treeNode(id, body)
      },
    }
    const changed = [...this.#redirects.update(nodes, placed)]
    for (const id of changed) {
      const to = this.#redirects.all.get(id)
      if (to === undefined) tables.redirect.delete(tx, id)
      else tables.redirect.put(tx, id, to)
    }
    return changed
  }
}
