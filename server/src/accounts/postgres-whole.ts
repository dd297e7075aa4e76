/** Whole accounts in PostgreSQL, for moves; and notes. */
import type { AccountId } from '@pileus/core/ids/ids'
import { blob, hexOf } from '../columns.ts'
import type { PostgresDatabase, Session } from '../postgres/database.ts'
import { getNote, setNote } from '../postgres/fence.ts'
import type { Accounts, AuditEvent, WholeAccount } from './accounts.ts'
import { accountColumns, accountOf, deviceColumns, deviceOf, eventOf, memberOf } from './rows.ts'

/** Audit events that one statement writes. */
const EVENTS_AT_ONCE = 1_000

type Whole = 'list' | 'whole' | 'admit' | 'note' | 'replaceNote'

export function whole(db: PostgresDatabase): Pick<Accounts, Whole> {
  return {
    async list(after, limit) {
      const { rows } = await db.query('SELECT id FROM accounts WHERE id > $1 ORDER BY id LIMIT $2', [
        blob(after ?? ''),
        limit,
      ])
      return rows.map((row) => hexOf(row.id as Uint8Array) as AccountId)
    },
    whole: (id) => db.snapshot((session) => read(session, id)),
    admit: (admitted) => db.serializable((session) => write(session, admitted)),
    note: (name) => getNote(db, name),
    replaceNote: (name, expected, value) =>
      db.serializable(async (session) => {
        if ((await getNote(session, name)) !== expected) return false
        await setNote(session, name, value)
        return true
      }),
  }
}

async function read(session: Session, id: AccountId): Promise<WholeAccount | undefined> {
  const rowsOf = async (query: string) => (await session.query(query, [blob(id)])).rows
  const account = accountOf((await rowsOf('SELECT * FROM accounts WHERE id = $1'))[0])
  if (!account) return undefined
  const devices = await rowsOf('SELECT * FROM devices WHERE account = $1 ORDER BY added_at, id')
  return {
    account,
    devices: devices.map((row) => deviceOf(row)!),
    memberships: (await rowsOf('SELECT * FROM members WHERE account = $1 ORDER BY no')).map(memberOf),
    events: (await rowsOf('SELECT * FROM audit WHERE account = $1 ORDER BY no')).map(eventOf),
  }
}

async function write(session: Session, whole: WholeAccount): Promise<'admitted' | 'exists'> {
  const { account, devices, memberships, events } = whole
  const added = await session.query(
    'INSERT INTO accounts VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING',
    accountColumns(account),
  )
  if (added.count === 0) return 'exists'
  for (const device of devices)
    await session.query('INSERT INTO devices VALUES ($1, $2, $3, $4, $5, $6, $7)', deviceColumns(device))
  for (const { zone, role } of memberships) {
    const insert = 'INSERT INTO members (zone, account, role) VALUES ($1, $2, $3)'
    await session.query(insert, [blob(zone), blob(account.id), role])
  }
  for (let at = 0; at < events.length; at += EVENTS_AT_ONCE)
    await writeEvents(session, account.id, events.slice(at, at + EVENTS_AT_ONCE))
  return 'admitted'
}

async function writeEvents(
  session: Session,
  account: AccountId,
  events: readonly AuditEvent[],
): Promise<void> {
  await session.query(
    `INSERT INTO audit (at, type, account, device, subject, keep_until)
     SELECT at, type, $1, device, subject, keep_until
     FROM unnest($2::bigint[], $3::text[], $4::bytea[], $5::text[], $6::bigint[]) WITH ORDINALITY
       AS event (at, type, device, subject, keep_until, place) ORDER BY place`,
    [
      blob(account),
      events.map(({ at }) => Math.round(at)),
      events.map(({ type }) => type),
      events.map(({ device }) => device && blob(device)),
      events.map(({ subject }) => subject),
      events.map(({ keepUntil }) => Math.round(keepUntil)),
    ],
  )
}
