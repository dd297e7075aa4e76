/**
 * A fence before an engine's data. Once `raise` has resolved no write happens any more, on any server process and after any
 * restart, also where the write had begun before; reads go on. Not fenced are the traces that reading leaves and that nobody
 * misses: sessions, new audit events, when a device was last seen, how far it has read.
 *
 * On SQLite and PostgreSQL the fence is triggers in the tables, so it is part of each writing transaction and costs nothing
 * where there is none.
 */
export interface Fence {
  /** Raises the fence, or writes another note on the one that stands. */
  raise(note: string): Promise<void>
  /** What was noted when it was raised; null when there is no fence. */
  note(): Promise<string | null>
  /** Writes another note on the fence that stands with the note `expected`; false where it does not: nothing was changed. */
  replaceNote(expected: string, next: string): Promise<boolean>
  lower(): Promise<void>
}
