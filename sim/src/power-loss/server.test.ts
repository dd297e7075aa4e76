/**
 * Power loss under the server: whatever it acknowledged is there afterwards, whenever the power went, although nothing
 * survives that was not synced. Blobs and the data folder are recorded; of SQLite's files `database.test.ts` checks the
 * settings that make a commit durable.
 */
import { randomBytes } from 'node:crypto'
import type * as FileCalls from 'node:fs'
import type * as FilePromises from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Survival } from '@pileus/client/files/memory-disk'
import { encodePack, packId } from '@pileus/core/content/pack'
import { nodeCrypto } from '@pileus/core/crypto/node'
import { idFromBytes } from '@pileus/core/ids/ids'
import { memoryAccounts } from '@pileus/server/accounts/memory'
import { type BlobKey, BlobMissing } from '@pileus/server/blobs/blobs'
import { fileBlobs } from '@pileus/server/blobs/files'
import { openDataFolder } from '@pileus/server/data-folder'
import { memoryLive } from '@pileus/server/live/memory'
import { storePack } from '@pileus/server/packs/upload'
import { memoryZones } from '@pileus/server/zones/memory'
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { chanceOf } from '../world/random.ts'
import type { RecordedDisk } from './recorded-disk.ts'

const { recorded } = vi.hoisted(() => ({ recorded: {} as { disk: RecordedDisk } }))
async function theDisk(): Promise<RecordedDisk> {
  recorded.disk ??= new (await import('./recorded-disk.ts')).RecordedDisk()
  return recorded.disk
}
vi.mock('node:fs/promises', async (original) =>
  (await theDisk()).promises(await original<typeof FilePromises>()),
)
vi.mock('node:fs', async (original) => (await theDisk()).calls(await original<typeof FileCalls>()))

const fs = await vi.importActual<typeof FileCalls>('node:fs')
const disk = await theDisk()
const place = fs.mkdtempSync(join(tmpdir(), 'pileus-power-'))
afterAll(() => fs.rmSync(place, { recursive: true }))
let places = 0
let root: string
beforeEach(() => {
  root = join(place, String(++places))
  fs.mkdirSync(root)
  disk.start(root)
})

/** Everything unsynced gone; and some of it there, whole or torn. */
function survivals(seed: number): Survival[] {
  return ['none', chanceOf(seed).fraction]
}

/** What a loss of power after so many changes leaves, as a folder of its own. */
function restored(length: number, survival: Survival): string {
  const folder = join(place, String(++places))
  fs.mkdirSync(folder)
  const { folders, files } = disk.after(length, survival)
  for (const path of folders) fs.mkdirSync(join(folder, path))
  for (const [path, bytes] of files) fs.writeFileSync(join(folder, path), bytes)
  return folder
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

describe('after a loss of power', { timeout: 120_000 }, () => {
  it('every object whose put resolved is there, and no object is there in part, whenever it came', async () => {
    const data = await openDataFolder(join(root, 'data'))
    const opened = disk.length
    const blobs = await fileBlobs(data.blobs)
    const zones = [1, 2].map(() => randomBytes(32).toString('hex'))
    const objects = Array.from({ length: 8 }, (_, n) => ({
      key: { zone: zones[n % 2]!, object: randomBytes(32).toString('hex') } as BlobKey,
      bytes: randomBytes(n === 3 ? 1_500_000 : 100 + n),
      put: Number.POSITIVE_INFINITY,
      removal: Number.POSITIVE_INFINITY,
      removed: Number.POSITIVE_INFINITY,
    }))
    const put = async (one: (typeof objects)[number]) => {
      await blobs.put(one.key, pieces(one.bytes, 700_000))
      one.put = disk.length
    }
    for (const one of objects.slice(0, 4)) await put(one)
    await Promise.all(objects.slice(4).map(put))
    const gone = objects[6]!
    gone.removal = disk.length
    await blobs.remove(gone.key)
    gone.removed = disk.length
    data.unlock()

    expect(disk.length).toBeGreaterThan(50)
    for (let length = opened; length <= disk.length; length++) {
      for (const survival of survivals(length)) {
        const folder = restored(length, survival)
        expect(fs.readFileSync(join(folder, 'data/opaque-setup'), 'utf8').trim()).toBe(data.opaqueSetup)
        const after = await fileBlobs(join(folder, 'data/blobs'))
        for (const { key, bytes, put, removal, removed } of objects) {
          const into = new Uint8Array(bytes.length)
          const found = await after.read(key, 0, into).then(
            () => 'there',
            (error) => {
              if (error instanceof BlobMissing) return 'missing'
              throw error
            },
          )
          if (found === 'there') expect(Buffer.compare(into, bytes)).toBe(0)
          const what = `object ${objects.findIndex((one) => one.key === key)} after ${length} changes`
          if (put <= length && removal >= length) expect([what, found]).toEqual([what, 'there'])
          if (removed <= length) expect([what, found]).toEqual([what, 'missing'])
        }
        fs.rmSync(folder, { recursive: true })
      }
    }
  })

  it('no chunk is in the index that is not on the disk: a pack is durable before it is indexed', async () => {
    const blobs = await fileBlobs(join(root, 'blobs'))
    const zone = idFromBytes('zone', randomBytes(32))
    const zones = memoryZones()
    const engines = { accounts: memoryAccounts(), live: memoryLive(() => 0), blobs, zones }
    const chunks = [1, 2, 3].map((n) => {
      const bytes = new Uint8Array(randomBytes(n * 1_000))
      return { id: idFromBytes('chunk', nodeCrypto.sha256(bytes)), bytes }
    })
    const pack = packId(
      nodeCrypto,
      chunks.map(({ id }) => id),
    )
    const whole = Buffer.concat(encodePack(chunks))
    let indexedAt = -1
    const addPack: typeof zones.addPack = async () => {
      indexedAt = disk.length
      return true
    }
    await storePack({ ...engines, zones: { ...zones, addPack } }, nodeCrypto, zone, pack, pieces(whole, 900))
    expect(indexedAt).toBeGreaterThan(0)
    const after = await fileBlobs(join(restored(indexedAt, 'none'), 'blobs'))
    const into = new Uint8Array(whole.length)
    await after.read({ zone, object: pack }, 0, into)
    expect(Buffer.compare(into, whole)).toBe(0)
  })

  it('the recorder itself loses what was not synced', async () => {
    const promises = await import('node:fs/promises')
    const file = await promises.open(join(root, 'unsynced'), 'wx')
    await file.write(Buffer.from('lost'))
    await file.close()
    expect(disk.after(disk.length, 'none').files.size).toBe(0)
    expect(disk.after(disk.length, 'all').files.get('unsynced')).toEqual(new Uint8Array(Buffer.from('lost')))
  })
})
