/**
 * Attack class 13: a removed device and the server work together, so that it goes on writing: after its removal, or
 * as if before it. Every other device refuses its batches.
 */

import type { DeviceAccount, SignedIn } from '@pileus/client/account/account'
import { removeDevice } from '@pileus/client/account/devices'
import { openZone } from '@pileus/client/account/zone'
import { nodeCrypto } from '@pileus/core/crypto/node'
import type { ZoneId } from '@pileus/core/ids/ids'
import { idBytes } from '@pileus/core/ids/ids'
import { logHead, readLog } from '@pileus/core/keys/zone-log'
import type { PushRequest } from '@pileus/core/protocol/push'
import { readBatch } from '@pileus/core/records/batch'
import { decodeFacts } from '@pileus/core/records/facts'
import { leafOf } from '@pileus/core/records/seal'
import { advance } from '@pileus/server/rules/decide'
import { expect, it } from 'vitest'
import { type Site, setScene, signInAs } from '../scenarios/scene.ts'
import { backedUpZones } from '../scenarios/server.ts'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { aboutChanges, consistent, expectRefused, lieTo, lying } from './tampering.ts'

const kept = backedUpZones()
const home = await createHome(chanceOf(13), 4, { zones: kept.zones })
const scene = await setScene(home, 1, 4)
const [a, b, c, newcomer] = scene.sites as unknown as [Site, Site, Site, Site]
const { zone } = scene

const signIn = (device: DeviceAccount): SignedIn => signInAs(home, device)

/** What the device pushes does not arrive: it is kept. */
function intercept(site: Site): PushRequest[] {
  const pushed: PushRequest[] = []
  site.device.through = (calls) => ({
    call(name, input) {
      if (name !== 'push') return calls.call(name, input)
      pushed.push((input as unknown as { body: PushRequest }).body)
      return Promise.reject(new Error('kept for later'))
    },
  })
  return pushed
}

/** Commits a batch as a server does that checks nothing. */
async function plant({ batch, records }: PushRequest, zone: ZoneId): Promise<void> {
  const head = (await kept.zones.head(zone))!
  const pushed = records.map(({ record }) => ({
    facts: decodeFacts(record.facts),
    sealed: record,
    leaf: leafOf(nodeCrypto, record),
    group: undefined,
  }))
  const { steps, head: after } = advance(nodeCrypto, head, pushed, new Map())
  const { batch: id } = readBatch(batch)
  const leaves = new Uint8Array(Buffer.concat(pushed.map(({ leaf }) => idBytes(leaf))))
  const versions = pushed.map(({ facts, sealed, leaf }, n) => {
    const { sequence } = steps[n]!
    return { sequence, id: facts.id, record: sealed, leaf, batch: id, leafIndex: n, storedAt: home.clock.now }
  })
  const stored = { id, signed: batch, leaves, outcome: new Uint8Array(), sequence: after.sequence }
  await kept.zones.commit({
    zone,
    expected: head,
    head: after,
    addedBytes: 0,
    versions,
    steps,
    batches: [stored],
  })
}

it('a batch that a device signed before its removal and the server brings out afterwards is refused', async () => {
  a.put('shared', 's')
  await scene.settle(a, b, c)
  const pushed = intercept(c)
  c.put('from the thief', 't')
  await expect(c.sync()).rejects.toThrow('kept for later')
  await removeDevice(signIn(home.accounts[0]!), c.device.account.device.id)
  await scene.settle(a, b)
  a.put('after', 'a')
  await scene.settle(a, b)
  const honest = kept.backUp()

  await plant(pushed[0]!, zone)
  for (const site of [a, b, newcomer]) await expectRefused(site, /written by a device that might not \(/)

  await kept.restore(honest)
  await scene.settle(a, b, newcomer)
  expect(newcomer.show()).toEqual({ shared: 's', after: 'a' })
  expect(a.show()).toEqual(newcomer.show())

  // Backdated: shown to somebody who reads for the first time, as if it had come before the removal.
  const fresh = scene.join(1)
  const { batch, records } = pushed[0]!
  const { batch: id } = readBatch(batch)
  const leaves = new Uint8Array(
    Buffer.concat(records.map(({ record }) => idBytes(leafOf(nodeCrypto, record)))),
  )
  const undo = lieTo(
    fresh,
    aboutChanges(zone, (page) => {
      const [first, ...rest] = page.changes
      const planted = records.map(({ record }, leaf) => ({
        sequence: first!.sequence,
        record,
        batch: id,
        leaf,
      }))
      const later = rest.map((change) => ({ ...change, sequence: change.sequence + planted.length }))
      const sequence = page.head.sequence + planted.length
      return consistent({
        ...page,
        changes: [...planted, { ...first!, sequence: first!.sequence + planted.length }, ...later],
        batches: [...page.batches, { id, signed: batch, leaves }],
        cursor: { ...page.cursor, sequence },
        head: { ...page.head, sequence },
      })
    }),
  )
  await expectRefused(fresh, /not tell the truth|might not/)
  undo()
  await scene.settle(fresh)
  expect(fresh.show()).toEqual(a.show())
})

it('a removal that was signed for a later place than the zone has reached is refused by every reader', async () => {
  const owner = signIn(home.accounts[0]!)
  const honest = kept.backUp()
  const entries: Uint8Array[] = []
  // The server says that the zone is further on, so that the removal will name a place which comes much later.
  const told = lying(owner.calls, {
    zone: (head) => (head.zone === zone ? { ...head, sequence: head.sequence + 1_000 } : head),
  })
  const calls: typeof told = {
    call(name, input) {
      const { params, body } = input as unknown as { params: { zone: string }; body: { entry: Uint8Array } }
      if (name !== 'appendLog' || params.zone !== zone) return told.call(name, input)
      entries.push(body.entry)
      return Promise.reject(new Error('taken'))
    },
  }
  await removeDevice(owner, newcomer.device.account.device.id)
  await expect(openZone({ ...owner, calls }, zone)).rejects.toThrow('taken')
  const state = readLog(nodeCrypto, [...(await kept.zones.log(zone, 0, 100)), entries[0]!], zone)
  await kept.zones.appendLog(zone, (await kept.zones.head(zone))!, entries[0]!, logHead(state))

  await expectRefused(b, /put a removal after the end of its history/)

  await kept.restore(honest)
  await scene.settle(a, b)
  expect(b.show()).toEqual(a.show())
})
