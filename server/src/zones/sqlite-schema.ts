/** The zones tables in SQLite, as numbered migrations: one is never changed once it was released. */
import { NOTES_TABLE } from '../sqlite/notes.ts'

/** Zones and packs have a small number inside the file; versions are rows by (zone, sequence). */
export const ZONES_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE zones (
    no INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, incarnation INTEGER NOT NULL, sequence INTEGER NOT NULL,
    chain BLOB NOT NULL, set_state BLOB NOT NULL, set_hash BLOB NOT NULL, log_length INTEGER NOT NULL,
    log_head BLOB NOT NULL, generation INTEGER NOT NULL, floor INTEGER NOT NULL, stored_bytes INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE log (
    zone INTEGER NOT NULL, place INTEGER NOT NULL, entry BLOB NOT NULL, PRIMARY KEY (zone, place)
  ) STRICT;
  CREATE TABLE batches (
    no INTEGER PRIMARY KEY, zone INTEGER NOT NULL, id BLOB NOT NULL, header BLOB NOT NULL, signature BLOB NOT NULL,
    leaves BLOB NOT NULL, outcome BLOB NOT NULL, sequence INTEGER NOT NULL, UNIQUE (zone, id)
  ) STRICT;
  CREATE TABLE versions (
    zone INTEGER NOT NULL, sequence INTEGER NOT NULL, record BLOB NOT NULL, facts BLOB NOT NULL, seal BLOB NOT NULL,
    refs_depth INTEGER NOT NULL, refs BLOB NOT NULL, leaf BLOB NOT NULL, batch INTEGER NOT NULL,
    leaf_index INTEGER NOT NULL, stored_at INTEGER NOT NULL, replaced_at INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX versions_sequence ON versions (zone, sequence);
  CREATE INDEX versions_record ON versions (zone, record, sequence);
  CREATE INDEX versions_replaced ON versions (zone, replaced_at) WHERE replaced_at IS NOT NULL;
  CREATE TABLE steps (
    zone INTEGER NOT NULL, sequence INTEGER NOT NULL, record BLOB NOT NULL, old_leaf BLOB, new_leaf BLOB NOT NULL,
    chain BLOB NOT NULL, PRIMARY KEY (zone, sequence)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE packs (
    no INTEGER PRIMARY KEY, zone INTEGER NOT NULL, id BLOB NOT NULL, chunks INTEGER NOT NULL,
    stored_bytes INTEGER NOT NULL, UNIQUE (zone, id)
  ) STRICT;
  CREATE TABLE chunks (
    zone INTEGER NOT NULL, chunk BLOB NOT NULL, pack INTEGER NOT NULL, offset INTEGER NOT NULL,
    length INTEGER NOT NULL, PRIMARY KEY (zone, chunk, pack)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE sync_states (
    zone INTEGER NOT NULL, device BLOB NOT NULL, incarnation INTEGER NOT NULL, sequence INTEGER NOT NULL,
    at INTEGER NOT NULL, PRIMARY KEY (zone, device)
  ) STRICT, WITHOUT ROWID;
  `,
  `${NOTES_TABLE}; CREATE INDEX batches_sequence ON batches (zone, sequence)`,
]
