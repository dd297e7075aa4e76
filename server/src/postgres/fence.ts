/**
 * The fence of a PostgreSQL schema: triggers, made in one transaction. Making one waits for every transaction that writes to the
 * table at this moment and lets none begin, so whoever writes afterwards meets it.
 */
import { FENCED } from '../engine-errors.ts'
import type { Fence } from '../fence.ts'
import { FENCED_CODE, type PostgresDatabase, type Session } from './database.ts'

/** What may not happen any more: `INSERT`, `UPDATE`, `DELETE`, `UPDATE OF columns` joined by OR, by table. */
export type Guarded = Readonly<Record<string, string>>

/** A migration that makes room for notes, and the function that a fence's triggers call. */
export const NOTES_AND_FENCE = `
  CREATE TABLE notes (name text PRIMARY KEY, value text NOT NULL);
  CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '${FENCED}' USING ERRCODE = '${FENCED_CODE}'; END $$
`

const NOTE = 'fence'

export function postgresFence(db: PostgresDatabase, guarded: Guarded): Fence {
  return {
    raise: (note) =>
      db.serializable(async (session) => {
        for (const [table, actions] of Object.entries(guarded)) {
          await session.query(
            `CREATE OR REPLACE TRIGGER fence BEFORE ${actions} ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION refuse()`,
          )
        }
        await setNote(session, NOTE, note)
      }),
    note: () => getNote(db, NOTE),
    async replaceNote(expected, next) {
      const replace = 'UPDATE notes SET value = $3 WHERE name = $1 AND value = $2'
      return (await db.query(replace, [NOTE, expected, next])).count === 1
    },
    lower: () =>
      db.serializable(async (session) => {
        for (const table of Object.keys(guarded))
          await session.query(`DROP TRIGGER IF EXISTS fence ON ${table}`)
        await setNote(session, NOTE, null)
      }),
  }
}

/** What the schema knows of itself beside its data. */
export async function getNote(session: Session, name: string): Promise<string | null> {
  const { rows } = await session.query('SELECT value FROM notes WHERE name = $1', [name])
  return (rows[0]?.value as string | undefined) ?? null
}

export async function setNote(session: Session, name: string, value: string | null): Promise<void> {
  if (value === null) await session.query('DELETE FROM notes WHERE name = $1', [name])
  else {
    const write = 'INSERT INTO notes VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value'
    await session.query(write, [name, value])
  }
}
