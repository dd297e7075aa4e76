/** All contents that can be retrieved: what lies on a disk, and every version that the server keeps. */
import type { SignedIn } from '@pileus/client/account/account'
import { openDriveZone } from '@pileus/client/drive/zone'
import { httpRemote } from '@pileus/client/remote/http'
import type { Remote } from '@pileus/client/remote/remote'
import { fetchIds, readList } from '@pileus/client/transfer/chunks'
import { openChunk } from '@pileus/core/content/chunk'
import type { RecordId } from '@pileus/core/ids/ids'
import { decodeFacts } from '@pileus/core/records/facts'
import type { Content } from '@pileus/core/records/record'
import { openRecord } from '@pileus/core/records/seal'
import { contentsOf } from '../rest.ts'
import { quickCrypto } from '../stand-ins/crypto.ts'
import type { Machine } from '../system/machine.ts'
import type { System } from '../system/system.ts'
import { contentHash } from '../world/disk-tree.ts'
import { chanceOf } from '../world/random.ts'

/** By hash: the bytes, or null where they are those that somebody saved. */
export async function findContents(system: System, reader: Machine): Promise<Map<string, Uint8Array | null>> {
  const found = new Map<string, Uint8Array | null>()
  for (const machine of system.machines)
    for (const [hash, bytes] of contentsOf(machine)) found.set(hash, bytes)
  const chance = chanceOf(system.timeline.now)
  const process = reader.inProcess(1, async (signed) => {
    for (const content of await versionsOf(system, signed)) {
      const { hash } = content
      if (found.has(hash)) continue
      const isSaved = system.contents.saved.has(hash)
      // Of those that somebody saved, one or the other is fetched: what is in history can be had again.
      const bytes = isSaved && !chance.happens(0.1) ? null : await bytesOf(system, signed, content)
      if (bytes && contentHash(bytes) !== hash)
        throw new Error(`a version in history is another than it says`)
      found.set(hash, isSaved ? null : bytes)
    }
  })
  await system.timeline.until(() => reader.process === null, 3_600_000)
  await process.ended
  system.throwIfFailed()
  return found
}

/** A seal ends in what no other seal ends in. */
const TAG_BYTES = 16

type FileContent = Extract<Content, { type: 'chunks' }>

async function versionsOf({ home, opened }: System, signed: SignedIn): Promise<FileContent[]> {
  const remote: Remote = httpRemote(signed.calls)
  const zone = await openDriveZone(signed, home.zone)
  const contentOf = (record: Parameters<typeof openRecord>[3]) => {
    const tag = Buffer.from(record.seal.subarray(-TAG_BYTES)).toString('hex')
    const known = opened.get(tag)
    if (known !== undefined) return known
    const { content } = openRecord(quickCrypto, zone.keysOf, zone.zone, record).body
    opened.set(tag, content)
    return content
  }
  const ids = new Set<RecordId>()
  for (let cursor: Parameters<Remote['changes']>[1] = null; ; ) {
    const page = await remote.changes(zone.zone, cursor)
    for (const { record } of page.changes) ids.add(decodeFacts(record.facts).id)
    cursor = page.cursor
    if (!page.more) break
  }
  const contents: FileContent[] = []
  for (const id of ids) {
    let before: number | undefined
    do {
      const page = await remote.history(zone.zone, id, before)
      for (const { record } of page.versions) {
        const content = contentOf(record)
        if (content?.type === 'chunks') contents.push(content)
      }
      before = page.next ?? undefined
    } while (before !== undefined)
  }
  return contents
}

/** What nobody saved as it is: a merge of what two saved. */
async function bytesOf({ home }: System, signed: SignedIn, content: FileContent): Promise<Uint8Array> {
  const context = {
    remote: httpRemote(signed.calls),
    crypto: quickCrypto,
    zone: home.zone,
    signal: undefined,
    progress() {},
  }
  const parts: Uint8Array[] = []
  for await (const entry of readList(context, content)) {
    const bytes = (await fetchIds(context, [entry.id])).get(entry.id)!
    if (typeof bytes === 'string') throw new Error(`a version in history cannot be read: ${bytes}`)
    parts.push(openChunk(quickCrypto, entry, bytes))
  }
  return new Uint8Array(Buffer.concat(parts))
}
