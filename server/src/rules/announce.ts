/** Announcements: a zone's new head, to whoever listens on any server process. They may be lost. */
import { encodeMessage } from '@pileus/core/protocol/codec'
import type { ZoneHead } from '@pileus/core/protocol/zone'
import type { Environment } from './environment.ts'

/** The live topic of a zone. */
export function zoneTopic(zone: string): string {
  return `zone:${zone}`
}

/** Publishes the head as CBOR. A failure is reported: devices catch up by cursor. */
export async function announce({ engines, observer }: Environment, head: ZoneHead): Promise<void> {
  try {
    await engines.live.publish(zoneTopic(head.zone), encodeMessage(head, 'cbor'))
  } catch (error) {
    observer.failed('announce', error)
  }
}
