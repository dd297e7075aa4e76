/** How often one address or one account name may try what a guesser would try. */
import { Problem } from '@pileus/core/protocol/problem'
import type { Live } from '../live/live.ts'

export interface RateLimit {
  readonly count: number
  readonly seconds: number
}

export interface RateLimits {
  readonly signupPerAddress: RateLimit
  readonly loginPerAddress: RateLimit
  readonly loginPerName: RateLimit
  readonly recoveryPerAddress: RateLimit
  readonly recoveryPerName: RateLimit
  readonly challengePerAddress: RateLimit
}

export const RATE_LIMITS: RateLimits = {
  signupPerAddress: { count: 120, seconds: 3_600 },
  loginPerAddress: { count: 200, seconds: 600 },
  loginPerName: { count: 30, seconds: 600 },
  recoveryPerAddress: { count: 60, seconds: 3_600 },
  recoveryPerName: { count: 20, seconds: 3_600 },
  challengePerAddress: { count: 1_200, seconds: 60 },
}

/** Counts one try. Throws Problem 'too-many-requests', which says when to come back. */
export async function limitRate(live: Live, limit: RateLimit, what: string, who: string): Promise<void> {
  const { count, resetsInSeconds } = await live.count(`rate:${what}:${who}`, limit.seconds)
  if (count <= limit.count) return
  throw new Problem('too-many-requests', `too many attempts: try again in ${resetsInSeconds} seconds`, {
    retryAfterSeconds: resetsInSeconds,
  })
}

/** One key per home: an IPv4 address, or the first 64 bits of an IPv6 address. */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address
  if (address.startsWith('::ffff:')) return address.slice(7)
  const [before = '', after] = address.split('%', 1)[0]!.split('::')
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros = after === undefined ? [] : Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0')
  return [...head, ...zeros, ...tail].slice(0, 4).join(':')
}
