/** What an engine must do that a zone is moved away from, and onto. Run by zones.contract.ts on each. */
import { type DeviceId, idFromBytes } from '@pileus/core/ids/ids'
import { expect, it } from 'vitest'
import { EngineFenced } from '../engine-errors.ts'
import { chunkId, commitOf, digest, newHead, packId, recordId, zoneId } from './fixtures.ts'
import type { ContractSubject } from './zones.contract.ts'
import type { ZonesOrigin } from './zones.ts'

const MANY = 1_000
const MUCH = 1_000_000
const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

export function originContract({ zones, zone, head, commit }: ContractSubject): void {
  const origin = (): ZonesOrigin => zones().origin

  it('gives batches and every kept version by sequence', async () => {
    const [a, b] = [recordId(), recordId()]
    const first = await commit([{ id: a }, { id: b }], 1_000)
    const second = await commit([{ id: a, old: first.versions[0]!.leaf }], 2_000)
    const third = await commit([{ id: recordId() }], 3_000)
    const batches = [first, second, third].map((made) => made.batches[0]!)
    expect(await origin().batches(zone(), 0, 2)).toEqual(batches.slice(0, 2))
    expect(await origin().batches(zone(), 2, 2)).toEqual(batches.slice(1))
    expect(await origin().batches(zone(), 4, 2)).toEqual([])
    const versions = [...first.versions, ...second.versions, ...third.versions]
    expect(await origin().kept(zone(), 0, 4)).toEqual(versions)
    expect(await origin().kept(zone(), 1, 3)).toEqual(versions.slice(1, 3))
    expect(await zones().prune(zone(), 2_500, MANY)).toBe(1)
    expect(await origin().kept(zone(), 0, 4)).toEqual(versions.slice(1))
    expect(await origin().batches(zone(), 0, 3)).toEqual(batches)
    expect(await origin().batches(zoneId(), 0, 3)).toEqual([])
    expect(await origin().kept(zoneId(), 0, 4)).toEqual([])
  })

  it('gives the batch of which no version is kept', async () => {
    const id = recordId()
    const first = await commit([{ id }], 1_000)
    const second = await commit([{ id, old: first.versions[0]!.leaf }], 2_000)
    await zones().prune(zone(), 2_500, MANY)
    expect(await origin().batches(zone(), 0, MANY)).toEqual([first.batches[0], second.batches[0]])
  })

  it('gives packs in pages, and how far devices have read', async () => {
    const packs = [packId(), packId(), packId()].sort()
    for (const [index, pack] of packs.entries()) {
      const place = { chunk: chunkId(), pack, offset: 41, length: 7 }
      await zones().addPack(zone(), pack, 100 + index, [place])
    }
    const listed = packs.map((id, index) => ({ id, chunks: 1, storedBytes: 100 + index }))
    expect(await origin().packs(zone(), null, 2)).toEqual(listed.slice(0, 2))
    expect(await origin().packs(zone(), packs[1]!, 2)).toEqual(listed.slice(2))
    const device: DeviceId = idFromBytes('device', new Uint8Array(16).fill(7))
    await zones().setSyncState(zone(), device, { incarnation: 1, sequence: 3, at: 5 })
    expect(await origin().syncStates(zone())).toEqual(
      new Map([[device, { incarnation: 1, sequence: 3, at: 5 }]]),
    )
    expect(await origin().syncStates(zoneId())).toEqual(new Map())
  })

  it('takes no writes behind a fence, and reads go on', async () => {
    const made = await commit([{ id: recordId() }])
    const before = await head()
    await origin().fence.raise('moved')
    await origin().fence.raise('moved to there')
    expect(await origin().fence.note()).toBe('moved to there')
    const pack = packId()
    const place = { chunk: chunkId(), pack, offset: 41, length: 7 }
    const writes = [
      () => zones().commit(commitOf(zone(), before, [{ id: recordId() }])),
      () => zones().appendLog(zone(), before, Uint8Array.of(9), digest()),
      () => zones().addPack(zone(), pack, 100, [place]),
      () => zones().raiseIncarnation(zone(), 1),
      () => zones().create({ zone: zoneId(), genesis: Uint8Array.of(1), head: newHead() }),
    ]
    for (const write of writes) await expect(write()).rejects.toThrow(EngineFenced)
    expect(await head()).toEqual(before)
    expect(await zones().list(null, MANY)).toEqual([zone()])
    expect(await zones().pack(zone(), pack)).toBeUndefined()
    expect(await zones().locate(zone(), [place.chunk])).toEqual(new Map())
    expect((await zones().changes(zone(), 0, MANY, MUCH))!.versions).toEqual(made.versions)
    const device: DeviceId = idFromBytes('device', new Uint8Array(16).fill(7))
    await zones().setSyncState(zone(), device, { incarnation: 1, sequence: 1, at: 5 })
    await origin().fence.lower()
    await origin().fence.lower()
    expect(await origin().fence.note()).toBeNull()
    await commit([{ id: recordId() }])
  })

  it('is fenced between two commits, never within one, whoever writes at that moment', async () => {
    let refused = 0
    async function write(): Promise<void> {
      try {
        for (;;) {
          await zones().commit(commitOf(zone(), await head(), [{ id: recordId() }]))
          await nextTurn()
        }
      } catch (error) {
        if (!(error instanceof EngineFenced)) throw error
        refused++
      }
    }
    const writers = [write(), write(), write()]
    while ((await head()).sequence < 5) await nextTurn()
    await origin().fence.raise('moved')
    const fenced = await head()
    await Promise.all(writers)
    expect(refused).toBe(3)
    expect(await head()).toEqual(fenced)
    expect(await origin().kept(zone(), 0, fenced.sequence)).toHaveLength(fenced.sequence)
    expect(await zones().steps(zone(), 0, MANY, MANY)).toHaveLength(fenced.sequence)
  })

  it('takes commits whose earlier versions are no longer kept', async () => {
    const [a, b] = [recordId(), recordId()]
    const first = commitOf(zone(), await head(), [{ id: a }, { id: b }], 1_000)
    // The first version of `a` is gone where this came from.
    const thinned = { ...first, versions: first.versions.slice(1) }
    expect(await zones().commit(thinned)).toBe('committed')
    const second = await commit([
      { id: b, old: first.versions[1]!.leaf },
      { id: a, old: first.versions[0]!.leaf },
    ])
    expect(await zones().steps(zone(), 0, MANY, MANY)).toEqual([...first.steps, ...second.steps])
    expect(await zones().version(zone(), 1)).toBeUndefined()
    expect(await zones().history(zone(), a, MANY, MANY, MUCH)).toEqual([second.versions[1]])
    expect(await zones().history(zone(), b, MANY, MANY, MUCH)).toEqual([
      second.versions[0],
      first.versions[1],
    ])
    expect((await zones().changes(zone(), 0, MANY, MUCH))!.versions).toEqual(second.versions)
    expect(await origin().kept(zone(), 0, MANY)).toEqual([first.versions[1], ...second.versions])
  })
}
