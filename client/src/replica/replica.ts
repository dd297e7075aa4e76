/**
 * This device's copy of a zone: the records as the server has them, the versions that wait to be pushed, and
 * indexes over whichever counts. All writes happen in transactions of the caller.
 */
import type { Crypto } from '@pileus/core/crypto/crypto'
import { setDigest } from '@pileus/core/crypto/lthash'
import type { Random } from '@pileus/core/crypto/random'
import { type Digest, type RecordId, randomId, type WriterId, type ZoneId } from '@pileus/core/ids/ids'
import type { ZoneKeys } from '@pileus/core/keys/zone-keys'
import { sameBody, sameChunks } from '@pileus/core/merge/merge'
import type { RecordBody, RecordVersion } from '@pileus/core/records/record'
import { NO_REFS, type Refs } from '@pileus/core/records/refs'
import { leafOf, sealRecord } from '@pileus/core/records/seal'
import type { SealedRecord } from '@pileus/core/records/sealed'
import { createView, type View } from '@pileus/core/tree/view'
import { dominates, joinVectors, NO_VERSION, nextVector, vectorKey } from '@pileus/core/versions/vector'
import { rememberRows } from '../store/remembered.ts'
import type { Store, StoreReader, StoreWriter } from '../store/store.ts'
import { DiskRows } from './disk-rows.ts'
import { effectiveBody, replicaForest } from './forest.ts'
import { changeKnownSet, knownSetState } from './known-set.ts'
import { Places } from './places.ts'
import { decodeSealed, encodeSealed } from './sealed-row.ts'
import {
  createTables,
  type DiskRow,
  getMeta,
  type Known,
  type NamedRow,
  type Pending,
  putMeta,
  tables,
} from './tables.ts'

export interface ReplicaContext {
  readonly store: Store
  readonly crypto: Crypto
  readonly random: Random
  readonly zone: ZoneId
  /** Keys under which new versions are sealed. */
  readonly keys: () => ZoneKeys
  readonly caseInsensitive: boolean
}

/** The version that counts here, and how it is told from others. */
export interface Effective {
  readonly body: RecordBody
  readonly key: string
}

/** So many saves in a row without a server are told from those of a clone. */
const OURS_MAX = 64

export class Replica {
  readonly #context: ReplicaContext
  readonly #stored: Store
  readonly #places: Places
  readonly #shown: DiskRows
  /** Who seals here. Changes when this database turns out to be used elsewhere too. */
  writer: WriterId
  #transactions = 0

  constructor(context: ReplicaContext) {
    this.#stored = context.store
    this.#context = { ...context, store: rememberRows(context.store) }
    this.#shown = new DiskRows(context.caseInsensitive)
    this.#places = new Places(context.caseInsensitive)
    this.#places.load(this.store)
    this.writer = getMeta(this.store, 'writer') ?? this.#bearWriter()
  }

  /** Grows with every transaction: a view taken under another number is out of date. */
  get transactions(): number {
    return this.#transactions
  }

  get store(): Store {
    return this.#context.store
  }

  /** What is committed, read without being remembered: for whoever looks at everything once. */
  get stored(): StoreReader {
    return this.#stored
  }

  get caseInsensitive(): boolean {
    return this.#context.caseInsensitive
  }

  /** Runs `work` as one transaction; redirects follow the places it changed. */
  transaction<T>(durability: 'durable' | 'lazy', work: (tx: StoreWriter) => T): T {
    this.#transactions++
    try {
      return this.store.transaction(durability, (tx) => {
        const result = work(tx)
        this.#places.settle(tx)
        return result
      })
    } catch (error) {
      this.#places.load(this.store)
      throw error
    }
  }

  /** The tree as it is in this reader. */
  view(from: StoreReader): View {
    return createView(replicaForest(from, this.#places.redirects, this.#context.caseInsensitive))
  }

  /** Inside a transaction, after places changed: redirects must be settled before a view is right again. */
  freshView(tx: StoreWriter): View {
    this.#places.settle(tx)
    return this.view(tx)
  }

  effective(from: StoreReader, id: RecordId): Effective | undefined {
    const version = tables.outbox.get(from, id) ?? tables.known.get(from, id)
    return version && { body: version.body, key: vectorKey(version.vector) }
  }

  nameKey(name: string): string {
    return this.#places.nameKey(name)
  }

  /** A stamp later than any seen. */
  nextStamp(tx: StoreWriter): { counter: number; writer: WriterId } {
    const counter = (getMeta(tx, 'stamp') ?? 0) + 1
    putMeta(tx, 'stamp', counter)
    return { counter, writer: this.writer }
  }

  /**
   * Makes `body` the version that counts, to be pushed. `refs` names its chunks; where its content is not new,
   * those of the version before hold. Returns without a trace when the effective version says the same.
   */
  putPending(
    tx: StoreWriter,
    id: RecordId,
    body: RecordBody,
    options: { refs?: Refs; group?: string | null } = {},
  ): void {
    const known = tables.known.get(tx, id)
    const before = tables.outbox.get(tx, id)
    // What is pending and not newer than what the server has is sealed again, though it says the same.
    const isNewer = !before || !known || dominates(before.vector, known.vector)
    const effective = before ?? known
    if (isNewer && effective && sameBody(effective.body, body) && sameChunks(effective.body, body)) return
    const refs = options.refs ?? (body.content?.type === 'chunks' ? this.#refsOf(tx, id, body) : NO_REFS)
    this.#seal(tx, id, body, refs, options.group ?? before?.group ?? null, before?.vector)
  }

  /** The same, by itself, and as made from what the server has alone: whoever has other versions keeps them beside it. */
  putApart(tx: StoreWriter, id: RecordId, body: RecordBody, refs: Refs): void {
    this.#seal(tx, id, body, refs, null)
  }

  /**
   * Makes a record that is here already (`rowOf` gives its row, from the key of its version) and whose place concerns
   * no other: its folder is not known to anybody else yet, and nothing in there has its name or one made from it.
   * So nothing is looked up, and nothing has to be done on the disk.
   */
  putAlone(
    tx: StoreWriter,
    id: RecordId,
    body: RecordBody,
    refs: Refs,
    rowOf: (version: string) => DiskRow,
  ): void {
    const vector = nextVector(NO_VERSION, this.writer, 0)
    this.#putOutbox(tx, id, { vector, body, base: null, group: null, ours: [] }, refs)
    this.#places.add(tx, id, body)
    this.#shown.putAlone(tx, id, rowOf(vectorKey(vector)))
  }

  /**
   * This database was used elsewhere too (restored from a backup, cloned): its writer id has been used for
   * versions it does not know. A new writer seals what is pending again, which follows none of those.
   */
  takeNewWriter(tx: StoreWriter): void {
    this.writer = randomId('writer', this.#context.random)
    putMeta(tx, 'writer', this.writer)
    for (const [key, { vector, body, group }] of [...tables.outbox.entries(tx)]) {
      const id = key as RecordId
      const { refs } = decodeSealed(tables.outboxSealed.get(tx, id)!)
      const row = tables.disk.get(tx, id)
      this.#seal(tx, id, body, refs, group)
      // Its old key may come to stand for what a clone makes.
      if (row?.version === vectorKey(vector))
        this.putDisk(tx, id, { ...row, version: this.effective(tx, id)!.key })
    }
  }

  /**
   * Seals a pending version under the next counter of this writer. It follows what is known, and what it takes the
   * place of: that may be a version of others which the server lost.
   */
  #seal(
    tx: StoreWriter,
    id: RecordId,
    body: RecordBody,
    refs: Refs,
    group: string | null,
    replaced = NO_VERSION,
  ): void {
    const known = tables.known.get(tx, id)
    const before = tables.outbox.get(tx, id)
    const own = Math.max(before?.vector[this.writer] ?? 0, tables.sealedUpTo.get(tx, id) ?? 0)
    const seen = joinVectors(known?.vector ?? NO_VERSION, replaced)
    const vector = nextVector(seen, this.writer, own)
    this.#retire(tx, id)
    const base = known?.body ?? null
    const follows = before?.ours && replaced !== NO_VERSION
    const ours = follows ? [...before.ours, before.leaf].slice(-OURS_MAX) : []
    this.#index(tx, id, body, () => this.#putOutbox(tx, id, { vector, body, base, group, ours }, refs))
  }

  #putOutbox(tx: StoreWriter, id: RecordId, version: Omit<Pending, 'leaf' | 'order'>, refs: Refs): void {
    const { crypto, random, zone } = this.#context
    const { vector, body } = version
    const sealed = sealRecord(crypto, random, this.#context.keys(), { zone, id, vector, body }, refs)
    const order = getMeta(tx, 'order') ?? 0
    putMeta(tx, 'order', order + 1)
    tables.outboxSealed.put(tx, id, encodeSealed(sealed))
    tables.outbox.put(tx, id, { ...version, leaf: leafOf(crypto, sealed), order })
  }

  /** The server accepted the pending version with this leaf. False when another is pending by now. */
  acceptPending(tx: StoreWriter, id: RecordId, leaf: Digest, sequence: number): boolean {
    const pending = tables.outbox.get(tx, id)
    if (pending?.leaf !== leaf) return false
    const { vector, body } = pending
    // The version that counts stays what it was, so no index moves.
    this.#putKnown(tx, id, { vector, body, leaf, sequence }, tables.outboxSealed.get(tx, id)!)
    this.#deletePending(tx, id, pending)
    return true
  }

  /** The server has this version now. What is pending stays pending: the caller merges. */
  putKnown(
    tx: StoreWriter,
    version: RecordVersion,
    sealed: SealedRecord,
    leaf: Digest,
    sequence: number,
  ): void {
    const { id, vector, body } = version
    const counter = body.place.stamp.counter
    if (counter > (getMeta(tx, 'stamp') ?? 0)) putMeta(tx, 'stamp', counter)
    this.#retire(tx, id)
    const effective = tables.outbox.get(tx, id)?.body ?? body
    this.#index(tx, id, effective, () => {
      this.#putKnown(tx, id, { vector, body, leaf, sequence }, encodeSealed(sealed))
    })
  }

  /** Drops the pending version: what the server has says it all. */
  dropPending(tx: StoreWriter, id: RecordId): void {
    const pending = tables.outbox.get(tx, id)
    if (!pending) return
    this.#retire(tx, id)
    const known = tables.known.get(tx, id)
    this.#index(tx, id, known?.body, () => this.#deletePending(tx, id, pending))
  }

  /** Sends a known version again, the same bytes, to a server that lost it; or what was made from it, where that is pending. */
  pushAgain(tx: StoreWriter, id: RecordId): void {
    const known = tables.known.get(tx, id)
    if (!known) return
    const { vector, body, leaf } = known
    if (!tables.outbox.get(tx, id)) {
      const order = getMeta(tx, 'order') ?? 0
      putMeta(tx, 'order', order + 1)
      // What this version was made from is not known here any more: whatever stands in its place is kept beside it.
      tables.outbox.put(tx, id, { vector, body, leaf, base: null, group: null, order })
      tables.outboxSealed.put(tx, id, tables.sealed.get(tx, id)!)
    }
    tables.sealed.delete(tx, id)
    changeKnownSet(this.#context.crypto, tx, leaf, null)
    tables.known.delete(tx, id)
  }

  /** Digest of the set of known versions, to hold against the server's. */
  setDigest(from: StoreReader): Digest {
    return setDigest(this.#context.crypto, knownSetState(from))
  }

  /** State of the set hash over the known versions; not to be changed. */
  setState(from: StoreReader): Uint8Array {
    return knownSetState(from)
  }

  /** The disk now shows the effective version of this record, or it never will again (null). */
  putDisk(tx: StoreWriter, id: RecordId, row: DiskRow | null): void {
    this.#shown.put(tx, id, row)
    const effective = this.effective(tx, id)
    if (row === null || row.version === effective?.key) this.#dropBase(tx, id)
    if (row !== null && effective && effective.body.place.name !== row.name) tables.renamed.put(tx, id, '')
    else tables.renamed.delete(tx, id)
  }

  /** Which record has this name in this folder on the disk. */
  diskAt(from: StoreReader, parent: RecordId, name: string): RecordId | undefined {
    return this.#shown.at(from, parent, name)
  }

  diskChildren(from: StoreReader, parent: RecordId): Iterable<RecordId> {
    return this.#shown.children(from, parent)
  }

  /** What is in a folder of the disk, each with its name as it is there. */
  diskNamed(from: StoreReader, parent: RecordId): Iterable<readonly [name: string, row: NamedRow]> {
    return this.#shown.named(from, parent)
  }

  /** The body a disk row shows: what a local change was made from. */
  shownBody(from: StoreReader, id: RecordId): RecordBody | null {
    const row = tables.disk.get(from, id)
    const effective = this.effective(from, id)
    if (row && effective && row.version === effective.key) return effective.body
    return tables.base.get(from, id) ?? null
  }

  touch(tx: StoreWriter, id: RecordId): void {
    tables.touched.put(tx, id, '')
  }

  /** Before the effective version changes: keeps what the disk shows, if it shows that version. */
  #retire(tx: StoreWriter, id: RecordId): void {
    const row = tables.disk.get(tx, id)
    const effective = this.effective(tx, id)
    if (!row || !effective || row.version !== effective.key) return
    if (tables.base.get(tx, id) === undefined) this.putBase(tx, id, effective.body)
  }

  /** What the disk shows of a record that has moved on. `refs` where they are not those of the effective version. */
  putBase(tx: StoreWriter, id: RecordId, body: RecordBody, refs?: Refs): void {
    tables.base.put(tx, id, body)
    const isLong = body.content?.type === 'chunks' && body.content.list.depth > 0
    if (isLong) tables.baseRefs.put(tx, id, refs ?? this.#refsOf(tx, id, body))
    else tables.baseRefs.delete(tx, id)
  }

  #dropBase(tx: StoreWriter, id: RecordId): void {
    tables.base.delete(tx, id)
    tables.baseRefs.delete(tx, id)
  }

  /** Changes the effective version by `write` and moves it in the indexes. */
  #index(tx: StoreWriter, id: RecordId, after: RecordBody | undefined, write: () => void): void {
    const before = effectiveBody(tx, id)
    write()
    this.#places.change(tx, id, before, after)
  }

  #putKnown(tx: StoreWriter, id: RecordId, known: Known, sealed: Uint8Array): void {
    changeKnownSet(this.#context.crypto, tx, tables.known.get(tx, id)?.leaf ?? null, known.leaf)
    tables.known.put(tx, id, known)
    tables.sealed.put(tx, id, sealed)
  }

  #deletePending(tx: StoreWriter, id: RecordId, pending: Pending): void {
    const own = pending.vector[this.writer] ?? 0
    if (own > (tables.known.get(tx, id)?.vector[this.writer] ?? 0)) tables.sealedUpTo.put(tx, id, own)
    tables.outbox.delete(tx, id)
    tables.outboxSealed.delete(tx, id)
  }

  #refsOf(tx: StoreReader, id: RecordId, body: RecordBody): Refs {
    const bytes = tables.outboxSealed.get(tx, id) ?? tables.sealed.get(tx, id)
    if (!bytes)
      throw new Error(`record ${id} has content but no list of its chunks: pass refs with new content`)
    const { refs } = decodeSealed(bytes)
    if (refs.depth === 0 && body.content?.type === 'chunks' && body.content.list.depth === 0) {
      return { depth: 0, ids: [...new Set(body.content.list.entries.map((entry) => entry.id))] }
    }
    return refs
  }

  #bearWriter(): WriterId {
    const writer = randomId('writer', this.#context.random)
    // Below the remembered rows: what comes and goes within a transaction there is never written.
    createTables(this.#stored)
    this.store.transaction('durable', (tx) => putMeta(tx, 'writer', writer))
    return writer
  }
}
