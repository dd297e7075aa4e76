/** The fence of a SQLite file: triggers, which every process that opens the file obeys. */
import { FENCED } from '../engine-errors.ts'
import type { Fence } from '../fence.ts'
import type { Database } from './database.ts'
import { type Notes, sqliteNotes } from './notes.ts'

/** What may not happen any more: `INSERT`, `DELETE`, `UPDATE` or `UPDATE OF columns`, by table. */
export type Guarded = Readonly<Record<string, readonly string[]>>

const NOTE = 'fence'

export function sqliteFence(db: Database, guarded: Guarded): Fence {
  const notes: Notes = sqliteNotes(db)
  const triggers = Object.entries(guarded).flatMap(([table, actions]) =>
    actions.map((action) => {
      const name = `fence_${table}_${action.split(' ')[0]!.toLowerCase()}`
      return {
        drop: `DROP TRIGGER IF EXISTS ${name}`,
        create: `CREATE TRIGGER ${name} BEFORE ${action} ON ${table} BEGIN SELECT RAISE(ABORT, '${FENCED}'); END`,
      }
    }),
  )
  return {
    raise: (note) =>
      db.write(() => {
        for (const { drop, create } of triggers) {
          db.prepare(drop).run()
          db.prepare(create).run()
        }
        notes.set(NOTE, note)
      }),
    note: async () => db.read(() => notes.get(NOTE)),
    replaceNote: (expected, next) =>
      db.write(() => {
        if (notes.get(NOTE) !== expected) return false
        notes.set(NOTE, next)
        return true
      }),
    lower: () =>
      db.write(() => {
        for (const { drop } of triggers) db.prepare(drop).run()
        notes.set(NOTE, null)
      }),
  }
}
