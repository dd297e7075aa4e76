/**
 * Test helper: a process that works on one zone without pause and is killed at any moment. It commits, replacing what it
 * committed before; adds packs; prunes. It prints a line for each thing that was acknowledged.
 *
 * Arguments: the engine and its options as JSON, the zone, and where pruning begins (ms, by the numbers that commits are
 * stored under, which grow by one with each).
 */
import { randomInt } from 'node:crypto'
import type { RecordId, ZoneId } from '@pileus/core/ids/ids'
import { chunkId, commitOf, packId, recordId, type Wanted } from './fixtures.ts'
import type { Zones } from './zones.ts'

/** What a line says. */
export type Told =
  | { readonly kind: 'commit'; readonly batch: string; readonly sequence: number }
  /** Told before it is done, and after. */
  | { readonly kind: 'adding' | 'pack'; readonly pack: string; readonly bytes: number }

const RECORDS_MAX = 6
/** Replaced versions that stay. */
const KEPT = 40

const [kind, options, zone] = process.argv.slice(2) as ['postgres' | 'cassandra', string, ZoneId]
const zones: Zones =
  kind === 'postgres'
    ? await (await import('./postgres.ts')).postgresZones(JSON.parse(options))
    : await (await import('./cassandra.ts')).cassandraZones(JSON.parse(options))

function tell(line: Told): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

/** Some new records, and new versions of some that are there, whoever made them. */
async function commitSome(): Promise<void> {
  const head = (await zones.head(zone))!
  const wanted: Wanted[] = Array.from({ length: randomInt(1, RECORDS_MAX) }, () => ({ id: recordId() }))
  const page = (await zones.changes(zone, randomInt(head.sequence + 1), RECORDS_MAX, 1_000_000))!
  // Read under this very head, or the commit will be refused.
  const known = new Map<RecordId, Wanted>()
  for (const { id, leaf } of page.versions) known.set(id, { id, old: leaf })
  const chosen = [...wanted, ...known.values()].filter(() => randomInt(2) === 0)
  if (chosen.length === 0 || page.head.sequence !== head.sequence) return
  const commit = commitOf(zone, head, chosen, head.sequence)
  if ((await zones.commit(commit)) !== 'committed') return
  const { id, sequence } = commit.batches[0]!
  tell({ kind: 'commit', batch: id, sequence })
}

async function addPack(): Promise<void> {
  const pack = packId()
  const bytes = randomInt(1_000)
  const places = Array.from({ length: 3 }, (_, n) => ({
    chunk: chunkId(),
    pack,
    offset: 41 + 100 * n,
    length: 64,
  }))
  tell({ kind: 'adding', pack, bytes })
  await zones.addPack(zone, pack, bytes, places)
  tell({ kind: 'pack', pack, bytes })
}

for (;;) {
  const chance = randomInt(10)
  if (chance < 7) await commitSome()
  else if (chance < 9) await addPack()
  else await zones.prune(zone, (await zones.head(zone))!.sequence - KEPT, 5)
}
