import { NOTES_AND_FENCE } from '../postgres/fence.ts'

/** The zones schema on PostgreSQL, as numbered migrations: one is never changed once it was released. */
export const ZONES_MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE zones (
    no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id bytea NOT NULL UNIQUE, incarnation bigint NOT NULL,
    sequence bigint NOT NULL, chain bytea NOT NULL, set_state bytea NOT NULL, set_hash bytea NOT NULL,
    log_length bigint NOT NULL, log_head bytea NOT NULL, generation bigint NOT NULL, floor bigint NOT NULL,
    stored_bytes bigint NOT NULL
  ) WITH (fillfactor = 50);
  CREATE TABLE log (
    zone bigint NOT NULL, place bigint NOT NULL, entry bytea NOT NULL, PRIMARY KEY (zone, place)
  );
  CREATE TABLE batches (
    zone bigint NOT NULL, id bytea NOT NULL, header bytea NOT NULL, signature bytea NOT NULL, leaves bytea NOT NULL,
    outcome bytea NOT NULL, sequence bigint NOT NULL, PRIMARY KEY (zone, id)
  );
  CREATE TABLE versions (
    zone bigint NOT NULL, sequence bigint NOT NULL, record bytea NOT NULL, facts bytea NOT NULL, seal bytea NOT NULL,
    refs_depth integer NOT NULL, refs bytea NOT NULL, leaf bytea NOT NULL, batch_id bytea NOT NULL,
    leaf_index integer NOT NULL, stored_at bigint NOT NULL, replaced_at bigint, PRIMARY KEY (zone, sequence)
  );
  CREATE INDEX versions_current ON versions (zone, sequence) WHERE replaced_at IS NULL;
  CREATE INDEX versions_record ON versions (zone, record, sequence);
  CREATE INDEX versions_replaced ON versions (zone, replaced_at) WHERE replaced_at IS NOT NULL;
  CREATE TABLE steps (
    zone bigint NOT NULL, sequence bigint NOT NULL, record bytea NOT NULL, old_leaf bytea, new_leaf bytea NOT NULL,
    chain bytea NOT NULL, PRIMARY KEY (zone, sequence)
  );
  CREATE TABLE packs (
    no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, zone bigint NOT NULL, id bytea NOT NULL,
    chunks integer NOT NULL, stored_bytes bigint NOT NULL, UNIQUE (zone, id)
  );
  CREATE TABLE chunks (
    zone bigint NOT NULL, chunk bytea NOT NULL, pack bigint NOT NULL, "offset" bigint NOT NULL,
    length bigint NOT NULL, PRIMARY KEY (zone, chunk, pack)
  );
  CREATE TABLE sync_states (
    zone bigint NOT NULL, device bytea NOT NULL, incarnation bigint NOT NULL, sequence bigint NOT NULL,
    at bigint NOT NULL, PRIMARY KEY (zone, device)
  );
  -- Sealed bytes do not get smaller, and their lengths are asked for without reading them.
  ALTER TABLE versions ALTER COLUMN seal SET STORAGE EXTERNAL, ALTER COLUMN refs SET STORAGE EXTERNAL,
    ALTER COLUMN facts SET STORAGE EXTERNAL;
  ALTER TABLE batches ALTER COLUMN leaves SET STORAGE EXTERNAL, ALTER COLUMN outcome SET STORAGE EXTERNAL
  `,
  `${NOTES_AND_FENCE}; CREATE INDEX batches_sequence ON batches (zone, sequence)`,
]
