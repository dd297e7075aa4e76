/** Whole accounts in SQLite, for moves; and notes. */
import type { AccountId } from '@pileus/core/ids/ids'
import { blob, hexOf } from '../columns.ts'
import type { Database } from '../sqlite/database.ts'
import { sqliteNotes } from '../sqlite/notes.ts'
import type { Accounts } from './accounts.ts'
import { accountColumns, accountOf, deviceColumns, deviceOf, eventOf, memberOf } from './rows.ts'

type Whole = 'list' | 'whole' | 'admit' | 'note' | 'replaceNote'

export function whole(db: Database): Pick<Accounts, Whole> {
  const list = db.prepare('SELECT id FROM accounts WHERE id > ? ORDER BY id LIMIT ?')
  const byId = db.prepare('SELECT * FROM accounts WHERE id = ?')
  const same = db.prepare('SELECT 1 FROM accounts WHERE id = ? OR name = ?')
  const devices = db.prepare('SELECT * FROM devices WHERE account = ? ORDER BY added_at, id')
  const members = db.prepare('SELECT * FROM members WHERE account = ? ORDER BY no')
  const events = db.prepare('SELECT * FROM audit WHERE account = ? ORDER BY no')
  const insertAccount = db.prepare('INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const insertDevice = db.prepare('INSERT INTO devices VALUES (?, ?, ?, ?, ?, ?, ?)')
  const insertMember = db.prepare('INSERT INTO members (zone, account, role) VALUES (?, ?, ?)')
  const insertEvent = db.prepare(
    'INSERT INTO audit (at, type, account, device, subject, keep_until) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const notes = sqliteNotes(db)
  return {
    list: async (after, limit) =>
      db.read(() =>
        list
          .all(after === null ? new Uint8Array(0) : blob(after), limit)
          .map((row) => hexOf(row.id as Uint8Array) as AccountId),
      ),
    whole: async (id) =>
      db.read(() => {
        const account = accountOf(byId.get(blob(id)))
        return (
          account && {
            account,
            devices: devices.all(blob(id)).map((row) => deviceOf(row)!),
            memberships: members.all(blob(id)).map(memberOf),
            events: events.all(blob(id)).map(eventOf),
          }
        )
      }),
    admit: (admitted) =>
      db.write(() => {
        const { account } = admitted
        if (same.get(blob(account.id), account.name)) return 'exists'
        insertAccount.run(...accountColumns(account))
        for (const device of admitted.devices) insertDevice.run(...deviceColumns(device))
        for (const { zone, role } of admitted.memberships)
          insertMember.run(blob(zone), blob(account.id), role)
        for (const { at, type, device, subject, keepUntil } of admitted.events) {
          insertEvent.run(at, type, blob(account.id), device && blob(device), subject, keepUntil)
        }
        return 'admitted'
      }),
    note: async (name) => db.read(() => notes.get(name)),
    replaceNote: (name, expected, value) =>
      db.write(() => {
        if (notes.get(name) !== expected) return false
        notes.set(name, value)
        return true
      }),
  }
}
