/** Accounts in one SQLite file. */
import { blob } from '../columns.ts'
import { Database } from '../sqlite/database.ts'
import { sqliteFence } from '../sqlite/fence.ts'
import { NOTES_TABLE } from '../sqlite/notes.ts'
import { type Accounts, type Device, SESSIONS_MAX } from './accounts.ts'
import {
  accountColumns,
  accountOf,
  deviceColumns,
  deviceOf,
  eventOf,
  memberOf,
  type Row,
  sessionOf,
} from './rows.ts'
import { whole } from './sqlite-whole.ts'

const MIGRATIONS = [
  `
  CREATE TABLE accounts (
    id BLOB PRIMARY KEY, name TEXT NOT NULL UNIQUE, account_zone BLOB NOT NULL, registration TEXT NOT NULL,
    password_wrap BLOB NOT NULL, phrase_wrap BLOB NOT NULL, recovery_key BLOB NOT NULL, identity_key BLOB NOT NULL,
    quota_bytes INTEGER NOT NULL, created_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE devices (
    id BLOB PRIMARY KEY, account BLOB NOT NULL REFERENCES accounts, certificate BLOB NOT NULL,
    public_key BLOB NOT NULL, added_at INTEGER NOT NULL, last_seen_at INTEGER, removed_at INTEGER
  ) STRICT;
  CREATE INDEX devices_account ON devices (account, added_at);
  CREATE TABLE sessions (
    token_hash BLOB PRIMARY KEY, kind TEXT NOT NULL, account BLOB NOT NULL, device BLOB, expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sessions_account ON sessions (account, expires_at);
  CREATE INDEX sessions_device ON sessions (device, expires_at);
  CREATE INDEX sessions_expiry ON sessions (expires_at);
  CREATE TABLE members (
    no INTEGER PRIMARY KEY, zone BLOB NOT NULL, account BLOB NOT NULL, role TEXT NOT NULL, UNIQUE (zone, account)
  ) STRICT;
  CREATE INDEX members_account ON members (account, no);
  CREATE TABLE reservations (
    key TEXT PRIMARY KEY, account BLOB NOT NULL, bytes INTEGER NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX reservations_account ON reservations (account);
  CREATE TABLE audit (
    no INTEGER PRIMARY KEY, at INTEGER NOT NULL, type TEXT NOT NULL, account BLOB NOT NULL, device BLOB,
    subject TEXT, keep_until INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX audit_account ON audit (account, no);
  CREATE INDEX audit_keep ON audit (keep_until);
  `,
  NOTES_TABLE,
]

const FENCED = {
  accounts: ['INSERT', 'UPDATE', 'DELETE'],
  devices: ['INSERT', 'UPDATE OF removed_at', 'DELETE'],
  members: ['INSERT', 'UPDATE', 'DELETE'],
  reservations: ['INSERT', 'UPDATE'],
  audit: ['DELETE'],
}

/** Opens or creates the database at `path`. */
export function sqliteAccounts(path: string): Accounts {
  const db = new Database(path, 'accounts', MIGRATIONS)
  return {
    ...people(db),
    ...sessions(db),
    ...memberships(db),
    ...upkeep(db),
    ...whole(db),
    fence: sqliteFence(db, FENCED),
    async check() {
      db.read(() => db.prepare('SELECT count(*) FROM reservations').get())
    },
    async close() {
      db.close()
    },
  }
}

type People =
  | 'create'
  | 'byName'
  | 'byId'
  | 'setPassword'
  | 'addDevice'
  | 'device'
  | 'devices'
  | 'removeDevice'
  | 'seen'

function people(db: Database): Pick<Accounts, People> {
  const byId = db.prepare('SELECT * FROM accounts WHERE id = ?')
  const byName = db.prepare('SELECT * FROM accounts WHERE name = ?')
  const insertAccount = db.prepare('INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)')
  const insertDevice = db.prepare('INSERT INTO devices VALUES (?, ?, ?, ?, ?, ?, ?)')
  const insertMember = db.prepare(
    "INSERT OR REPLACE INTO members (zone, account, role) VALUES (?, ?, 'owner')",
  )
  const setPassword = db.prepare('UPDATE accounts SET registration = ?, password_wrap = ? WHERE id = ?')
  const endEnrolments = db.prepare("DELETE FROM sessions WHERE account = ? AND kind = 'enrolment'")
  const deviceById = db.prepare('SELECT * FROM devices WHERE id = ?')
  const devicesOf = db.prepare('SELECT * FROM devices WHERE account = ? ORDER BY added_at, id')
  const remove = db.prepare('UPDATE devices SET removed_at = coalesce(removed_at, ?) WHERE id = ?')
  const seen = db.prepare('UPDATE devices SET last_seen_at = ? WHERE id = ?')
  const addDevice = (device: Device) => insertDevice.run(...deviceColumns(device))
  return {
    create: (account, device) =>
      db.write(() => {
        if (byId.get(blob(account.id))) return 'exists'
        if (byName.get(account.name)) return 'name-taken'
        insertAccount.run(...accountColumns(account))
        addDevice(device)
        insertMember.run(blob(account.accountZone), blob(account.id))
        return 'created'
      }),
    byName: async (name) => db.read(() => accountOf(byName.get(name))),
    byId: async (id) => db.read(() => accountOf(byId.get(blob(id)))),
    setPassword: (id, password) =>
      db.write(() => {
        setPassword.run(password.registration, password.passwordWrap, blob(id))
        endEnrolments.run(blob(id))
      }),
    addDevice: (device) =>
      db.write(() => {
        if (deviceById.get(blob(device.id))) return 'exists'
        addDevice(device)
        return 'added'
      }),
    device: async (id) => db.read(() => deviceOf(deviceById.get(blob(id)))),
    devices: async (account) => db.read(() => devicesOf.all(blob(account)).map((row) => deviceOf(row)!)),
    removeDevice: (account, id, at) =>
      db.write(() => {
        if (deviceOf(deviceById.get(blob(id)))?.account !== account) return false
        remove.run(at, blob(id))
        return true
      }),
    seen: (id, at) => db.write(() => void seen.run(at, blob(id))),
  }
}

function sessions(db: Database): Pick<Accounts, 'openSession' | 'session' | 'endSession'> {
  const expired = db.prepare('DELETE FROM sessions WHERE account = ? AND expires_at <= ?')
  const insert = db.prepare('INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?, ?)')
  const trim = db.prepare(
    `DELETE FROM sessions WHERE token_hash IN (
       SELECT token_hash FROM sessions WHERE device = ? ORDER BY expires_at DESC LIMIT -1 OFFSET ${SESSIONS_MAX})`,
  )
  const get = db.prepare(
    `SELECT s.*, d.removed_at FROM sessions s LEFT JOIN devices d ON d.id = s.device WHERE s.token_hash = ?`,
  )
  const end = db.prepare('DELETE FROM sessions WHERE token_hash = ?')
  return {
    openSession: (session, now) =>
      db.write(() => {
        const device = session.device === null ? null : blob(session.device)
        expired.run(blob(session.account), now)
        insert.run(
          blob(session.tokenHash),
          session.kind,
          blob(session.account),
          device,
          Math.round(session.expiresAt),
        )
        if (device) trim.run(device)
      }),
    session: async (tokenHash) =>
      db.read(() => {
        const row = get.get(blob(tokenHash)) as Row | undefined
        return row && { session: sessionOf(row), deviceRemoved: row.removed_at !== null }
      }),
    endSession: (tokenHash) => db.write(() => void end.run(blob(tokenHash))),
  }
}

function memberships(db: Database): Pick<Accounts, 'setMembership' | 'membership' | 'zonesOf' | 'membersOf'> {
  const set = db.prepare(
    `INSERT INTO members (zone, account, role) VALUES (?, ?, ?)
     ON CONFLICT (zone, account) DO UPDATE SET role = excluded.role`,
  )
  const remove = db.prepare('DELETE FROM members WHERE zone = ? AND account = ?')
  const get = db.prepare('SELECT * FROM members WHERE zone = ? AND account = ?')
  const ofAccount = db.prepare('SELECT * FROM members WHERE account = ? ORDER BY no')
  const ofZone = db.prepare('SELECT * FROM members WHERE zone = ? ORDER BY no')
  return {
    setMembership: (zone, account, role) =>
      db.write(() => {
        if (role === null) remove.run(blob(zone), blob(account))
        else set.run(blob(zone), blob(account), role)
      }),
    membership: async (zone, account) =>
      db.read(() => {
        const row = get.get(blob(zone), blob(account)) as Row | undefined
        return row && memberOf(row)
      }),
    zonesOf: async (account) => db.read(() => ofAccount.all(blob(account)).map(memberOf)),
    membersOf: async (zone) => db.read(() => ofZone.all(blob(zone)).map(memberOf)),
  }
}

function upkeep(db: Database): Pick<Accounts, 'reserve' | 'release' | 'audit' | 'auditOf' | 'expire'> {
  const reserve = db.prepare('INSERT OR REPLACE INTO reservations VALUES (?, ?, ?, ?)')
  const sum = db.prepare(
    'SELECT coalesce(sum(bytes), 0) AS bytes FROM reservations WHERE account = ? AND expires_at > ?',
  )
  const release = db.prepare('DELETE FROM reservations WHERE key = ?')
  const insertEvent = db.prepare(
    'INSERT INTO audit (at, type, account, device, subject, keep_until) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const events = db.prepare('SELECT * FROM audit WHERE account = ? ORDER BY no DESC LIMIT ?')
  const expiries = [
    'DELETE FROM audit WHERE keep_until <= ?',
    'DELETE FROM sessions WHERE expires_at <= ?',
    'DELETE FROM reservations WHERE expires_at <= ?',
  ].map((sql) => db.prepare(sql))
  return {
    reserve: ({ key, account, bytes, expiresAt }, now) =>
      db.write(() => {
        reserve.run(key, blob(account), bytes, expiresAt)
        return (sum.get(blob(account), now) as { bytes: number }).bytes
      }),
    release: (key) => db.write(() => void release.run(key)),
    audit: ({ at, type, account, device, subject, keepUntil }) =>
      db.write(() => {
        insertEvent.run(at, type, blob(account), device === null ? null : blob(device), subject, keepUntil)
      }),
    auditOf: async (account, limit) => db.read(() => events.all(blob(account), limit).map(eventOf)),
    expire: (now) =>
      db.write(() => {
        for (const statement of expiries) statement.run(now)
      }),
  }
}
