/** Engines of a server that a test can damage or set back: real memory engines, listened to. */

import type { Blobs } from '@pileus/server/blobs/blobs'
import { memoryBlobs } from '@pileus/server/blobs/memory'
import { memoryZones } from '@pileus/server/zones/memory'
import type { Zones } from '@pileus/server/zones/zones'

export interface BackedUpZones {
  readonly zones: Zones
  /** How much has happened: what `restore` takes. */
  backUp(): number
  /** The zones as they were then, as after a restore from a backup. */
  restore(backup: number): Promise<void>
  /** Does all that happened to other zones: a copy of the server. */
  replay(zones: Zones): Promise<void>
}

const WRITES: readonly (keyof Zones)[] = [
  'create',
  'appendLog',
  'commit',
  'raiseIncarnation',
  'addPack',
  'setSyncState',
  'prune',
]

/** Zones in memory with a journal, from whose beginning any earlier state can be made again. */
export function backedUpZones(): BackedUpZones {
  let current = memoryZones()
  let journal: ((zones: Zones) => Promise<unknown>)[] = []
  const zones = new Proxy({} as Zones, {
    get(_, name: keyof Zones) {
      const call =
        (on: Zones) =>
        (...args: unknown[]): Promise<unknown> =>
          (on[name] as (...args: unknown[]) => Promise<unknown>)(...args)
      if (!WRITES.includes(name)) return (...args: unknown[]) => call(current)(...args)
      return (...args: unknown[]) => {
        journal.push((on) => call(on)(...args))
        return call(current)(...args)
      }
    },
  })
  return {
    zones,
    backUp: () => journal.length,
    async restore(backup) {
      current = memoryZones()
      journal = journal.slice(0, backup)
      for (const write of journal) await write(current)
    },
    async replay(zones) {
      for (const write of journal) await write(zones)
    },
  }
}

export interface BrittleBlobs {
  readonly blobs: Blobs
  /** Flips a bit of every object made since the last call, at this share of its length. */
  damage(share: number): void
  /** Removes every object made since the last call. */
  lose(): Promise<void>
  /** Undoes all damage (not losses). */
  mend(): void
}

/** Blobs in memory whose bytes go bad at rest. */
export function brittleBlobs(): BrittleBlobs {
  const whole = memoryBlobs()
  const lengths = new Map<string, { key: Parameters<Blobs['read']>[0]; length: number }>()
  const flips = new Map<string, number>()
  let fresh: string[] = []
  const nameOf = (key: { zone: string; object: string }) => `${key.zone}/${key.object}`
  return {
    blobs: {
      ...whole,
      async put(key, bytes) {
        let length = 0
        async function* counted() {
          for await (const part of bytes) {
            length += part.length
            yield part
          }
        }
        await whole.put(key, counted())
        lengths.set(nameOf(key), { key, length })
        fresh.push(nameOf(key))
      },
      async read(key, offset, into) {
        await whole.read(key, offset, into)
        const at = flips.get(nameOf(key))
        if (at !== undefined && at >= offset && at < offset + into.length) into[at - offset]! ^= 1
      },
    },
    damage(share) {
      for (const name of fresh) flips.set(name, Math.floor(lengths.get(name)!.length * share))
      fresh = []
    },
    async lose() {
      for (const name of fresh) await whole.remove(lengths.get(name)!.key)
      fresh = []
    },
    mend: () => flips.clear(),
  }
}
