/**
 * Zones on Cassandra. A zone's head is one small partition, changed by one lightweight transaction for each change; all
 * else is rows that nobody sees before it, and indexes that follow it (cassandra/last-change.ts).
 */
import type { CassandraDatabase, CassandraOptions } from '../cassandra/database.ts'
import { openCassandra } from '../cassandra/open.ts'
import { commits, followCommit } from './cassandra/commit.ts'
import { zoneFence } from './cassandra/fence.ts'
import { Heads } from './cassandra/heads.ts'
import { logs } from './cassandra/log.ts'
import { origin } from './cassandra/origin.ts'
import { followPack, packs } from './cassandra/packs.ts'
import { followPrune, pruning } from './cassandra/prune.ts'
import { records } from './cassandra/records.ts'
import { ZONES_TABLES } from './cassandra/schema.ts'
import { sequences } from './cassandra/sequences.ts'
import type { Zones } from './zones.ts'

/** Opens the keyspace, and makes or brings up its tables where needed. Throws EngineUnusable. */
export async function cassandraZones(options: CassandraOptions): Promise<Zones> {
  return zonesIn(await openCassandra(options, 'zones', ZONES_TABLES))
}

/** Zones in a keyspace that is open and has its tables. */
export function zonesIn(db: CassandraDatabase): Zones {
  const heads = new Heads(db, async (zone, { change, last }) => {
    switch (last.kind) {
      case 'none':
        return
      case 'commit':
        return followCommit(db, zone, change, last)
      case 'pack':
        return followPack(db, zone, last)
      case 'prune':
        return followPrune(db, zone, last.versions)
    }
  })
  const fence = zoneFence(db, heads)
  return {
    ...logs(db, heads, fence),
    ...records(db, heads),
    ...sequences(db, heads),
    ...commits(db, heads),
    ...packs(db, heads),
    ...pruning(db, heads),
    origin: { ...origin(db, heads), fence },
    async check() {
      await db.rows('SELECT zone FROM zone_ids WHERE shard = ? LIMIT 1', [0])
    },
    close: () => db.close(),
  }
}
