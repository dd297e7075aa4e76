/** What the server's history holds, read as a device would that restores something. */
import { nodeCrypto } from '@pileus/core/crypto/node'
import { openRecord } from '@pileus/core/records/seal'
import type { World } from '../world/world.ts'
import { sha256Of } from './scene.ts'

/** Whether this content is a version of some record, current or not, whose chunks the server still has. */
export async function isInHistory(world: World, text: string): Promise<boolean> {
  const { remote, zone } = await world.reader()
  const page = await remote.changes(zone.zone, null)
  if (page.more) throw new Error('a scenario has fewer records than a page')
  for (const { record } of page.changes) {
    const { id } = openRecord(nodeCrypto, zone.keysOf, zone.zone, record)
    const { versions } = await remote.history(zone.zone, id)
    for (const { record: version } of versions) {
      const { content } = openRecord(nodeCrypto, zone.keysOf, zone.zone, version).body
      if (content?.type !== 'chunks' || content.hash !== sha256Of(text)) continue
      const { missing } = await remote.missing(zone.zone, version.refs.ids)
      if (missing.length === 0) return true
    }
  }
  return false
}
