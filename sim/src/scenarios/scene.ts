/** Scenes for readable tests: devices by letter, a person at each, and what a test wants to see of them. */
import { createHash } from 'node:crypto'
import type { DeviceAccount, SignedIn } from '@pileus/client/account/account'
import type { SyncOptions } from '@pileus/client/drive/context'
import type { SyncReport } from '@pileus/client/drive/drive'
import { type MemoryFiles, memoryFiles } from '@pileus/client/files/memory'
import { type Person, personAt } from '@pileus/client/files/person'
import { MARKER, readMarker, writeMarker } from '@pileus/client/folder/marker'
import type { Calls, EndpointName } from '@pileus/client/remote/calls'
import { Unreachable } from '@pileus/client/remote/remote'
import { deviceSession, signedIn } from '@pileus/client/remote/session'
import { memoryStore } from '@pileus/client/store/memory'
import { nodeCrypto } from '@pileus/core/crypto/node'
import type { ZoneId } from '@pileus/core/ids/ids'
import { NO_FAULTS, network } from '../world/network.ts'
import { chanceOf } from '../world/random.ts'
import { createWorld, type Device, type Home, type World } from '../world/world.ts'

/** A device with its person. */
export interface Site extends Person {
  readonly device: Device
  readonly files: MemoryFiles
  sync(options?: SyncOptions): Promise<SyncReport>
  /** Every path, with the text of files, the target of links, and nothing for folders (whose paths end in '/'). */
  show(): Record<string, string>
  put(path: string, text: string): void
  text(path: string): string
}

export interface Scene {
  readonly world: World
  readonly zone: ZoneId
  readonly sites: readonly [Site, Site, ...Site[]]
  /** One more device: an empty folder linked to the same zone, on a disk of its own kind. */
  join(account: number, disk?: { readonly caseInsensitive?: boolean }): Site
  /** A site over other disks or databases of a device that is there. */
  again(site: Site, parts: Partial<Pick<Device, 'files' | 'store'>>): Site
  /** All sites in turn until none has anything to do. */
  settle(...sites: Site[]): Promise<void>
}

const ROUNDS_MAX = 6
const encoder = new TextEncoder()

/** Hex, as content is named in records. */
export const sha256Of = (text: string): string => createHash('sha256').update(text).digest('hex')

export const bytes = (text: string): Uint8Array => encoder.encode(text)

/** Two devices (or more) of the home in a new zone. Equal seeds give equal scenes. */
export async function setScene(home: Home, seed: number, devices = 2): Promise<Scene> {
  const world = await createWorld(home, chanceOf(seed), devices)
  const zone = readMarker(world.devices[0]!.files.folder) as ZoneId
  const siteOf = (device: Device): Site => createSite(world, device)
  return {
    world,
    zone,
    sites: world.devices.map(siteOf) as [Site, Site, ...Site[]],
    join(account, disk = {}) {
      const files = memoryFiles({ clock: () => home.clock.now, ...disk })
      files.asPerson(() => writeMarker(files, zone))
      const owner = home.accounts[account]!
      return siteOf({
        name: owner.deviceName,
        files,
        store: memoryStore(),
        account: owner,
        faults: NO_FAULTS,
      })
    },
    again: (site, parts) => siteOf({ ...site.device, ...parts }),
    async settle(...sites) {
      for (let round = 0; round < ROUNDS_MAX; round++) {
        let busy = false
        for (const site of sites) {
          const { pushed, pulled, applied } = await site.sync()
          busy ||= pushed + pulled + applied > 0
        }
        if (!busy) return
      }
      throw new Error('the devices did not come to rest')
    },
  }
}

function createSite(world: World, device: Device): Site {
  const person = personAt(device.files)
  const text = (path: string): string => new TextDecoder().decode(person.read(path))
  return {
    ...person,
    device,
    files: device.files,
    // Time passes between syncs, as it does for people.
    sync(options) {
      world.clock.now += 1_000
      return world.sync(device, options)
    },
    show() {
      const shown: Record<string, string> = {}
      for (const [path, seen] of person.tree()) {
        if (path === MARKER) continue
        if (seen.type === 'folder') shown[`${path}/`] = ''
        else shown[path] = seen.type === 'link' ? `→${seen.target}` : new TextDecoder().decode(seen.content)
      }
      return shown
    },
    put: (path, content) => person.write(path, bytes(content)),
    text,
  }
}

/** The person saves this, and what the sync after it tells does not arrive. */
export async function saveUntold(site: Site, path: string, text: string): Promise<void> {
  site.device.through = (calls): Calls => ({
    call: (name, input) =>
      name === 'push' ? Promise.reject(new Unreachable('no way to the server')) : calls.call(name, input),
  })
  site.put(path, text)
  await site.sync().then(
    () => Promise.reject(new Error('a sync whose push did not arrive went well')),
    (error: unknown) => {
      if (!(error instanceof Unreachable)) throw error
    },
  )
  delete site.device.through
}

/** One for all: no two may draw the same ids. */
const acting = chanceOf(3)

/** Calls in the name of this device, for what is done to the account itself. */
export function signInAs(home: Home, device: DeviceAccount): SignedIn {
  const calls = network(home.service, chanceOf(2), () => NO_FAULTS)
  const clock = () => home.clock.now
  const session = deviceSession({ calls, crypto: nodeCrypto, clock, device: device.device })
  const context = { calls, crypto: nodeCrypto, random: acting.bytes, clock }
  return { context, calls: signedIn(calls, session), device }
}

/** Bytes that do not repeat and compress no better than noise; equal seeds give equal bytes. */
export function noise(seed: number, length: number): Uint8Array {
  const out = new Uint8Array(Math.ceil(length / 4) * 4)
  const words = new Uint32Array(out.buffer)
  let state = (seed * 2_654_435_761) >>> 0 || 1
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    words[i] = state
  }
  return out.subarray(0, length)
}

/** Counts the calls of a device by name from now on. */
export function listen(device: Device): Map<EndpointName, number> {
  const counts = new Map<EndpointName, number>()
  device.through = (calls): Calls => ({
    call(name, input) {
      counts.set(name, (counts.get(name) ?? 0) + 1)
      return calls.call(name, input)
    },
  })
  return counts
}

/** The operations on the folder's disk that `work` makes the engine do, without reads. */
export async function changesDuring(site: Site, work: () => Promise<unknown>): Promise<number> {
  const before = site.files.changes
  await work()
  return site.files.changes - before
}
