/** For tests: folders of servers with data in them, and whether two hold the same. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { nodeCrypto } from '@pileus/core/crypto/node'
import { randomId } from '@pileus/core/ids/ids'
import { leafOf } from '@pileus/core/records/seal'
import { expect } from 'vitest'
import {
  get,
  logIn,
  newChunks,
  newZone,
  type Person,
  packOf,
  pushOf,
  putPack,
  random,
  signUp,
  type TestZone,
} from '../api/fixtures.ts'
import { startServer } from '../start.ts'
import { sqliteZones } from '../zones/sqlite.ts'

/** A folder with two people, zones, records in several versions of which some were pruned, and packs. */
export async function filledFolder(folder: string): Promise<{ folder: string; ana: Person; zone: TestZone }> {
  const server = await startServer({ data: folder, port: 0 })
  const ana = await signUp(server.url, 'ana')
  await signUp(server.url, 'ben')
  await logIn(server.url, 'ana', ana.password)
  const zone = await newZone(ana)
  for (const bytes of [10, 3_000, 1_500_000]) {
    const chunks = newChunks(2, bytes)
    await putPack(ana, zone.zone, packOf(chunks))
    const push = pushOf(ana, zone, [{ chunks: chunks.map(({ id }) => id) }, {}])
    await get(server.url, 'push', { token: ana.token, message: push })
  }
  const id = randomId('record', random)
  for (const version of [1, 2, 3]) {
    const push = pushOf(ana, zone, [{ id, vector: { [ana.writer]: version } }])
    await get(server.url, 'push', { token: ana.token, message: push })
  }
  await get(server.url, 'changes', { token: ana.token, params: { zone: zone.zone } })
  // One of the two replaced versions is forgotten, the other kept.
  expect(await server.engines.zones.prune(zone.zone, Number.MAX_SAFE_INTEGER, 1)).toBe(1)
  await server.close()
  return { folder, ana, zone }
}

export async function sameInBoth(source: string, target: string): Promise<void> {
  const [from, to] = [source, target].map((folder) => sqliteZones(join(folder, 'zones.db')))
  for (const zone of await from!.list(null, 100)) {
    expect(await to!.head(zone)).toEqual(await from!.head(zone))
    const [here, there] = [await to!.changes(zone, 0, 100, 1e9), await from!.changes(zone, 0, 100, 1e9)]
    expect(here).toEqual(there)
    for (const { record, leaf } of here!.versions) expect(leafOf(nodeCrypto, record)).toBe(leaf)
  }
  expect(await to!.list(null, 100)).toHaveLength(3)
  await from!.close()
  await to!.close()
  expect(await blobNames(target)).toEqual(await blobNames(source))
}

export async function blobNames(folder: string): Promise<string[]> {
  return (await blobPaths(folder)).map((path) => path.split('/').at(-1)!).sort()
}

export async function pathOf(folder: string, name: string): Promise<string> {
  return (await blobPaths(folder)).find((path) => path.endsWith(name))!
}

async function blobPaths(folder: string): Promise<string[]> {
  const blobs = join(folder, 'blobs')
  if (!existsSync(blobs)) return []
  const files = readdirSync(blobs, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.map((entry) => join(entry.parentPath, entry.name).slice(blobs.length + 1))
}
