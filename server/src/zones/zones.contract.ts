/** What every engine of the zones port must do. Run by zones.test.ts on each. */
import { type ChunkId, type DeviceId, idFromBytes, type PackId, type ZoneId } from '@pileus/core/ids/ids'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  chunkId,
  commitOf,
  digest,
  newHead,
  packId,
  randomBytes,
  recordId,
  type Wanted,
  zoneId,
} from './fixtures.ts'
import { originContract } from './origin.contract.ts'
import { versionBytes } from './size.ts'
import type { ChunkPlace, Commit, Head, Zones } from './zones.ts'

const MANY = 1_000
const MUCH = 1_000_000

/** `open` gives a new empty engine; `reopen`, where the engine is durable, the same data again. */
export function zonesContract(
  name: string,
  open: () => Promise<Zones>,
  reopen?: (zones: Zones) => Promise<Zones>,
): void {
  describe(`zones on ${name}`, () => {
    let zones: Zones
    let zone: ZoneId
    beforeEach(async () => {
      zones = await open()
      zone = zoneId()
      await zones.create({ zone, genesis: Uint8Array.of(1, 2, 3), head: newHead() })
    })
    afterEach(() => zones.close())

    const head = async () => (await zones.head(zone))!
    async function commit(wanted: readonly Wanted[], storedAt?: number): Promise<Commit> {
      const made = commitOf(zone, await head(), wanted, storedAt)
      expect(await zones.commit(made)).toBe('committed')
      return made
    }

    logContract(
      () => zones,
      () => zone,
    )
    commitContract({ zones: () => zones, zone: () => zone, head, commit })
    readContract({ zones: () => zones, zone: () => zone, head, commit })
    chunkContract(
      () => zones,
      () => zone,
    )

    originContract({ zones: () => zones, zone: () => zone, head, commit })

    if (reopen) {
      it('keeps everything over a restart', async () => {
        const made = await commit([{ id: recordId() }, { id: recordId() }])
        const pack = packId()
        const place = { chunk: chunkId(), pack, offset: 41, length: 7 }
        await zones.addPack(zone, pack, 48, [place])
        const before = await head()
        zones = await reopen(zones)
        expect(await head()).toEqual(before)
        expect((await zones.changes(zone, 0, MANY, MUCH))!.versions).toEqual(made.versions)
        expect(await zones.batch(zone, made.batches[0]!.id)).toEqual(made.batches[0])
        expect((await zones.locate(zone, [place.chunk])).get(place.chunk)).toEqual(place)
      })
    }
  })
}

function logContract(zones: () => Zones, zone: () => ZoneId): void {
  it('creates a zone once; a repeat changes nothing', async () => {
    const before = await zones().head(zone())
    expect(await zones().create({ zone: zone(), genesis: Uint8Array.of(9), head: newHead() })).toBe('exists')
    expect(await zones().head(zone())).toEqual(before)
    expect(await zones().log(zone(), 0, 10)).toEqual([Uint8Array.of(1, 2, 3)])
  })

  it('knows nothing of a zone that was never created', async () => {
    const other = zoneId()
    expect(await zones().head(other)).toBeUndefined()
    expect(await zones().log(other, 0, 10)).toEqual([])
    expect(await zones().changes(other, 0, MANY, MUCH)).toBeUndefined()
    expect(await zones().appendLog(other, { logLength: 1, sequence: 0 }, Uint8Array.of(1), digest())).toBe(
      'moved',
    )
    expect(await zones().commit(commitOf(other, newHead(), [{ id: recordId() }]))).toBe('moved')
  })

  it('appends to the log only at the length and sequence the caller saw', async () => {
    const hash = digest()
    const seen = { logLength: 1, sequence: 0 }
    const later = { logLength: 1, sequence: 1 }
    expect(await zones().appendLog(zone(), later, Uint8Array.of(4), hash)).toBe('moved')
    expect(await zones().appendLog(zone(), seen, Uint8Array.of(4), hash)).toBe('appended')
    expect(await zones().appendLog(zone(), seen, Uint8Array.of(5), digest())).toBe('moved')
    expect(await zones().log(zone(), 1, 10)).toEqual([Uint8Array.of(4)])
    expect(await zones().head(zone())).toMatchObject({ logLength: 2, logHead: hash })
  })

  it('raises an incarnation once for any number of callers who saw the same', async () => {
    await Promise.all([zones().raiseIncarnation(zone(), 1), zones().raiseIncarnation(zone(), 1)])
    expect((await zones().head(zone()))!.incarnation).toBe(2)
  })

  it('lists zones in order, in pages', async () => {
    const other = zoneId()
    await zones().create({ zone: other, genesis: Uint8Array.of(1), head: newHead() })
    const all = [zone(), other].sort()
    expect(await zones().list(null, 10)).toEqual(all)
    expect(await zones().list(all[0]!, 10)).toEqual([all[1]])
  })

  it('remembers how far each device has read', async () => {
    const device = idFromBytes('device', randomBytes(16)) as DeviceId
    expect(await zones().syncState(zone(), device)).toBeUndefined()
    await zones().setSyncState(zone(), device, { incarnation: 1, sequence: 5, at: 99 })
    expect(await zones().syncState(zone(), device)).toEqual({ incarnation: 1, sequence: 5, at: 99 })
  })
}

export interface ContractSubject {
  readonly zones: () => Zones
  readonly zone: () => ZoneId
  readonly head: () => Promise<Head>
  readonly commit: (wanted: readonly Wanted[], storedAt?: number) => Promise<Commit>
}

function commitContract({ zones, zone, head, commit }: ContractSubject): void {
  it('commits versions, steps, batch and head as one', async () => {
    const made = await commit([{ id: recordId() }, { id: recordId() }])
    expect(await head()).toMatchObject({ ...made.head, storedBytes: made.addedBytes, logLength: 1 })
    expect(await zones().version(zone(), 2)).toEqual(made.versions[1])
    expect(await zones().batch(zone(), made.batches[0]!.id)).toEqual(made.batches[0])
    expect(await zones().steps(zone(), 0, 2, 10)).toEqual(made.steps)
    expect(await zones().steps(zone(), 1, 2, 10)).toEqual(made.steps.slice(1))
    expect(await zones().chainAt(zone(), 1)).toBe(made.steps[0]!.chain)
    expect(await zones().chainAt(zone(), 3)).toBeUndefined()
  })

  it.each(['sequence', 'incarnation', 'generation', 'logLength'] as const)(
    'writes nothing when the head has another %s than expected',
    async (what) => {
      const before = await head()
      const made = commitOf(zone(), before, [{ id: recordId() }])
      const expected = { ...made.expected, [what]: made.expected[what] + 1 }
      expect(await zones().commit({ ...made, expected })).toBe('moved')
      expect(await head()).toEqual(before)
      expect(await zones().batch(zone(), made.batches[0]!.id)).toBeUndefined()
      expect(await zones().current(zone(), [made.versions[0]!.id])).toEqual(new Map())
    },
  )

  it('lets one of several commits on the same head win', async () => {
    const start = await head()
    const rivals = Array.from({ length: 8 }, () => commitOf(zone(), start, [{ id: recordId() }]))
    const results = await Promise.all(rivals.map((rival) => zones().commit(rival)))
    expect(results.filter((result) => result === 'committed')).toHaveLength(1)
    const winner = rivals[results.indexOf('committed')]!
    expect((await zones().changes(zone(), 0, MANY, MUCH))!.versions).toEqual(winner.versions)
  })

  it('keeps replaced versions in history and finds them by their bytes', async () => {
    const id = recordId()
    const first = (await commit([{ id }])).versions[0]!
    const second = (await commit([{ id, old: first.leaf }])).versions[0]!
    expect((await zones().current(zone(), [id, recordId()])).get(id)).toEqual({
      sequence: second.sequence,
      facts: second.record.facts,
      leaf: second.leaf,
    })
    expect(await zones().history(zone(), id, MANY, MANY, MUCH)).toEqual([second, first])
    expect(await zones().history(zone(), id, second.sequence, MANY, MUCH)).toEqual([first])
    expect(await zones().find(zone(), id, first.leaf)).toEqual(first)
    expect(await zones().find(zone(), id, digest())).toBeUndefined()
  })

  it('prunes versions replaced before a time, gives back their bytes, keeps the current', async () => {
    const id = recordId()
    const first = (await commit([{ id }], 1_000)).versions[0]!
    const second = (await commit([{ id, old: first.leaf }], 2_000)).versions[0]!
    const before = (await head()).storedBytes
    expect(await zones().prune(zone(), 2_000, 10)).toBe(0)
    expect(await zones().prune(zone(), 2_001, 10)).toBe(1)
    expect(await zones().prune(zone(), 9_999, 10)).toBe(0)
    expect((await head()).storedBytes).toBe(before - versionBytes(first.record))
    expect(await zones().history(zone(), id, MANY, MANY, MUCH)).toEqual([second])
    expect(await zones().version(zone(), 1)).toBeUndefined()
    expect(await zones().chainAt(zone(), 1)).toBeDefined()
  })
}

function readContract({ zones, zone, commit }: ContractSubject): void {
  it('reads current versions after a cursor by sequence, in pages bounded by number', async () => {
    const ids = [recordId(), recordId(), recordId()]
    const made = await commit(ids.map((id) => ({ id })))
    const again = await commit([{ id: ids[0]!, old: made.versions[0]!.leaf }])
    const all = [made.versions[1], made.versions[2], again.versions[0]]
    const page = (await zones().changes(zone(), 0, 2, MUCH))!
    expect(page).toMatchObject({ versions: all.slice(0, 2), more: true, head: { sequence: 4 } })
    const rest = (await zones().changes(zone(), 3, 2, MUCH))!
    expect(rest).toMatchObject({ versions: all.slice(2), more: false })
    expect((await zones().changes(zone(), 4, 2, MUCH))!.versions).toEqual([])
  })

  it('bounds pages by bytes, yet always returns one', async () => {
    const made = await commit([
      { id: recordId(), bytes: 5_000 },
      { id: recordId(), bytes: 5_000 },
    ])
    const page = (await zones().changes(zone(), 0, MANY, 100))!
    expect(page).toMatchObject({ versions: made.versions.slice(0, 1), more: true })
    expect((await zones().changes(zone(), 0, MANY, 8_000))!.versions).toHaveLength(1)
  })

  it('keeps zones apart', async () => {
    const other = zoneId()
    await zones().create({ zone: other, genesis: Uint8Array.of(1), head: newHead() })
    const made = await commit([{ id: recordId() }])
    expect((await zones().changes(other, 0, MANY, MUCH))!.versions).toEqual([])
    expect(await zones().batch(other, made.batches[0]!.id)).toBeUndefined()
    expect(await zones().current(other, [made.versions[0]!.id])).toEqual(new Map())
  })
}

function chunkContract(zones: () => Zones, zone: () => ZoneId): void {
  const placesIn = (pack: PackId, chunks: readonly ChunkId[]): ChunkPlace[] =>
    chunks.map((chunk, index) => ({ chunk, pack, offset: 41 + 100 * index, length: 64 }))

  it('indexes a pack once and counts its bytes once', async () => {
    const pack = packId()
    const places = placesIn(pack, [chunkId(), chunkId()])
    expect(await zones().addPack(zone(), pack, 500, places)).toBe(true)
    expect(await zones().addPack(zone(), pack, 500, places)).toBe(false)
    expect(await zones().pack(zone(), pack)).toEqual({ chunks: 2, storedBytes: 500 })
    expect((await zones().head(zone()))!.storedBytes).toBe(500)
    const found = await zones().locate(zone(), [places[1]!.chunk, chunkId(), places[0]!.chunk])
    expect([...found.values()].sort((a, b) => a.offset - b.offset)).toEqual(places)
  })

  it('knows every place of a chunk that came in two packs', async () => {
    const chunk = chunkId()
    const packs = [packId(), packId()]
    for (const pack of packs) await zones().addPack(zone(), pack, 100, placesIn(pack, [chunk]))
    const places = await zones().places(zone(), chunk)
    expect(places.map(({ pack }) => pack).sort()).toEqual([...packs].sort())
    expect((await zones().locate(zone(), [chunk])).size).toBe(1)
  })

  it('does not find a chunk of another zone', async () => {
    const other = zoneId()
    await zones().create({ zone: other, genesis: Uint8Array.of(1), head: newHead() })
    const pack = packId()
    const [place] = placesIn(pack, [chunkId()])
    await zones().addPack(other, pack, 100, [place!])
    expect(await zones().locate(zone(), [place!.chunk])).toEqual(new Map())
    expect(await zones().pack(zone(), pack)).toBeUndefined()
  })
}
