import { NOTES_AND_FENCE } from '../postgres/fence.ts'

/** The accounts schema on PostgreSQL, as numbered migrations: one is never changed once it was released. */
export const ACCOUNTS_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE accounts (
    id bytea PRIMARY KEY, name text NOT NULL UNIQUE, account_zone bytea NOT NULL, registration text NOT NULL,
    password_wrap bytea NOT NULL, phrase_wrap bytea NOT NULL, recovery_key bytea NOT NULL, identity_key bytea NOT NULL,
    quota_bytes bigint NOT NULL, created_at bigint NOT NULL
  );
  CREATE TABLE devices (
    id bytea PRIMARY KEY, account bytea NOT NULL REFERENCES accounts, certificate bytea NOT NULL,
    public_key bytea NOT NULL, added_at bigint NOT NULL, last_seen_at bigint, removed_at bigint
  );
  CREATE INDEX devices_account ON devices (account, added_at);
  CREATE TABLE sessions (
    token_hash bytea PRIMARY KEY, kind text NOT NULL, account bytea NOT NULL, device bytea, expires_at bigint NOT NULL
  );
  CREATE INDEX sessions_account ON sessions (account, expires_at);
  CREATE INDEX sessions_device ON sessions (device, expires_at);
  CREATE INDEX sessions_expiry ON sessions (expires_at);
  CREATE TABLE members (
    no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, zone bytea NOT NULL, account bytea NOT NULL,
    role text NOT NULL, UNIQUE (zone, account)
  );
  CREATE INDEX members_account ON members (account, no);
  CREATE TABLE reservations (
    key text PRIMARY KEY, account bytea NOT NULL, bytes bigint NOT NULL, expires_at bigint NOT NULL
  );
  CREATE INDEX reservations_account ON reservations (account);
  CREATE INDEX reservations_expiry ON reservations (expires_at);
  CREATE TABLE audit (
    no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at bigint NOT NULL, type text NOT NULL, account bytea NOT NULL,
    device bytea, subject text, keep_until bigint NOT NULL
  );
  CREATE INDEX audit_account ON audit (account, no);
  CREATE INDEX audit_keep ON audit (keep_until);
  CREATE TABLE secrets (name text PRIMARY KEY, value text NOT NULL)
  `,
  NOTES_AND_FENCE,
]
