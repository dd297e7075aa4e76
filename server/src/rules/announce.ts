/** Announcements: a zone's new head and small news, to whoever listens on any server process. They may be lost. */
import { LIVE_NEWS_MAX_BYTES } from '@pileus/core/limits'
import { encodeMessage } from '@pileus/core/protocol/codec'
import type { Announcement } from '@pileus/core/protocol/live'
import { batchBytes, wireBytes } from '../zones/size.ts'
import type { Head, StoredBatch, StoredVersion } from '../zones/zones.ts'
import { messageOf } from './changes.ts'
import type { Environment } from './environment.ts'

/** The live topic of a zone. */
export function zoneTopic(zone: string): string {
  return `zone:${zone}`
}

/** Publishes the announcement as CBOR. A failure is reported: devices catch up by cursor. */
export async function announce(
  { engines, observer }: Environment,
  announcement: Announcement,
): Promise<void> {
  try {
    await engines.live.publish(zoneTopic(announcement.head.zone), encodeMessage(announcement, 'cbor'))
  } catch (error) {
    observer.failed('announce', error)
  }
}

/** What one commit on top of `before` brought; null when it is too large to be carried. */
export function newsOf(
  before: Head,
  versions: readonly StoredVersion[],
  batch: StoredBatch,
): Announcement['news'] {
  const bytes = versions.reduce((sum, { record }) => sum + wireBytes(record), batchBytes(batch))
  if (bytes > LIVE_NEWS_MAX_BYTES) return null
  const { incarnation, sequence, chain } = before
  return {
    after: { incarnation, sequence, chain },
    changes: versions.map(({ sequence, record, batch, leafIndex }) => {
      return { sequence, record: messageOf(record), batch, leaf: leafIndex }
    }),
    batches: [{ id: batch.id, signed: batch.signed, leaves: batch.leaves }],
  }
}
