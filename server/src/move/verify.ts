/** Whether a target holds what its source holds: compared row by row, and the hashes made anew from the target's own rows. */
import { nodeCrypto } from '@pileus/core/crypto/node'
import type { ZoneId } from '@pileus/core/ids/ids'
import type { Accounts, WholeAccount } from '../accounts/accounts.ts'
import type { Engines } from '../rules/environment.ts'
import { accountIds } from './copy-accounts.ts'
import { requireSame } from './same.ts'
import { compareLog, compareRecords, compareSteps } from './verify-zone.ts'

const PACKS_LISTED = 500

/** Throws MoveStopped, naming what differs. `compared` is told of bytes as they are found equal. */
export async function verifyZone(
  from: Engines,
  to: Engines,
  zone: ZoneId,
  compared: (bytes: number) => void,
): Promise<void> {
  const head = (await from.zones.head(zone))!
  await compareLog(nodeCrypto, from.zones, to.zones, zone, head)
  await compareSteps(nodeCrypto, from.zones, to.zones, zone, head)
  await compareRecords(nodeCrypto, from.zones, to.zones, zone, head)
  await comparePacks(from, to, zone)
  requireSame(await to.zones.head(zone), head, `the head of zone ${zone}`)
  compared(head.storedBytes)
}

/** The content of chunks was checked when it was copied; here that the objects are there, and as long as they should be. */
async function comparePacks(from: Engines, to: Engines, zone: ZoneId): Promise<void> {
  const lastByte = new Uint8Array(1)
  for (let last = null; ; ) {
    const packs = await from.zones.origin.packs(zone, last, PACKS_LISTED)
    for (const { id, chunks, storedBytes } of packs) {
      requireSame(await to.zones.pack(zone, id), { chunks, storedBytes }, `pack ${id} of zone ${zone}`)
      await to.blobs.read({ zone, object: id }, storedBytes - 1, lastByte)
    }
    last = packs.at(-1)?.id ?? null
    if (last === null || packs.length < PACKS_LISTED) return
  }
}

/** Throws MoveStopped, naming the account that differs. */
export async function verifyAccounts(from: Accounts, to: Accounts): Promise<void> {
  let count = 0
  for await (const id of accountIds(from)) {
    const [there, here] = [await from.whole(id), await to.whole(id)]
    requireSame(here && lasting(here, here), there && lasting(there, here), `account ${id}`)
    count++
  }
  for await (const _ of accountIds(to)) count--
  requireSame(count, 0, 'the number of accounts')
}

/** Without what a source that is still read goes on to note: when a device was seen, and logins since. */
function lasting(whole: WholeAccount, copied: WholeAccount | undefined): unknown {
  return {
    account: whole.account,
    devices: whole.devices.map((device) => ({ ...device, lastSeenAt: null })),
    memberships: whole.memberships,
    events: whole.events.slice(0, copied?.events.length),
  }
}
