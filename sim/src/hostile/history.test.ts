/**
 * Attack class 10: the server leaves records out, goes back, or tells devices different histories. Its heads fit what it
 * shows; what gives it away are the figures that the other devices signed (REC-14, REC-15).
 */
import { Unreachable } from '@pileus/client/remote/remote'
import { nodeCrypto } from '@pileus/core/crypto/node'
import type { Digest, ZoneId } from '@pileus/core/ids/ids'
import { decodeFacts } from '@pileus/core/records/facts'
import { advance } from '@pileus/server/rules/decide'
import { createService } from '@pileus/server/rules/service'
import { memoryZones } from '@pileus/server/zones/memory'
import type { Zones } from '@pileus/server/zones/zones'
import { describe, expect, it } from 'vitest'
import { type Site, setScene } from '../scenarios/scene.ts'
import { backedUpZones } from '../scenarios/server.ts'
import { NO_FAULTS, network } from '../world/network.ts'
import { chanceOf } from '../world/random.ts'
import { createHome } from '../world/world.ts'
import { aboutChanges, consistent, expectRefused, type Lies, lieTo } from './tampering.ts'

const kept = backedUpZones()
const home = await createHome(chanceOf(10), 3, { zones: kept.zones })
let seed = 0

/** Devices a and b with some history, and c, which has not read anything yet. */
async function withNewcomer() {
  const scene = await setScene(home, ++seed, 3)
  const [a, b, c] = scene.sites as [Site, Site, Site]
  a.put('contract', 'first draft')
  await scene.settle(a, b)
  a.put('contract', 'signed')
  b.put('notes', 'n')
  await scene.settle(a, b)
  a.put('last', 'l')
  await scene.settle(a, b)
  return { ...scene, a, b, c }
}

it('devices that write in turn ask for no steps: each stood where the other did', async () => {
  const { sites, zone } = await setScene(home, ++seed, 2)
  const [a, b] = sites
  a.put('n', '0')
  await a.sync()
  await b.sync()
  let asked = 0
  const seen: Lies = {
    steps: (answer, { params }) => {
      if (params.zone === zone) asked++
      return answer
    },
  }
  for (const site of sites) lieTo(site, seen)
  for (let n = 1; n <= 4; n++) {
    a.put('n', `a ${n}`)
    await a.sync()
    await b.sync()
    b.put('n', `b ${n}`)
    await b.sync()
    await a.sync()
  }
  expect(a.text('n')).toBe('b 4')
  expect(asked).toBe(0)
})

describe('omission', () => {
  it('of a record, under a head that fits the rest, is found by the figures of the others', async () => {
    for (const hidden of [0, 1]) {
      const { a, c, zone, settle } = await withNewcomer()
      const honest = lieTo(
        c,
        aboutChanges(zone, (page) => consistent({ ...page, changes: page.changes.toSpliced(hidden, 1) })),
      )
      await expectRefused(c, /not tell the truth.*other records than it showed the others/)
      honest()
      await settle(c)
      expect(c.show()).toEqual(a.show())
    }
  })

  it('of a record from a device that was in sync is found, and the next honest sync brings it', async () => {
    const { a, b, zone, settle } = await withNewcomer()
    a.put('hidden', 'h')
    await a.sync()
    const { sequence } = (await kept.zones.head(zone))!
    a.put('later', 'x')
    await a.sync()
    const honest = lieTo(
      b,
      aboutChanges(zone, (page) => ({
        ...page,
        changes: page.changes.filter((change) => change.sequence !== sequence),
      })),
    )
    await expectRefused(b, /not all the records it says it has/)
    honest()
    await settle(b)
    expect(b.show()).toEqual(a.show())
  })

  it('is found by a later sync where the server fails before the figures of the others are compared', async () => {
    const { a, c, zone, settle } = await withNewcomer()
    // The head of a zone that never had the hidden record, told to this device in all that follows.
    let setHash: Digest | undefined
    const hiding = aboutChanges(zone, (page) => {
      const lied = consistent({ ...page, changes: page.changes.slice(1) })
      setHash ??= lied.head.setHash
      return { ...lied, head: { ...lied.head, setHash } }
    })
    const failing: Lies = {
      steps: (answer, { params }) => {
        if (params.zone === zone) throw new Unreachable('the connection was cut')
        return answer
      },
    }
    lieTo(c, { ...hiding, ...failing })
    for (let n = 0; n < 2; n++) await expect(c.sync()).rejects.toThrow('the connection was cut')
    const honest = lieTo(c, hiding)
    await expect(c.sync()).rejects.toThrow(/other records than it showed the others/)
    honest()
    await settle(c)
    expect(c.show()).toEqual(a.show())
  })

  it('of the steps between, or false ones, explain nothing', async () => {
    const { a, c, zone, settle } = await withNewcomer()
    const lies = aboutChanges(zone, (page) => consistent({ ...page, changes: page.changes.slice(1) }))
    for (const steps of [new Uint8Array(0), new Uint8Array(79), new Uint8Array(80), new Uint8Array(8_000)]) {
      const honest = lieTo(c, {
        ...lies,
        steps: (answer, { params }) => (params.zone === zone ? { steps } : answer),
      })
      await expectRefused(c, /not tell the truth/)
      honest()
    }
    await settle(c)
    expect(c.show()).toEqual(a.show())
  })
})

describe('rollback', () => {
  it('of one record to an older version is found by the figures of the others, though this device never saw the newer', async () => {
    const { a, c, zone, settle } = await withNewcomer()
    const honest = lieTo(
      c,
      aboutChanges(zone, async (page, token, calls) => {
        for (const [at, change] of page.changes.entries()) {
          const { id } = decodeFacts(change.record.facts)
          const history = await calls.call('history', { params: { zone, record: id }, token })
          const [, older] = history.versions
          if (!older) continue
          const { sequence, record, batch, leaf } = older
          const changes = page.changes.with(at, { sequence, record, batch, leaf })
          return consistent({
            ...page,
            changes: changes.toSorted((x, y) => x.sequence - y.sequence),
            batches: [...page.batches, ...history.batches],
          })
        }
        return page
      }),
    )
    await expectRefused(c, /other records than it showed the others/)
    honest()
    await settle(c)
    expect(c.show()).toEqual(a.show())
    expect(c.text('contract')).toBe('signed')
  })

  it('of the whole zone is found by what this device verified before', async () => {
    const { a, b, zone, settle } = await withNewcomer()
    const old = await kept.zones.head(zone)
    a.put('newer', 'n')
    await settle(a, b)
    const { incarnation, sequence, chain, setHash } = old!
    const honest = lieTo(
      b,
      aboutChanges(zone, (page) => ({
        ...page,
        changes: [],
        batches: [],
        cursor: { incarnation, sequence, chain },
        head: { ...page.head, sequence, chain, setHash },
      })),
    )
    await expectRefused(b, /went back from change \d+ of its history to \d+/)
    honest()
    b.put('goes on', '!')
    await settle(b, a)
    expect(a.show()).toEqual(b.show())
  })

  it('of a page that contradicts itself, or never ends, is refused', async () => {
    const { a, b, zone, settle } = await withNewcomer()
    a.put('one', '1')
    a.put('two', '2')
    await a.sync()
    const pages: Parameters<typeof aboutChanges>[1][] = [
      (page) => ({ ...page, changes: [], more: true }),
      (page) => ({ ...page, changes: page.changes.toReversed() }),
      (page) => ({ ...page, cursor: { ...page.cursor, sequence: page.cursor.sequence + 1 } }),
      (page) => ({ ...page, head: { ...page.head, incarnation: page.head.incarnation + 1 } }),
    ]
    for (const lie of pages) {
      const honest = lieTo(b, aboutChanges(zone, lie))
      await expectRefused(b, /contradicts itself/)
      honest()
    }
    await settle(b)
    expect(b.show()).toEqual(a.show())
  })
})

describe('a chain', () => {
  it('that does not come from the changes is refused, for this device would sign it in good faith', async () => {
    const { a, b, zone, settle } = await withNewcomer()
    a.put('one', '1')
    await a.sync()
    const honest = lieTo(
      b,
      aboutChanges(zone, (page) => {
        const chain = page.head.setHash
        return { ...page, cursor: { ...page.cursor, chain }, head: { ...page.head, chain } }
      }),
    )
    await expect(b.sync()).rejects.toThrow(/contradicts itself/)
    honest()
    await settle(b)
    expect(b.show()).toEqual(a.show())
  })
})

describe('a gap', () => {
  it('in the numbers is asked about: the steps must lead from what this device had to what it has', async () => {
    const { a, b, zone, settle } = await withNewcomer()
    a.put('contract', 'second')
    await a.sync()
    a.put('contract', 'third')
    await a.sync()
    const honest = lieTo(b, {
      steps: ({ steps }, { params }) => ({
        steps: params.zone === zone ? steps.map((byte) => byte ^ 1) : steps,
      }),
    })
    await expectRefused(b, /not tell the truth/)
    honest()
    // Nor may it jump, to number what comes later as it likes.
    const jump = lieTo(
      b,
      aboutChanges(zone, (page) => {
        const sequence = page.head.sequence + 1_000
        return { ...page, cursor: { ...page.cursor, sequence }, head: { ...page.head, sequence } }
      }),
    )
    await expect(b.sync()).rejects.toThrow()
    jump()
    await settle(b)
    expect(b.show()).toEqual(a.show())
  })
})

describe('fork', () => {
  /** Another server with the same accounts, chunks and past, and a future of its own. */
  async function forked() {
    const zones = memoryZones()
    await kept.replay(zones)
    const { engines } = home.environment
    const service = createService({ ...home.environment, engines: { ...engines, zones } })
    return { zones, calls: network(service, chanceOf(1), () => NO_FAULTS) }
  }

  /** Writes the newest batch of one history into another, as a server does that checks nothing. */
  async function splice(from: Zones, to: Zones, zone: ZoneId): Promise<void> {
    const source = (await from.changes(zone, 0, 1_000, 1e9))!.versions
    const { batch: id } = source.at(-1)!
    const versions = source.filter(({ batch }) => batch === id)
    const head = (await to.head(zone))!
    const pushed = versions.map(({ record, leaf }) => ({
      facts: decodeFacts(record.facts),
      sealed: record,
      leaf,
      group: undefined,
    }))
    const stored = await to.current(
      zone,
      versions.map(({ id }) => id),
    )
    const current = new Map(
      [...stored].map(([id, { sequence, facts, leaf }]) => [
        id,
        { sequence, leaf, vector: decodeFacts(facts).vector },
      ]),
    )
    const { steps, head: after } = advance(nodeCrypto, head, pushed, current)
    const committed = await to.commit({
      zone,
      expected: head,
      head: after,
      addedBytes: 0,
      versions: versions.map((version, n) => ({ ...version, sequence: steps[n]!.sequence })),
      steps,
      batches: [{ ...(await from.batch(zone, id))!, sequence: after.sequence }],
    })
    expect(committed).toBe('committed')
  }

  it('two devices that are told different histories find it out as soon as one hears of the other', async () => {
    const { a, b, zone, settle } = await withNewcomer()
    const fork = await forked()
    b.device.through = () => fork.calls
    a.put('by a', 'a')
    b.put('by b', 'b')
    await a.sync()
    await b.sync()
    // Neither can know yet: each was told a history that holds together.
    expect(a.show()).not.toHaveProperty('by b')
    // Whatever a writes next says what a saw before it.
    a.put('more by a', 'm')
    await a.sync()
    await splice(kept.zones, fork.zones, zone)
    await expectRefused(b, /another history than it showed the others/)
    // One history again, a's: b's cursor is of none that it has, so all is read again and nothing is lost.
    delete b.device.through
    await settle(b, a)
    expect(b.show()).toEqual(a.show())
    expect(a.show()).toMatchObject({ 'by a': 'a', 'by b': 'b', 'more by a': 'm' })
  })

  it('is found out under the pretext that the server was set back, too', async () => {
    const { a, b, zone, settle } = await withNewcomer()
    const fork = await forked()
    // As after a restored backup: b reads all again, and from now on lives in another incarnation than a.
    await fork.zones.raiseIncarnation(zone, 1)
    b.device.through = () => fork.calls
    await b.sync()
    a.put('by a', 'a')
    await a.sync()
    await splice(kept.zones, fork.zones, zone)
    await expectRefused(b, /was written after/)
    delete b.device.through
    await settle(b, a)
    expect(b.show()).toEqual(a.show())
  })

  it('a device that reads the spliced history for the first time finds it out', async () => {
    const { a, b, c, zone, settle } = await withNewcomer()
    const fork = await forked()
    b.device.through = () => fork.calls
    b.put('by b', 'b')
    await b.sync()
    a.put('by a', 'a')
    await a.sync()
    a.put('more by a', 'm')
    await a.sync()
    await splice(kept.zones, fork.zones, zone)
    c.device.through = () => fork.calls
    await expectRefused(c, /another history than it showed the others|other records/)
    delete c.device.through
    delete b.device.through
    await settle(c, b, a)
    expect(c.show()).toEqual(a.show())
    expect(b.show()).toEqual(a.show())
    expect(a.show()).toHaveProperty('by b')
  })
})
