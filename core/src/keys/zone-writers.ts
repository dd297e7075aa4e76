/** Whether a batch could be written by whoever signed it, at the log head it names and the place it has. */
import type { Crypto } from '../crypto/crypto.ts'
import type { AccountId, DeviceId, Digest } from '../ids/ids.ts'
import { type CertifiedDevice, openCertificate, readCertificate } from './device.ts'
import { KeyRefused } from './refused.ts'
import { deviceKey, type ZoneState } from './zone-log.ts'

/**
 * The device of a certificate that an identity in this log signed: of a member, or of a former one whose
 * batches are still read. Throws KeyRefused. Whether it may write is for `judgeWrite` to say.
 */
export function deviceInZone(crypto: Crypto, state: ZoneState, certificate: Uint8Array): CertifiedDevice {
  const { account, device } = readCertificate(crypto, certificate)
  const terms = state.terms.get(account) ?? []
  for (const { identity } of terms) {
    try {
      return openCertificate(crypto, certificate, identity.signingKey)
    } catch (error) {
      if (!(error instanceof KeyRefused)) throw error
    }
  }
  throw new KeyRefused(
    'bad-signature',
    `no identity of account ${account} in the log of zone ${state.zone} vouches for device ${device}`,
  )
}

/** A batch as it claims to stand in a zone. */
export interface WriteClaim {
  /** Whose certificate the device holds. */
  readonly account: AccountId
  readonly device: DeviceId
  /** The log head and key epoch in the batch's header. */
  readonly logHead: Digest
  readonly epoch: number
  /** The sequence number the server gave the record, or is about to give. */
  readonly sequence: number
}

export type WriteVerdict =
  | 'allowed'
  /** No entry of this log has that hash. */
  | 'unknown-head'
  /** Not a manager or writer at that head. */
  | 'not-a-writer'
  /** Later than the removal or change of role of this account or device: backdated, or a forbidden write. */
  | 'removed'
  /** Names a head from before a removal, but stands after it. */
  | 'stale-head'
  /** A removal asks for a new epoch first. */
  | 'epoch-due'
  /** Not the key epoch of that head. */
  | 'wrong-epoch'

/**
 * Judges a batch by the log (KEY-18). `state` is the newest known: entries after the batch's head count where
 * they end what its writer was allowed. The server asks before it commits, every reader asks again.
 */
export function judgeWrite(state: ZoneState, claim: WriteClaim): WriteVerdict {
  const at = state.heads.lastIndexOf(claim.logHead)
  if (at < 0) return 'unknown-head'
  const term = state.terms
    .get(claim.account)
    ?.find((one) => one.from <= at && (one.until === null || at < one.until.index))
  if (!term || term.role === 'reader') return wasRemoved(state, claim, at) ? 'removed' : 'not-a-writer'
  if (endedBefore(state, claim, at)) return 'removed'
  const gone = state.removedDevices.get(deviceKey(claim.account, claim.device))
  if (gone && (at >= gone.index || claim.sequence > gone.atSequence)) return 'removed'
  const overtaken = state.removals.some(
    (removal) => removal.byManager && removal.index > at && claim.sequence > removal.atSequence,
  )
  if (overtaken) return 'stale-head'
  const epoch = state.epochs.findLast((one) => one.from <= at)!
  const due = state.removals.some(
    (removal) => removal.byManager && removal.index <= at && removal.index > epoch.from,
  )
  if (due) return 'epoch-due'
  return epoch.epoch === claim.epoch ? 'allowed' : 'wrong-epoch'
}

/** The highest sequence number at which the log ends a right; 0 when it ends none. The zone must have got there (SRV-28). */
export function endedAt(state: ZoneState): number {
  let highest = 0
  for (const terms of state.terms.values())
    for (const { until } of terms) highest = Math.max(highest, until?.atSequence ?? 0)
  for (const { atSequence } of state.removedDevices.values()) highest = Math.max(highest, atSequence)
  return highest
}

/** Whether a right to write that the account had at that head or later ended before the claimed place. */
function endedBefore(state: ZoneState, claim: WriteClaim, at: number): boolean {
  const terms = state.terms.get(claim.account) ?? []
  return terms.some(({ role, until }, i) => {
    if (role === 'reader' || until === null || until.index <= at) return false
    const next = terms[i + 1]
    // A change between two writing roles takes nothing away.
    const goesOn = next?.from === until.index && next.role !== 'reader'
    return !goesOn && claim.sequence > until.atSequence
  })
}

function wasRemoved(state: ZoneState, claim: WriteClaim, at: number): boolean {
  return (
    state.terms.get(claim.account)?.some((term) => term.until !== null && term.until.index <= at) ?? false
  )
}
