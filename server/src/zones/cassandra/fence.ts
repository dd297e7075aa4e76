/**
 * The fence on Cassandra: one transaction on each zone's head makes its revision negative, which no writer expects. A note, written
 * before, keeps new zones from being made.
 */
import type { ZoneId } from '@pileus/core/ids/ids'
import { type CassandraDatabase, TransactionUncertain } from '../../cassandra/database.ts'
import { EngineFenced, EngineUnreachable } from '../../engine-errors.ts'
import type { Fence } from '../../fence.ts'
import { listBatches } from './batch-ids.ts'
import type { Heads } from './heads.ts'
import { listZones } from './list.ts'

const NOTE = 'fence'
const ZONES_LISTED = 500
const ATTEMPTS_MAX = 30

export interface ZoneFence extends Fence {
  /** Throws EngineFenced when the fence stands. */
  requireNone(): Promise<void>
  /** Throws EngineFenced when the fence stands, and puts this zone behind it. */
  coverNew(zone: ZoneId): Promise<void>
}

export function zoneFence(db: CassandraDatabase, heads: Heads): ZoneFence {
  async function read(): Promise<string | null> {
    const [row] = await db.settledRows('SELECT value FROM notes WHERE name = ?', [NOTE])
    return (row?.value as string | null | undefined) ?? null
  }

  /** Writes the note if it still is `expected`. Asked again when an answer was lost. */
  async function swap(expected: string | null, next: string | null): Promise<boolean> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      try {
        const query = 'UPDATE notes SET value = ? WHERE name = ? IF value = ?'
        return await db.transact([{ query, params: [next, NOTE, expected] }])
      } catch (error) {
        if (!(error instanceof TransactionUncertain)) throw error
        const now = await read()
        if (now !== expected) return now === next
      }
    }
    throw new EngineUnreachable('the Cassandra cluster')
  }

  async function write(next: string | null): Promise<void> {
    for (let before = await read(); before !== next; before = await read()) await swap(before, next)
  }

  async function everyZone(fenced: boolean): Promise<void> {
    let last: ZoneId | null = null
    for (;;) {
      const zones: ZoneId[] = await listZones(db, last, ZONES_LISTED)
      for (const zone of zones) await heads.fence(zone, fenced)
      last = zones.at(-1) ?? null
      if (last === null || zones.length < ZONES_LISTED) return
    }
  }

  return {
    async raise(note) {
      await write(note)
      await everyZone(true)
      await listBatches(db, note)
    },
    note: read,
    replaceNote: swap,
    async lower() {
      if ((await read()) === null) return
      await everyZone(false)
      await write(null)
    },
    async requireNone() {
      if ((await read()) !== null) throw new EngineFenced('the zones')
    },
    async coverNew(zone) {
      if ((await read()) === null) return
      await heads.fence(zone, true)
      throw new EngineFenced('the zones')
    },
  }
}
