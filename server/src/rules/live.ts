/** Listening to a zone (SRV-60 to SRV-64). */
import { encodeMessage } from '@pileus/core/protocol/codec'
import { zoneTopic } from './announce.ts'
import type { LiveAnswer, ZoneCall } from './call.ts'
import { notFound } from './not-found.ts'
import { notSignedIn } from './sessions.ts'
import { shownHead } from './zone-head.ts'

/** GET /api/v1/zones/:zone/live, by a member, whose right is looked at again with every heartbeat. */
export async function listen({ environment, zone, principal }: ZoneCall<'live'>): Promise<LiveAnswer> {
  const { accounts, zones, live } = environment.engines
  return {
    device: principal.device,
    subscribe: (listener, missed) => live.subscribe(zoneTopic(zone), listener, missed),
    async heartbeat() {
      const found = await accounts.session(principal.tokenHash)
      if (!found || found.deviceRemoved || found.session.expiresAt <= environment.clock()) throw notSignedIn()
      const head = await zones.head(zone)
      if (!head || !(await accounts.membership(zone, principal.account))) throw notFound()
      return encodeMessage({ head: shownHead(zone, head), news: null }, 'cbor')
    },
  }
}
