/** What must hold when everything is at rest (sync.md, oracles a, b, f). They know nothing of the code's rules. */
import { nodeCrypto } from '@pileus/core/crypto/node'
import type { RecordId } from '@pileus/core/ids/ids'
import { openRecord } from '@pileus/core/records/seal'
import { diskTree, type Seen } from '../world/disk-tree.ts'
import type { World } from '../world/world.ts'
import type { Ledger } from './ledger.ts'

/** (a) Every device shows the same. */
export function checkConverged(world: World): void {
  const [first, ...others] = world.devices
  const expected = diskTree(first!.files)
  for (const device of others) {
    const difference = differenceOf(expected, diskTree(device.files))
    if (difference) throw new Error(`${first!.name} and ${device.name} differ: ${difference}`)
  }
}

/** (b) Whatever was saved is there, or in history, or was given up knowingly. */
export async function checkNothingLost(world: World, ledger: Ledger): Promise<void> {
  const retrievable = new Set<string>()
  for (const { files } of world.devices) {
    for (const seen of diskTree(files).values()) if (seen.kind === 'file') retrievable.add(seen.hash)
  }
  for (const hash of await hashesInHistory(world)) retrievable.add(hash)
  const lost = ledger.missing(retrievable)
  if (lost.length > 0) throw new Error(`saved and nowhere to be found: ${lost.join(', ')}`)
}

/** (f) One more sync does nothing, even when it looks at everything. */
export async function checkQuiet(world: World): Promise<void> {
  for (const device of world.devices) {
    const before = device.files.changes
    const report = await world.sync(device, { everything: true })
    const { pushed, pulled, applied } = report
    if (pushed + pulled + applied > 0)
      throw new Error(`a sync at rest did something: ${JSON.stringify(report)}`)
    if (device.files.changes !== before) throw new Error('a sync at rest changed the disk')
  }
}

async function hashesInHistory(world: World): Promise<Set<string>> {
  const { remote, zone } = await world.reader()
  const hashes = new Set<string>()
  const records = new Set<RecordId>()
  for (let cursor: Parameters<typeof remote.changes>[1] = null; ; ) {
    const page = await remote.changes(zone.zone, cursor)
    for (const { record } of page.changes)
      records.add(openRecord(nodeCrypto, zone.keysOf, zone.zone, record).id)
    cursor = page.cursor
    if (!page.more) break
  }
  for (const id of records) {
    let before: number | undefined
    do {
      const page = await remote.history(zone.zone, id, before)
      for (const { record } of page.versions) {
        const { content } = openRecord(nodeCrypto, zone.keysOf, zone.zone, record).body
        if (content?.type === 'chunks') hashes.add(content.hash)
      }
      before = page.next ?? undefined
    } while (before !== undefined)
  }
  return hashes
}

function differenceOf(a: ReadonlyMap<string, Seen>, b: ReadonlyMap<string, Seen>): string | null {
  for (const [path, seen] of a) {
    const other = b.get(path)
    if (JSON.stringify(seen) !== JSON.stringify(other)) {
      return `${JSON.stringify(path)} is ${JSON.stringify(seen)} and ${JSON.stringify(other ?? null)}`
    }
  }
  for (const path of b.keys()) if (!a.has(path)) return `${JSON.stringify(path)} is only on the second`
  return null
}
