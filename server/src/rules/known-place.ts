/** Whether the zone's history has a place that a device says it read to (SRV-21). */
import type { AccountId, Digest, ZoneId } from '@pileus/core/ids/ids'
import { Problem } from '@pileus/core/protocol/problem'
import { firstChain, type Place } from '@pileus/core/records/figure'
import type { Head } from '../zones/zones.ts'
import { audit } from './audit.ts'
import type { Environment } from './environment.ts'

/**
 * Throws Problem 'cursor-unknown' for another incarnation, and for a place that the zone never had in this one: that
 * proves that the server was set back to an earlier state. The incarnation is raised, so that every device reads the
 * zone again and pushes what the server lost.
 */
export async function requireKnownPlace(
  environment: Environment,
  zone: ZoneId,
  head: Head,
  place: Place,
  account: AccountId,
): Promise<void> {
  const { incarnation, sequence, chain } = place
  if (incarnation !== head.incarnation) throw unknownPlace(head)
  if (sequence <= head.sequence && chain === (await chainAt(environment, zone, sequence))) return
  const raised = await environment.engines.zones.raiseIncarnation(zone, head.incarnation)
  await audit(environment, { type: 'zone.cursor_ahead', account, subject: zone })
  throw unknownPlace(raised ?? head)
}

/** The chain at a sequence that the zone has. */
export async function chainAt(
  { engines, crypto }: Environment,
  zone: ZoneId,
  sequence: number,
): Promise<Digest> {
  if (sequence === 0) return firstChain(crypto, zone)
  const chain = await engines.zones.chainAt(zone, sequence)
  if (chain === undefined) throw new Error(`zone ${zone} has no chain at sequence ${sequence}`)
  return chain
}

export function unknownPlace(head: Head): Problem {
  return new Problem(
    'cursor-unknown',
    `the zone stands at sequence ${head.sequence} of incarnation ${head.incarnation}: read it again from its start`,
  )
}
