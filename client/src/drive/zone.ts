/** The drive's zone on a signed-in device: its log, its keys, and who may write to it. */
import type { DeviceId, ZoneId } from '@pileus/core/ids/ids'
import type { CertifiedDevice } from '@pileus/core/keys/device'
import { KeyRefused } from '@pileus/core/keys/refused'
import { logHead } from '@pileus/core/keys/zone-log'
import { endedAt } from '@pileus/core/keys/zone-writers'
import { BatchRefused } from '@pileus/core/records/refused'
import { AccountRefused, type SignedIn } from '../account/account.ts'
import { certifiedWriters, verifyChanges } from '../account/verified.ts'
import { type OpenZone, openZone } from '../account/zone.ts'
import type { DriveZone } from './context.ts'

/** Opens the zone. Rejects with LogRefused, KeyRefused, AccountRefused, Problem or Unreachable. */
export async function openDriveZone(signed: SignedIn, zone: ZoneId): Promise<DriveZone> {
  const { context, calls } = signed
  let open: OpenZone = await openZone(signed, zone)
  let writers = await readWriters()

  async function readWriters(): Promise<ReadonlyMap<DeviceId, CertifiedDevice>> {
    const answer = await calls.call('writers', { params: { zone } })
    return certifiedWriters(context.crypto, open.state, answer.writers)
  }

  async function refresh(): Promise<void> {
    open = await openZone(signed, zone, open.state)
    writers = await readWriters()
  }

  return {
    zone,
    get logHead() {
      return logHead(open.state)
    },
    get logHeads() {
      return open.state.heads
    },
    get endedAt() {
      return endedAt(open.state)
    },
    get epoch() {
      return open.epoch
    },
    keysOf: (epoch) => open.keysOf(epoch),
    refresh,
    async verify(page) {
      try {
        return verifyChanges(context.crypto, open.state, writers, page)
      } catch (error) {
        const mayBeNew =
          error instanceof AccountRefused || error instanceof BatchRefused || error instanceof KeyRefused
        if (!mayBeNew) throw error
        // A device or log entry that came after this one looked.
        await refresh()
        return verifyChanges(context.crypto, open.state, writers, page)
      }
    },
  }
}
