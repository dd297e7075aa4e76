/** Reading a zone: what changed after a cursor, the history of a record, the steps of all (SRV-20 to SRV-25, SRV-65). */
import type { BatchId } from '@pileus/core/ids/ids'
import { PAGE_MAX_BYTES, PAGE_MAX_RECORDS, STEPS_PAGE_MAX } from '@pileus/core/limits'
import type { BatchProof, ChangesPage, HistoryPage, StepsPage } from '@pileus/core/protocol/changes'
import { encodeSteps } from '@pileus/core/records/figure'
import type { SealedRecord } from '@pileus/core/records/sealed'
import type { Head, StoredVersion } from '../zones/zones.ts'
import type { ZoneCall } from './call.ts'
import { chainAt, requireKnownPlace, unknownPlace } from './known-place.ts'
import { notFound } from './not-found.ts'
import { shownHead } from './zone-head.ts'

/** GET /api/v1/zones/:zone/changes. Throws Problem 'cursor-unknown'. */
export async function readChanges(call: ZoneCall<'changes'>): Promise<ChangesPage> {
  const { environment, zone, query } = call
  const { zones } = environment.engines
  const after = numberOf(query.after) ?? 0
  const limit = Math.min(Math.max(1, numberOf(query.limit) ?? PAGE_MAX_RECORDS), PAGE_MAX_RECORDS)
  const page = await zones.changes(zone, after, limit, PAGE_MAX_BYTES)
  if (!page) throw notFound()
  await requireKnownCursor(call, page.head, after)
  await noteProgress(call, page.head, after)
  const { versions, batches, cut } = await withProofs(call, page.versions)
  const more = page.more || cut
  const last = versions.at(-1)?.sequence ?? after
  const sequence = more ? last : page.head.sequence
  const { incarnation } = page.head
  const chain = sequence === page.head.sequence ? page.head.chain : await chainAt(environment, zone, sequence)
  return {
    changes: versions.map(({ sequence, record, batch, leafIndex }) => {
      return { sequence, record: messageOf(record), batch, leaf: leafIndex }
    }),
    batches,
    cursor: { incarnation, sequence, chain },
    more,
    head: shownHead(zone, page.head),
  }
}

/** GET /api/v1/zones/:zone/records/:record/history. */
export async function readHistory(call: ZoneCall<'history'>): Promise<HistoryPage> {
  const { environment, zone, params, query } = call
  const before = numberOf(query.before) ?? Number.MAX_SAFE_INTEGER
  const { zones } = environment.engines
  const found = await zones.history(zone, params.record, before, PAGE_MAX_RECORDS, PAGE_MAX_BYTES)
  const { versions, batches } = await withProofs(call, found)
  const last = versions.at(-1)
  const older = last ? await zones.history(zone, params.record, last.sequence, 1, 1) : []
  return {
    versions: versions.map(({ sequence, record, batch, leafIndex, storedAt }) => ({
      sequence,
      record: messageOf(record),
      batch,
      leaf: leafIndex,
      storedAt: new Date(storedAt).toISOString(),
    })),
    batches,
    next: last && older.length > 0 ? last.sequence : null,
  }
}

/** SRV-21 and SRV-22: without a chain, only what can be told from numbers. */
async function requireKnownCursor(call: ZoneCall<'changes'>, head: Head, after: number): Promise<void> {
  const { environment, zone, query, principal } = call
  const incarnation = numberOf(query.incarnation)
  if (incarnation !== undefined && incarnation !== head.incarnation) throw unknownPlace(head)
  if (after < head.floor) throw unknownPlace(head)
  if (query.chain === undefined || incarnation === undefined) {
    const fits =
      after <= head.sequence &&
      (query.chain === undefined || query.chain === (await chainAt(environment, zone, after)))
    if (fits) return
    throw unknownPlace(head)
  }
  const place = { incarnation, sequence: after, chain: query.chain }
  await requireKnownPlace(environment, zone, head, place, principal.account)
}

/** The cursor a device shows is what it has applied: tombstones may go once every device has passed them. */
async function noteProgress(call: ZoneCall<'changes'>, head: Head, sequence: number): Promise<void> {
  const { environment, zone, principal } = call
  if (principal.kind !== 'device') return
  const { zones } = environment.engines
  const { incarnation } = head
  const known = await zones.syncState(zone, principal.device)
  if (known?.incarnation === incarnation && known.sequence >= sequence) return
  await zones.setSyncState(zone, principal.device, { incarnation, sequence, at: environment.clock() })
}

/** The versions whose proofs fit on the page with them, and those proofs, each batch once. */
async function withProofs(
  { environment, zone }: ZoneCall<'changes'> | ZoneCall<'history'>,
  versions: readonly StoredVersion[],
): Promise<{ versions: StoredVersion[]; batches: BatchProof[]; cut: boolean }> {
  const fitting: StoredVersion[] = []
  const proofs = new Map<BatchId, BatchProof>()
  let bytes = 0
  for (const version of versions) {
    if (!proofs.has(version.batch)) {
      const batch = await environment.engines.zones.batch(zone, version.batch)
      if (!batch) throw new Error(`zone ${zone} has a version of batch ${version.batch} and not the batch`)
      bytes += batch.leaves.length + batch.signed.header.length
      if (bytes > PAGE_MAX_BYTES / 2 && fitting.length > 0)
        return { versions: fitting, batches: [...proofs.values()], cut: true }
      proofs.set(version.batch, { id: batch.id, signed: batch.signed, leaves: batch.leaves })
    }
    fitting.push(version)
  }
  return { versions: fitting, batches: [...proofs.values()], cut: false }
}

/** GET /api/v1/zones/:zone/steps. Throws Problem 'cursor-unknown' for sequence numbers the zone does not have. */
export async function readSteps(call: ZoneCall<'steps'>): Promise<StepsPage> {
  const { environment, zone, query } = call
  const { zones } = environment.engines
  const head = await zones.head(zone)
  if (!head) throw notFound()
  const after = Number(query.after)
  const to = Number(query.to)
  const known = Number(query.incarnation) === head.incarnation && to <= head.sequence && after <= to
  if (!known) throw unknownPlace(head)
  return { steps: encodeSteps(await zones.steps(zone, after, to, STEPS_PAGE_MAX)) }
}

/** A sealed record as it travels. */
export function messageOf({ facts, seal, refs }: SealedRecord) {
  return { facts, seal, refs: { depth: refs.depth, ids: [...refs.ids] } }
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Math.min(Number(text), Number.MAX_SAFE_INTEGER)
}
