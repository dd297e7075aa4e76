/** Rows whose node is nowhere on the disk, found by size: what appeared may be one of them, moved (R4). */
import type { RecordId } from '@pileus/core/ids/ids'
import { tables } from '../replica/tables.ts'
import type { StoreReader } from '../store/store.ts'

export class GoneRows {
  readonly #from: StoreReader
  readonly #ids: Set<RecordId>
  /** Files that are not empty; made when it is first asked for. */
  #bySize: Map<number, RecordId[]> | null = null

  constructor(from: StoreReader, ids: Iterable<RecordId>) {
    this.#from = from
    this.#ids = new Set(ids)
  }

  get size(): number {
    return this.#ids.size
  }

  /** Children before their folders. */
  get ids(): RecordId[] {
    return [...this.#ids]
  }

  /** Files of this many bytes; none of 0 bytes, which are all alike. */
  ofSize(bytes: number): RecordId[] {
    this.#bySize ??= this.#sorted()
    return (this.#bySize.get(bytes) ?? []).filter((id) => this.#ids.has(id))
  }

  hasAnyOf(sizes: Iterable<number>): boolean {
    return [...sizes].some((bytes) => this.ofSize(bytes).length > 0)
  }

  /** It was found again. */
  delete(id: RecordId): void {
    this.#ids.delete(id)
  }

  #sorted(): Map<number, RecordId[]> {
    const found = new Map<number, RecordId[]>()
    for (const id of this.#ids) {
      const row = tables.disk.get(this.#from, id)!
      if (row.kind !== 'file' || row.size === 0) continue
      const ids = found.get(row.size)
      if (ids) ids.push(id)
      else found.set(row.size, [id])
    }
    return found
  }
}
