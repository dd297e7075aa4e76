/**
 * Quota (SRV-50): an account pays for all that its own zones store, history included. What is stored is counted
 * in the zones' heads, by the same step that stores it, so the sum never drifts.
 */
import type { AccountId, ZoneId } from '@pileus/core/ids/ids'
import { Problem } from '@pileus/core/protocol/problem'
import type { Environment } from './environment.ts'

/** A reservation outlives any upload, and ends when a server died with it. */
const RESERVATION_SECONDS = 3_600

/** Who pays for a zone; undefined while the account is only being made. */
export async function ownerOf({ engines }: Environment, zone: ZoneId): Promise<AccountId | undefined> {
  const members = await engines.accounts.membersOf(zone)
  return members.find((member) => member.role === 'owner')?.account
}

/** Bytes stored in the zones that this account owns. */
export async function usedBytes({ engines }: Environment, account: AccountId): Promise<number> {
  let used = 0
  for (const { zone, role } of await engines.accounts.zonesOf(account)) {
    if (role === 'owner') used += (await engines.zones.head(zone))?.storedBytes ?? 0
  }
  return used
}

/**
 * Holds room for bytes that are about to come, runs `work`, and lets the room go: what `work` stored is then counted
 * by its zone. While both count, an account close to its quota may be refused a little early, never late.
 * Throws Problem 'quota-exceeded'.
 */
export async function withRoom<T>(
  environment: Environment,
  account: AccountId,
  key: string,
  bytes: number,
  work: () => Promise<T>,
): Promise<T> {
  const { engines, clock } = environment
  const now = clock()
  const expiresAt = now + RESERVATION_SECONDS * 1_000
  const reserved = await engines.accounts.reserve({ key, account, bytes, expiresAt }, now)
  try {
    await requireRoom(environment, account, reserved)
    return await work()
  } finally {
    await engines.accounts.release(key)
  }
}

/** Throws Problem 'quota-exceeded' when the account has no room for this many more bytes. */
export async function requireRoom(
  environment: Environment,
  account: AccountId,
  bytes: number,
): Promise<void> {
  const quota = (await environment.engines.accounts.byId(account))?.quotaBytes ?? 0
  const used = await usedBytes(environment, account)
  if (used + bytes <= quota) return
  throw new Problem(
    'quota-exceeded',
    `the account has no room left: ${count(used)} of ${count(quota)} bytes are used, and ${count(bytes)} more do not ` +
      'fit; take out of the folder what does not fit, or ask whoever runs the server for more room',
  )
}

function count(bytes: number): string {
  return bytes.toLocaleString('en-US')
}
