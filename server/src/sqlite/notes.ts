/** What a database knows of itself beside its data, by name. */
import type { Database } from './database.ts'

/** A migration that makes room for notes. */
export const NOTES_TABLE =
  'CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID'

export interface Notes {
  get(name: string): string | null
  /** To be called within a write. */
  set(name: string, value: string | null): void
}

export function sqliteNotes(db: Database): Notes {
  const get = db.prepare('SELECT value FROM notes WHERE name = ?')
  const set = db.prepare('INSERT OR REPLACE INTO notes VALUES (?, ?)')
  const forget = db.prepare('DELETE FROM notes WHERE name = ?')
  return {
    get: (name) => (get.get(name) as { value: string } | undefined)?.value ?? null,
    set(name, value) {
      if (value === null) forget.run(name)
      else set.run(name, value)
    },
  }
}
