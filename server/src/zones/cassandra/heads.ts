/** Heads on Cassandra: read with a majority, changed by one lightweight transaction at a time. */
import { randomBytes } from 'node:crypto'
import type { ZoneId } from '@pileus/core/ids/ids'
import {
  type CassandraDatabase,
  type Row,
  type Statement,
  TransactionUncertain,
} from '../../cassandra/database.ts'
import { blob } from '../../columns.ts'
import { EngineFenced, EngineUnreachable } from '../../engine-errors.ts'
import type { Head } from '../zones.ts'
import { bytesIn, hexIn, numberIn } from './columns.ts'
import { decodeChange, encodeChange, type LastChange } from './last-change.ts'

/** A head with what the engine keeps in it for itself. */
export interface StoredHead extends Head {
  /** Grows by one with every change. */
  readonly revision: number
  /** No change happens any more: the revision that rests in the table is negative, and no transaction expects that. */
  readonly fenced: boolean
  /** Id of the last change, and what it was. */
  readonly change: string
  readonly last: LastChange
  /** The bucket that the newest rows are in, by its first sequence; 0 when there is none yet. */
  readonly bucket: number
  readonly bucketBytes: number
}

/** What a change makes of a head, and a log entry that comes with it. */
export interface Change {
  readonly head: Partial<Omit<StoredHead, 'revision' | 'fenced' | 'change' | 'last'>>
  readonly last: LastChange
  readonly entry?: { readonly place: number; readonly bytes: Uint8Array }
  /** Does what `Follow` does, by whoever makes the change and so need not read what it was. */
  readonly follow?: () => Promise<void>
}

/** Makes the other tables follow the last change, as far as they do not yet. */
export type Follow = (zone: ZoneId, head: StoredHead) => Promise<void>

const COLUMNS = [
  'revision',
  'change',
  'incarnation',
  'sequence',
  'chain',
  'set_state',
  'set_hash',
  'log_length',
  'log_head',
  'generation',
  'floor',
  'stored_bytes',
  'bucket',
  'bucket_bytes',
  'last',
] as const
const SELECT = `SELECT DISTINCT zone, ${COLUMNS.join(', ')} FROM heads WHERE zone = ?`
const UPDATE = `UPDATE heads SET ${COLUMNS.map((name) => `${name} = ?`).join(', ')} WHERE zone = ? IF revision = ?`
const FENCE = 'UPDATE heads SET revision = ? WHERE zone = ? IF revision = ?'
const INSERT_ENTRY = 'INSERT INTO heads (zone, place, entry) VALUES (?, ?, ?)'

/** How long a change that others are always faster than is tried. */
const PATIENCE_MS = 15_000
const PAUSE_MAX_MS = 400
/** Changes known to be followed by all other tables, kept so that nobody looks again. */
const FOLLOWED_KEPT = 10_000

/** The heads of all zones, for one process. */
export class Heads {
  readonly #db: CassandraDatabase
  readonly #follow: Follow
  readonly #followed = new Set<string>()
  readonly #queues = new Map<ZoneId, Promise<unknown>>()

  constructor(db: CassandraDatabase, follow: Follow) {
    this.#db = db
    this.#follow = follow
  }

  async read(zone: ZoneId): Promise<StoredHead | undefined> {
    const [row] = await this.#db.rows(SELECT, [blob(zone)])
    return row && headIn(row)
  }

  /** The head, once every table tells the same as it. */
  async settled(zone: ZoneId): Promise<StoredHead | undefined> {
    const head = await this.read(zone)
    if (head) await this.#settle(zone, head)
    return head
  }

  /** Creates a head with its first log entry. False when there is one. */
  create(zone: ZoneId, head: Head, genesis: Uint8Array): Promise<boolean> {
    return this.#inTurn(zone, async () => {
      const id = newId()
      const made = {
        ...head,
        revision: 1,
        fenced: false,
        change: id,
        last: { kind: 'none' },
        bucket: 0,
        bucketBytes: 0,
      } as const
      const entry = { place: 0, bytes: genesis }
      const until = performance.now() + PATIENCE_MS
      for (let attempt = 0; performance.now() < until; attempt++) {
        const result = await this.#swap(zone, made, null, entry)
        if (result === 'applied') return true
        const stored =
          result === 'uncertain' ? await this.#settledByTransactions(zone) : await this.read(zone)
        if (stored) return stored.change === id
        await pause(attempt)
      }
      throw new EngineUnreachable('the Cassandra cluster')
    })
  }

  /**
   * Changes a head as `decide` says of the settled head, which is asked again when somebody else was faster; null leaves it
   * as it is. `id` is the change's. Returns the head after the change and null when there was none. `uncertain` says that
   * an attempt's outcome was never known, so that a change which is not the last may have happened all the same.
   */
  change(
    zone: ZoneId,
    id: string,
    decide: (head: StoredHead, uncertain: boolean) => Promise<Change | null>,
  ): Promise<StoredHead | null> {
    return this.#inTurn(zone, async () => {
      let uncertain = false
      const until = performance.now() + PATIENCE_MS
      for (let attempt = 0; performance.now() < until; attempt++) {
        const head = uncertain ? await this.#settledByTransactions(zone) : await this.settled(zone)
        if (!head) return null
        if (head.change === id) return this.#settleChange(zone, head)
        if (head.fenced) throw new EngineFenced('the zones')
        const change = await decide(head, uncertain)
        if (!change) return null
        const after = { ...head, ...change.head, revision: head.revision + 1, change: id, last: change.last }
        const result = await this.#swap(zone, after, head.revision, change.entry)
        if (result === 'applied') return this.#settleChange(zone, after, change.follow)
        if (result === 'uncertain') uncertain = true
        await pause(attempt)
      }
      throw new EngineUnreachable('the Cassandra cluster')
    })
  }

  /** Raises or lowers the fence of one zone: afterwards no change happens, whoever had begun one. */
  fence(zone: ZoneId, fenced: boolean): Promise<void> {
    return this.#inTurn(zone, async () => {
      const until = performance.now() + PATIENCE_MS
      for (let attempt = 0; performance.now() < until; attempt++) {
        const head = await this.#settledByTransactions(zone)
        if (!head || head.fenced === fenced) return
        const [before, after] = fenced ? [head.revision, -head.revision] : [-head.revision, head.revision]
        const statement = { query: FENCE, params: [after, blob(zone), before] }
        if ((await this.#transact([statement])) === 'applied') return
        await pause(attempt)
      }
      throw new EngineUnreachable('the Cassandra cluster')
    })
  }

  async #settleChange(zone: ZoneId, head: StoredHead, follow?: Change['follow']): Promise<StoredHead> {
    await this.#settle(zone, head, follow)
    return head
  }

  async #settle(zone: ZoneId, head: StoredHead, follow = () => this.#follow(zone, head)): Promise<void> {
    if (head.last.kind === 'none' || this.#followed.has(head.change)) return
    await follow()
    this.#followed.add(head.change)
    if (this.#followed.size > FOLLOWED_KEPT) this.#followed.delete(this.#followed.values().next().value!)
  }

  /** Finishes transactions that hang, so that what is read is what happened. */
  async #settledByTransactions(zone: ZoneId): Promise<StoredHead | undefined> {
    const [row] = await this.#db.settledRows(SELECT, [blob(zone)])
    const head = row && headIn(row)
    if (head) await this.#settle(zone, head)
    return head
  }

  async #swap(
    zone: ZoneId,
    after: StoredHead,
    revision: number | null,
    entry: Change['entry'],
  ): Promise<'applied' | 'refused' | 'uncertain'> {
    const statements: Statement[] = [{ query: UPDATE, params: [...headColumns(after), blob(zone), revision] }]
    if (entry) statements.push({ query: INSERT_ENTRY, params: [blob(zone), entry.place, entry.bytes] })
    return this.#transact(statements)
  }

  async #transact(statements: readonly Statement[]): Promise<'applied' | 'refused' | 'uncertain'> {
    try {
      return (await this.#db.transact(statements)) ? 'applied' : 'refused'
    } catch (error) {
      if (error instanceof TransactionUncertain) return 'uncertain'
      throw error
    }
  }

  /** Changes of one process wait for each other: transactions that meet cost several rounds each. */
  #inTurn<T>(zone: ZoneId, work: () => Promise<T>): Promise<T> {
    const before = this.#queues.get(zone) ?? Promise.resolve()
    const mine = before.then(work, work)
    const settled = mine.then(
      () => undefined,
      () => undefined,
    )
    this.#queues.set(zone, settled)
    void settled.then(() => {
      if (this.#queues.get(zone) === settled) this.#queues.delete(zone)
    })
    return mine
  }
}

/** Names a change, so that whoever does not know whether it happened can recognise it. */
export function newId(): string {
  return randomBytes(16).toString('hex')
}

function headColumns(head: StoredHead): unknown[] {
  return [
    head.revision,
    blob(head.change),
    head.incarnation,
    head.sequence,
    blob(head.chain),
    head.setState,
    blob(head.setHash),
    head.logLength,
    blob(head.logHead),
    head.generation,
    head.floor,
    head.storedBytes,
    head.bucket,
    head.bucketBytes,
    encodeChange(head.last),
  ]
}

function headIn(row: Row): StoredHead | undefined {
  // A partition without static columns is a zone that does not exist.
  if (row.revision === null || row.revision === undefined) return undefined
  return {
    revision: Math.abs(numberIn(row.revision)),
    fenced: numberIn(row.revision) < 0,
    change: hexIn(row.change),
    incarnation: numberIn(row.incarnation),
    sequence: numberIn(row.sequence),
    chain: hexIn(row.chain),
    setState: bytesIn(row.set_state),
    setHash: hexIn(row.set_hash),
    logLength: numberIn(row.log_length),
    logHead: hexIn(row.log_head),
    generation: numberIn(row.generation),
    floor: numberIn(row.floor),
    storedBytes: numberIn(row.stored_bytes),
    bucket: numberIn(row.bucket),
    bucketBytes: numberIn(row.bucket_bytes),
    last: decodeChange(row.last as Buffer),
  }
}

/** Longer each time and never the same, so that two who met do not meet again. */
function pause(attempt: number): Promise<void> {
  const longest = Math.min(5 * 2 ** attempt, PAUSE_MAX_MS)
  return new Promise((resolve) => setTimeout(resolve, Math.random() * longest))
}
