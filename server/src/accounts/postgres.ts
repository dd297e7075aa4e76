/** Accounts on PostgreSQL: one database for all server processes. */
import type { AccountId } from '@pileus/core/ids/ids'
import { blob } from '../columns.ts'
import { openPostgres, type PostgresDatabase, type PostgresOptions } from '../postgres/database.ts'
import { postgresFence } from '../postgres/fence.ts'
import { type Accounts, SESSIONS_MAX } from './accounts.ts'
import { ACCOUNTS_MIGRATIONS } from './postgres-schema.ts'
import { whole } from './postgres-whole.ts'
import { accountColumns, accountOf, deviceColumns, deviceOf, eventOf, memberOf, sessionOf } from './rows.ts'

const ACCOUNTS_SCHEMA = 'pileus_accounts'

const FENCED = {
  accounts: 'INSERT OR UPDATE OR DELETE',
  devices: 'INSERT OR UPDATE OF removed_at OR DELETE',
  members: 'INSERT OR UPDATE OR DELETE',
  reservations: 'INSERT OR UPDATE',
  audit: 'DELETE',
}

export interface PostgresAccounts extends Accounts {
  /** The secret of this name, the same for every server process: `make` is kept when there is none yet. */
  secret(name: string, make: () => Promise<string>): Promise<string>
  /** Makes it another one. */
  setSecret(name: string, value: string): Promise<void>
}

/** Opens the schema, and makes or brings it up where needed. Throws EngineUnusable. */
export async function postgresAccounts(options: PostgresOptions): Promise<PostgresAccounts> {
  const db = await openPostgres(options, ACCOUNTS_SCHEMA, ACCOUNTS_MIGRATIONS)
  return {
    ...people(db),
    ...devices(db),
    ...sessions(db),
    ...memberships(db),
    ...room(db),
    ...audit(db),
    ...whole(db),
    fence: postgresFence(db, FENCED),
    async secret(name, make) {
      const find = 'SELECT value FROM secrets WHERE name = $1'
      let found = (await db.query(find, [name])).rows[0]
      if (!found) {
        await db.query('INSERT INTO secrets VALUES ($1, $2) ON CONFLICT DO NOTHING', [name, await make()])
        found = (await db.query(find, [name])).rows[0]!
      }
      return found.value as string
    },
    async setSecret(name, value) {
      const write =
        'INSERT INTO secrets VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value'
      await db.query(write, [name, value])
    },
    async check() {
      await db.query('SELECT 1 FROM accounts LIMIT 1')
    },
    close: () => db.close(),
  }
}

function people(db: PostgresDatabase): Pick<Accounts, 'create' | 'byName' | 'byId' | 'setPassword'> {
  return {
    create: (account, device) =>
      db.serializable(async (session) => {
        const known = await session.query('SELECT id FROM accounts WHERE id = $1 OR name = $2', [
          blob(account.id),
          account.name,
        ])
        if (known.rows.some((row) => Buffer.compare(row.id as Uint8Array, blob(account.id)) === 0))
          return 'exists'
        // Of several who ask at once, the others wait here for the first and find its row.
        const added = await session.query(
          'INSERT INTO accounts VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING',
          accountColumns(account),
        )
        if (added.count === 0) return 'name-taken'
        await session.query('INSERT INTO devices VALUES ($1, $2, $3, $4, $5, $6, $7)', deviceColumns(device))
        await session.query(
          `INSERT INTO members (zone, account, role) VALUES ($1, $2, 'owner')
           ON CONFLICT (zone, account) DO UPDATE SET role = 'owner'`,
          [blob(account.accountZone), blob(account.id)],
        )
        return 'created'
      }),
    async byName(name) {
      return accountOf((await db.query('SELECT * FROM accounts WHERE name = $1', [name])).rows[0])
    },
    async byId(id) {
      return accountOf((await db.query('SELECT * FROM accounts WHERE id = $1', [blob(id)])).rows[0])
    },
    async setPassword(id, { registration, passwordWrap }) {
      await db.query(
        `WITH ended AS (DELETE FROM sessions WHERE account = $1 AND kind = 'enrolment')
         UPDATE accounts SET registration = $2, password_wrap = $3 WHERE id = $1`,
        [blob(id), registration, passwordWrap],
      )
    },
  }
}

function devices(
  db: PostgresDatabase,
): Pick<Accounts, 'addDevice' | 'device' | 'devices' | 'removeDevice' | 'seen'> {
  return {
    async addDevice(device) {
      const added = await db.query(
        'INSERT INTO devices VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING',
        deviceColumns(device),
      )
      return added.count === 1 ? 'added' : 'exists'
    },
    async device(id) {
      return deviceOf((await db.query('SELECT * FROM devices WHERE id = $1', [blob(id)])).rows[0])
    },
    async devices(account) {
      const found = await db.query('SELECT * FROM devices WHERE account = $1 ORDER BY added_at, id', [
        blob(account),
      ])
      return found.rows.map((row) => deviceOf(row)!)
    },
    async removeDevice(account, id, at) {
      const removed = await db.query(
        'UPDATE devices SET removed_at = coalesce(removed_at, $3) WHERE id = $1 AND account = $2',
        [blob(id), blob(account), at],
      )
      return removed.count === 1
    },
    async seen(id, at) {
      await db.query('UPDATE devices SET last_seen_at = $2 WHERE id = $1', [blob(id), at])
    },
  }
}

function sessions(db: PostgresDatabase): Pick<Accounts, 'openSession' | 'session' | 'endSession'> {
  return {
    openSession: ({ tokenHash, kind, account, device, expiresAt }, now) =>
      db.serializable(async (session) => {
        await session.query('DELETE FROM sessions WHERE account = $1 AND expires_at <= $2', [
          blob(account),
          Math.floor(now),
        ])
        await session.query(
          `INSERT INTO sessions VALUES ($1, $2, $3, $4, $5) ON CONFLICT (token_hash) DO UPDATE SET
             kind = excluded.kind, account = excluded.account, device = excluded.device, expires_at = excluded.expires_at`,
          [blob(tokenHash), kind, blob(account), device && blob(device), Math.round(expiresAt)],
        )
        if (device === null) return
        await session.query(
          `DELETE FROM sessions WHERE token_hash IN (
             SELECT token_hash FROM sessions WHERE device = $1 ORDER BY expires_at DESC OFFSET ${SESSIONS_MAX})`,
          [blob(device)],
        )
      }),
    async session(tokenHash) {
      const found = await db.query(
        'SELECT s.*, d.removed_at FROM sessions s LEFT JOIN devices d ON d.id = s.device WHERE s.token_hash = $1',
        [blob(tokenHash)],
      )
      const row = found.rows[0]
      return row && { session: sessionOf(row), deviceRemoved: row.removed_at !== null }
    },
    async endSession(tokenHash) {
      await db.query('DELETE FROM sessions WHERE token_hash = $1', [blob(tokenHash)])
    },
  }
}

function memberships(
  db: PostgresDatabase,
): Pick<Accounts, 'setMembership' | 'membership' | 'zonesOf' | 'membersOf'> {
  return {
    async setMembership(zone, account, role) {
      if (role === null) {
        await db.query('DELETE FROM members WHERE zone = $1 AND account = $2', [blob(zone), blob(account)])
        return
      }
      await db.query(
        `INSERT INTO members (zone, account, role) VALUES ($1, $2, $3)
         ON CONFLICT (zone, account) DO UPDATE SET role = excluded.role`,
        [blob(zone), blob(account), role],
      )
    },
    async membership(zone, account) {
      const find = 'SELECT * FROM members WHERE zone = $1 AND account = $2'
      const [row] = (await db.query(find, [blob(zone), blob(account)])).rows
      return row && memberOf(row)
    },
    async zonesOf(account) {
      const found = await db.query('SELECT * FROM members WHERE account = $1 ORDER BY no', [blob(account)])
      return found.rows.map(memberOf)
    },
    async membersOf(zone) {
      return (await db.query('SELECT * FROM members WHERE zone = $1 ORDER BY no', [blob(zone)])).rows.map(
        memberOf,
      )
    },
  }
}

function room(db: PostgresDatabase): Pick<Accounts, 'reserve' | 'release'> {
  return {
    // Serialisable, so that of two reservations made at once the later one counts the earlier one.
    reserve: ({ key, account, bytes, expiresAt }, now) =>
      db.serializable(async (session) => {
        await session.query(
          `INSERT INTO reservations VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO UPDATE SET
             account = excluded.account, bytes = excluded.bytes, expires_at = excluded.expires_at`,
          [key, blob(account), bytes, Math.round(expiresAt)],
        )
        return sumOf(session, account, now)
      }),
    async release(key) {
      await db.query('DELETE FROM reservations WHERE key = $1', [key])
    },
  }
}

async function sumOf(
  session: Pick<PostgresDatabase, 'query'>,
  account: AccountId,
  now: number,
): Promise<number> {
  const { rows } = await session.query(
    'SELECT coalesce(sum(bytes), 0)::bigint AS bytes FROM reservations WHERE account = $1 AND expires_at > $2',
    [blob(account), Math.floor(now)],
  )
  return rows[0]!.bytes as number
}

function audit(db: PostgresDatabase): Pick<Accounts, 'audit' | 'auditOf' | 'expire'> {
  return {
    async audit({ at, type, account, device, subject, keepUntil }) {
      await db.query(
        'INSERT INTO audit (at, type, account, device, subject, keep_until) VALUES ($1, $2, $3, $4, $5, $6)',
        [Math.round(at), type, blob(account), device && blob(device), subject, Math.round(keepUntil)],
      )
    },
    async auditOf(account, limit) {
      const found = await db.query('SELECT * FROM audit WHERE account = $1 ORDER BY no DESC LIMIT $2', [
        blob(account),
        limit,
      ])
      return found.rows.map(eventOf)
    },
    async expire(now) {
      await db.query('DELETE FROM audit WHERE keep_until <= $1', [Math.floor(now)])
      await db.query('DELETE FROM sessions WHERE expires_at <= $1', [Math.floor(now)])
      await db.query('DELETE FROM reservations WHERE expires_at <= $1', [Math.floor(now)])
    },
  }
}
