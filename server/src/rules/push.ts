/** POST /api/v1/sync/push (SRV-31 to SRV-39 in docs/spec/protocol.md). */
import {
  type BatchId,
  type ChunkId,
  type Digest,
  idBytes,
  type RecordId,
  type ZoneId,
} from '@pileus/core/ids/ids'
import { judgeWrite, type WriteVerdict } from '@pileus/core/keys/zone-writers'
import { BATCH_MAX_BYTES, PAGE_MAX_BYTES } from '@pileus/core/limits'
import { Problem } from '@pileus/core/protocol/problem'
import type { PushOutcome, PushRequest, PushResponse } from '@pileus/core/protocol/push'
import { type BatchHeader, verifyBatch } from '@pileus/core/records/batch'
import { decodeFacts } from '@pileus/core/records/facts'
import { checkSealed, leafOf, sealedBytes } from '@pileus/core/records/seal'
import type { Device } from '../accounts/accounts.ts'
import { lackingChunks } from '../packs/references.ts'
import { batchBytes, versionBytes, wireBytes } from '../zones/size.ts'
import type { Commit, Head, StoredBatch, StoredVersion } from '../zones/zones.ts'
import { announce, newsOf } from './announce.ts'
import { advance, type Decision, decide, type Known, type Pushed } from './decide.ts'
import type { Environment } from './environment.ts'
import { requireKnownPlace } from './known-place.ts'
import { notFound } from './not-found.ts'
import { decodeAnswer, encodeAnswer, type StoredAnswer, type StoredOutcome } from './outcome.ts'
import { ownerOf, requireRoom } from './room.ts'
import { shownHead } from './zone-head.ts'
import type { ZoneQueues } from './zone-queues.ts'
import type { ZoneStates } from './zone-states.ts'

/** How often a batch is decided anew because another server process committed first. */
const ATTEMPTS_MAX = 20

export interface PushContext {
  readonly environment: Environment
  readonly states: ZoneStates
  readonly queues: ZoneQueues
}

interface Batch {
  readonly zone: ZoneId
  readonly device: Device
  readonly header: BatchHeader
  readonly request: PushRequest
  readonly pushed: readonly Pushed[]
}

/** Judges, commits and answers one batch of this device. */
export async function push(
  context: PushContext,
  device: Device,
  request: PushRequest,
  idempotencyKey?: string,
): Promise<PushResponse> {
  const batch = readPush(context.environment, device, request)
  if (idempotencyKey !== undefined && idempotencyKey !== batch.header.batch) {
    throw new Problem('malformed-request', `Idempotency-Key is not the batch's id ${batch.header.batch}`)
  }
  return context.queues.run(batch.zone, () => pushInTurn(context, batch))
}

/** What can be checked of a batch without knowing the zone (SRV-31). */
function readPush({ crypto }: Environment, device: Device, request: PushRequest): Batch {
  const bytes = request.records.reduce((sum, { record }) => sum + sealedBytes(record), 0)
  if (bytes > BATCH_MAX_BYTES) {
    throw new Problem(
      'body-too-large',
      `the records have ${bytes} bytes, at most ${BATCH_MAX_BYTES} are taken at once: push fewer`,
    )
  }
  const pushed = request.records.map(({ record, group }): Pushed => {
    const facts = checkSealed(crypto, request.zone, record)
    return { facts, sealed: record, leaf: leafOf(crypto, record), group }
  })
  const ids = new Set(pushed.map(({ facts }) => facts.id))
  if (ids.size !== pushed.length) {
    throw new Problem('seal-refused', 'the batch holds two versions of one record: push the later one only')
  }
  const leaves = pushed.map(({ leaf }) => leaf)
  const header = verifyBatch(crypto, request.batch, device.publicKey, leaves)
  if (header.zone !== request.zone) {
    throw new Problem('seal-refused', `the batch was signed for zone ${header.zone}`)
  }
  const newer = pushed.find(({ facts }) => facts.epoch > header.epoch)
  if (newer) {
    throw new Problem(
      'seal-refused',
      `record ${newer.facts.id} is sealed under a later key epoch than its batch`,
    )
  }
  return { zone: request.zone, device, header, request, pushed }
}

async function pushInTurn(context: PushContext, batch: Batch): Promise<PushResponse> {
  const { environment } = context
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const head = await environment.engines.zones.head(batch.zone)
    if (!head) throw notFound()
    const before = await environment.engines.zones.batch(batch.zone, batch.header.batch)
    if (before) return repeat(environment, batch, before)
    await requireMayWrite(context, batch, head)
    // A figure that does not fit this history would look like a lie to whoever reads the batch.
    await requireKnownPlace(environment, batch.zone, head, batch.header.seen, batch.device.account)
    const response = await tryOnce(environment, batch, head)
    if (response) return response
  }
  throw new Problem('too-many-requests', 'other servers commit to this zone all the time: try again', {
    retryAfterSeconds: 1,
  })
}

/** The first answer, to the same bytes only (SRV-32). */
async function repeat(environment: Environment, batch: Batch, before: StoredBatch): Promise<PushResponse> {
  const { header, signature } = batch.request.batch
  if (!same(before.signed.header, header) || !same(before.signed.signature, signature)) {
    throw new Problem('batch-reused', `batch ${before.id} was pushed before with other records`)
  }
  return response(environment, batch, decodeAnswer(before.outcome))
}

async function requireMayWrite(
  { environment, states }: PushContext,
  { zone, device, header }: Batch,
  head: Head,
): Promise<void> {
  const state = await states.at(environment, zone, head.logLength)
  const verdict = judgeWrite(state, {
    account: device.account,
    device: device.id,
    logHead: header.logHead,
    epoch: header.epoch,
    sequence: head.sequence + 1,
  })
  if (verdict !== 'allowed') throw refusal(verdict)
}

function refusal(verdict: Exclude<WriteVerdict, 'allowed'>): Problem {
  switch (verdict) {
    case 'unknown-head':
      return new Problem('log-moved', 'the batch names a log entry that this server does not have')
    case 'stale-head':
      return new Problem(
        'log-moved',
        'somebody was removed since: read the zone log and sign the batch again',
      )
    case 'epoch-due':
      return new Problem(
        'log-moved',
        'somebody was removed: a new key epoch must come before the next record',
      )
    case 'wrong-epoch':
      return new Problem('log-moved', 'the batch is sealed under another key epoch than its log head has')
    case 'not-a-writer':
      return new Problem('not-allowed', 'this account may read the zone, not write to it')
    case 'removed':
      return new Problem('not-allowed', 'this account or device was removed from the zone')
  }
}

/** One attempt on this head; undefined when the head moved meanwhile. */
async function tryOnce(
  environment: Environment,
  batch: Batch,
  head: Head,
): Promise<PushResponse | undefined> {
  const { engines, crypto, clock, observer } = environment
  const knowledge = await learn(environment, batch)
  const decisions = decide(batch.pushed, knowledge)
  const places = decisions.flatMap((decision, index) => (decision.kind === 'new' ? [index] : []))
  const accepted = places.map((index) => batch.pushed[index]!)
  const { steps, head: after } = advance(crypto, head, accepted, knowledge.current)
  const answer: StoredAnswer = {
    outcomes: outcomesOf(decisions, head.sequence),
    head: shownHead(batch.zone, { ...head, ...after }),
  }
  // Bounded before it is committed: what cannot be answered must not have happened.
  const answered = await response(environment, batch, answer)
  if (accepted.length > 0) {
    const storedAt = clock()
    const versions = accepted.map(
      ({ facts, sealed, leaf }, n): StoredVersion => ({
        sequence: steps[n]!.sequence,
        id: facts.id,
        record: sealed,
        leaf,
        batch: batch.header.batch,
        leafIndex: places[n]!,
        storedAt,
      }),
    )
    const stored = storedBatch(batch, answer, after.sequence)
    const bytes = versions.reduce((sum, { record }) => sum + versionBytes(record), batchBytes(stored))
    if (accepted.some(({ facts }) => !knowledge.current.has(facts.id))) {
      const owner = await ownerOf(environment, batch.zone)
      if (owner) await requireRoom(environment, owner, bytes)
    }
    const commit: Commit = {
      zone: batch.zone,
      expected: head,
      head: after,
      addedBytes: bytes,
      versions,
      steps,
      batches: [stored],
    }
    if ((await engines.zones.commit(commit)) === 'moved') return undefined
    await announce(environment, { head: answered.head, news: newsOf(head, versions, stored) })
  }
  for (const { outcome } of answered.outcomes) observer.pushed(outcome, 1)
  return answered
}

/** What the zone knows of the batch's records and chunks. */
async function learn({ engines, crypto }: Environment, { zone, pushed }: Batch) {
  const stored = await engines.zones.current(
    zone,
    pushed.map(({ facts }) => facts.id),
  )
  const current = new Map<RecordId, Known>()
  for (const [id, { sequence, facts, leaf }] of stored) {
    current.set(id, { sequence, vector: decodeFacts(facts).vector, leaf })
  }
  const earlier = new Map<Digest, number>()
  for (const { facts, leaf } of pushed) {
    const known = current.get(facts.id)
    if (!known || known.leaf === leaf) continue
    const found = await engines.zones.find(zone, facts.id, leaf)
    if (found) earlier.set(leaf, found.sequence)
  }
  const refs = pushed.map(({ sealed }) => sealed.refs)
  const missing: ReadonlyMap<number, readonly ChunkId[]> = await lackingChunks(engines, crypto, zone, refs)
  return { current, earlier, missing }
}

/** New records take the next sequence numbers, in order. */
function outcomesOf(decisions: readonly Decision[], sequence: number): StoredOutcome[] {
  let next = sequence
  return decisions.map((decision) => outcomeOf(decision, () => ++next))
}

function outcomeOf(decision: Decision, nextSequence: () => number): StoredOutcome {
  switch (decision.kind) {
    case 'new':
      return { kind: 'accepted', sequence: nextSequence() }
    case 'repeat':
      return { kind: 'accepted', sequence: decision.sequence }
    case 'stale':
      return { kind: 'stale', sequence: decision.sequence }
    case 'missing':
      return { kind: 'missing', chunks: decision.chunks }
    case 'group':
      return { kind: 'group' }
  }
}

function storedBatch(batch: Batch, answer: StoredAnswer, sequence: number): StoredBatch {
  const leaves = new Uint8Array(32 * batch.pushed.length)
  batch.pushed.forEach(({ leaf }, index) => {
    leaves.set(idBytes(leaf), 32 * index)
  })
  const id: BatchId = batch.header.batch
  return { id, signed: batch.request.batch, leaves, outcome: encodeAnswer(answer), sequence }
}

/** The answer with the stored records that stale ones are answered with, bounded like a page (SRV-37). */
async function response(
  { engines }: Environment,
  batch: Batch,
  { outcomes, head }: StoredAnswer,
): Promise<PushResponse> {
  const full: PushOutcome[] = []
  let bytes = 0
  for (const [index, outcome] of outcomes.entries()) {
    switch (outcome.kind) {
      case 'accepted':
        full.push({ outcome: 'accepted', sequence: outcome.sequence })
        break
      case 'missing':
        full.push({ outcome: 'missing', chunks: [...outcome.chunks] })
        break
      case 'group':
        full.push({ outcome: 'group' })
        break
      case 'stale': {
        const found = await storedFor(engines.zones, batch, index, outcome.sequence)
        const { facts, seal, refs } = found.record
        bytes += wireBytes(found.record)
        const current = { facts, seal, refs: { depth: refs.depth, ids: [...refs.ids] } }
        full.push({ outcome: 'stale', current, sequence: found.sequence })
      }
    }
  }
  if (bytes > PAGE_MAX_BYTES) {
    throw new Problem(
      'body-too-large',
      `the answer would hold ${bytes} bytes of newer records: read the zone's changes first, or push fewer at once`,
    )
  }
  return { outcomes: full, head }
}

/** The version of that sequence or, when it has left the history, the record's current one. */
async function storedFor(
  zones: Environment['engines']['zones'],
  { zone, pushed }: Batch,
  index: number,
  sequence: number,
): Promise<StoredVersion> {
  const { id } = pushed[index]!.facts
  const found =
    (await zones.version(zone, sequence)) ??
    (await zones.history(zone, id, Number.MAX_SAFE_INTEGER, 1, PAGE_MAX_BYTES))[0]
  if (!found) throw new Error(`zone ${zone} has a head for record ${id} and no version`)
  return found
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}
