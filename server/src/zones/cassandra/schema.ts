/** The zones' tables on Cassandra, as numbered migrations: one is never changed once it was released. */
const SEALED = `compression = {'enabled': false}`

export const ZONES_TABLES: readonly (readonly string[])[] = [
  [
    // The head, in static columns, with the log beside it: the one partition that transactions change.
    `CREATE TABLE IF NOT EXISTS heads (
       zone blob, place bigint, entry blob, revision bigint static, change blob static, incarnation bigint static,
       sequence bigint static, chain blob static, set_state blob static, set_hash blob static, log_length bigint static,
       log_head blob static, generation bigint static, floor bigint static, stored_bytes bigint static,
       bucket bigint static, bucket_bytes bigint static, last blob static, PRIMARY KEY (zone, place))`,
    'CREATE TABLE IF NOT EXISTS zone_ids (shard int, zone blob, PRIMARY KEY (shard, zone))',
    // A bucket is named by its first sequence number.
    'CREATE TABLE IF NOT EXISTS buckets (zone blob, first bigint, PRIMARY KEY (zone, first))',
    `CREATE TABLE IF NOT EXISTS versions (
       zone blob, bucket bigint, sequence bigint, commit blob, record blob, facts blob, seal blob, refs_depth int,
       refs blob, leaf blob, batch_id blob, leaf_index int, stored_at bigint, old_bucket bigint, old_sequence bigint,
       old_commit blob, old_bytes bigint, replaced_by bigint, PRIMARY KEY ((zone, bucket), sequence, commit))
       WITH ${SEALED}`,
    `CREATE TABLE IF NOT EXISTS steps (
       zone blob, bucket bigint, sequence bigint, commit blob, record blob, old_leaf blob, new_leaf blob, chain blob,
       PRIMARY KEY ((zone, bucket), sequence, commit)) WITH ${SEALED}`,
    // Which commit a bucket's sequence numbers up to this one belong to.
    `CREATE TABLE IF NOT EXISTS fates (
       zone blob, bucket bigint, last bigint, commit blob, PRIMARY KEY ((zone, bucket), last))`,
    `CREATE TABLE IF NOT EXISTS batches (
       zone blob, id blob, commit blob, header blob, signature blob, leaves blob, outcome blob, sequence bigint,
       bucket bigint, PRIMARY KEY ((zone, id), commit))`,
    // Where each record's versions are, newest first.
    `CREATE TABLE IF NOT EXISTS records (
       zone blob, part int, record blob, sequence bigint, bucket bigint, commit blob, leaf blob, facts blob, bytes bigint,
       PRIMARY KEY ((zone, part), record, sequence)) WITH CLUSTERING ORDER BY (record ASC, sequence DESC)`,
    // What may be forgotten one day, by the time it was replaced.
    `CREATE TABLE IF NOT EXISTS replaced (
       zone blob, week int, at bigint, sequence bigint, bucket bigint, commit blob, record blob, bytes bigint,
       PRIMARY KEY ((zone, week), at, sequence))`,
    'CREATE TABLE IF NOT EXISTS replaced_weeks (zone blob, week int, PRIMARY KEY (zone, week))',
    `CREATE TABLE IF NOT EXISTS packs (
       zone blob, part int, pack blob, chunks int, stored_bytes bigint, PRIMARY KEY ((zone, part), pack))`,
    `CREATE TABLE IF NOT EXISTS chunks (
       zone blob, part int, chunk blob, pack blob, "offset" bigint, length bigint,
       PRIMARY KEY ((zone, part), chunk, pack))`,
    `CREATE TABLE IF NOT EXISTS sync_states (
       zone blob, device blob, incarnation bigint, sequence bigint, at bigint, PRIMARY KEY (zone, device))`,
  ],
  [
    // Which batch ends with a sequence number, for moves.
    `CREATE TABLE IF NOT EXISTS batch_ids (
       zone blob, bucket bigint, sequence bigint, commit blob, id blob, PRIMARY KEY ((zone, bucket), sequence, commit))`,
    'CREATE TABLE IF NOT EXISTS notes (name text PRIMARY KEY, value text)',
  ],
]
