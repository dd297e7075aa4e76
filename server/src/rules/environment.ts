/** All that the rules need from outside, so that a simulator can give its own. */
import type { Crypto } from '@pileus/core/crypto/crypto'
import type { Random } from '@pileus/core/crypto/random'
import type { Accounts } from '../accounts/accounts.ts'
import type { Blobs } from '../blobs/blobs.ts'
import type { Live } from '../live/live.ts'
import type { Zones } from '../zones/zones.ts'
import type { OpaqueServer } from './opaque.ts'
import type { RateLimits } from './rate-limits.ts'

export interface Engines {
  readonly accounts: Accounts
  readonly zones: Zones
  readonly blobs: Blobs
  readonly live: Live
}

/** What is counted and shown on /metrics; a simulator may ignore it. */
export interface Observer {
  pushed(outcome: 'accepted' | 'stale' | 'missing' | 'group', records: number): void
  /** Chunks that a device asked about and the zone had. */
  deduplicated(chunks: number): void
  stored(chunks: number, bytes: number): void
  /** Stored bytes of chunks that a device was told where to read. */
  directed(bytes: number): void
  /** An unexpected failure that did not fail a request. */
  failed(what: string, error: unknown): void
}

export interface Environment {
  readonly engines: Engines
  /** Milliseconds since 1970. */
  readonly clock: () => number
  readonly random: Random
  readonly crypto: Crypto
  readonly opaque: OpaqueServer
  readonly rateLimits: RateLimits
  /** A new account's room, in bytes. */
  readonly quotaBytes: number
  readonly observer: Observer
}

/** Counts nothing. */
export const SILENT_OBSERVER: Observer = {
  pushed() {},
  deduplicated() {},
  stored() {},
  directed() {},
  failed() {},
}
